// Resize: vertical first, then horizontal. Both steps are exact up to the one rounding at the end, so their order does
// not change a bit, and this one leaves only a contiguous loop and one gather a pixel.
#pragma once

#include <cstring>

#include "loops.hpp"

namespace edgeseg {
namespace {

void resize_vertical(const std::uint8_t* a, const std::uint8_t* b, FixedSample weights, int count,
                     std::uint16_t* __restrict out) {
    const auto w0 = static_cast<std::uint16_t>(weights.w0);
    const auto w1 = static_cast<std::uint16_t>(weights.w1);
    for (int i = 0; i < count; ++i) out[i] = fixed_vertical(w0, a[i], w1, b[i]);
}

using Words = std::uint16_t __attribute__((vector_size(8)));
using Longs = std::uint32_t __attribute__((vector_size(16)));
using Quad = std::uint8_t __attribute__((vector_size(4)));

Longs widened(const std::uint16_t* from) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    return __builtin_convertvector(words, Longs);
}

// Four values at once: a pixel of 3 or 4 channels (of 3, the fourth byte is overwritten by the next pixel).
template <int channels>
void resize_wide_pixels(const std::uint16_t* row, const FixedSample* samples, int width, std::uint8_t* out) {
    for (int x = 0; x < width; ++x) {
        const FixedSample s = samples[x];
        const std::uint16_t* from = row + static_cast<std::ptrdiff_t>(s.index) * channels;
        const Longs values = fixed_horizontal(s.w0, widened(from), s.w1, widened(from + channels));
        const Quad bytes = __builtin_convertvector(values, Quad);
        if (channels == 4 || x + 1 < width) {
            std::memcpy(out + x * channels, &bytes, 4);
        } else {
            std::memcpy(out + x * channels, &bytes, channels);
        }
    }
}

template <int channels>
void resize_narrow_pixels(const std::uint16_t* row, const FixedSample* samples, int width, std::uint8_t* out) {
    for (int x = 0; x < width; ++x) {
        const FixedSample s = samples[x];
        const std::uint16_t* from = row + static_cast<std::ptrdiff_t>(s.index) * channels;
        for (int c = 0; c < channels; ++c) {
            const std::uint32_t left = from[c], right = from[channels + c];
            out[x * channels + c] = static_cast<std::uint8_t>(fixed_horizontal(s.w0, left, s.w1, right));
        }
    }
}

void resize_horizontal(const std::uint16_t* row, const FixedSample* samples, int width, int channels,
                       std::uint8_t* out) {
    switch (channels) {
        case 1: return resize_narrow_pixels<1>(row, samples, width, out);
        case 2: return resize_narrow_pixels<2>(row, samples, width, out);
        case 3: return resize_wide_pixels<3>(row, samples, width, out);
        default: return resize_wide_pixels<4>(row, samples, width, out);
    }
}

}  // namespace
}  // namespace edgeseg
