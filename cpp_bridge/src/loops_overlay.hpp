// Colours over a frame: 16-bit integers, one product and one sum a byte.
#pragma once

#include <cstring>

#include "loops.hpp"

namespace edgeseg {
namespace {

void colour_span(const std::uint8_t* mask, Span span, const std::uint16_t* table, std::uint16_t* out) {
    if (span.begin >= span.end) return;
    std::uint16_t after;  // each pixel stores four values; the last one's fourth belongs to the pixel after the span
    std::memcpy(&after, out + 3 * span.end, sizeof after);
    for (int x = span.begin; x < span.end; ++x) std::memcpy(out + 3 * x, table + 4 * mask[x], 8);
    std::memcpy(out + 3 * span.end, &after, sizeof after);
}

void blend_row(const std::uint8_t* frame, const std::uint16_t* __restrict colours, std::uint32_t alpha, int count,
               std::uint8_t* out) {
    const auto weight = static_cast<std::uint16_t>(256 - alpha);
    for (int i = 0; i < count; ++i) {
        out[i] = blended(frame[i], weight, colours[i]);
    }
}

}  // namespace
}  // namespace edgeseg
