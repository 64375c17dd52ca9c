// The arithmetic of one sample, one pixel: what C++ and CUDA share, so that their masks agree bit for bit.
// Compile it without contraction to fused multiply-add (-ffp-contract=off, nvcc -fmad=false), never with -ffast-math.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define EDGESEG_PIXEL __host__ __device__ static inline
#else
#define EDGESEG_PIXEL static inline  // internal: loops.hpp says why
#endif

namespace edgeseg {

// Where an output sample reads its axis: w0 * value[index] + w1 * value[min(index + 1, last)].
struct Sample {
    int index;
    float w0;
    float w1;
};

// The same in integers: the weights are 256ths and their sum is 256.
struct FixedSample {
    int index;
    std::uint32_t w0;
    std::uint32_t w1;
};

// Sample i of n that cover [origin, origin + extent) of an axis of `size` logits, half-pixel centres.
EDGESEG_PIXEL Sample sample(int i, int n, double origin, double extent, int size) {
    double position = origin + (i + 0.5) * extent / n - 0.5;
    const double last = size - 1;
    position = position < 0 ? 0 : position > last ? last : position;
    int index = static_cast<int>(position);
    if (index > 0 && index == size - 1) index -= 1;  // the last logit is the right end of a cell
    const double t = position - index;
    return {index, static_cast<float>(1 - t), static_cast<float>(t)};
}

// Two products, not a + t * (b - a): this rounding is monotone in a and b, which makes pruning by corners exact.
// The weights or the values may be vectors.
template <typename Weight, typename Value>
EDGESEG_PIXEL auto lerp(const Weight& w0, const Value& a, const Weight& w1, const Value& b) {
    return w0 * a + w1 * b;
}

// Sample i of n over an axis of `size` pixels, as OpenCV's INTER_LINEAR_EXACT places and rounds it.
EDGESEG_PIXEL FixedSample fixed_sample(int i, int n, int size) {
    const double scale = 1.0 / (static_cast<double>(n) / size);
    const double position = scale * (i + 0.5) - 0.5;
    const int index = static_cast<int>(std::floor(position));
    if (index < 0 || size == 1) return {0, 256, 0};
    if (index >= size - 1) return {size - 2, 0, 256};
    const auto w1 = static_cast<std::uint32_t>(std::nearbyint((position - index) * 256));
    return {index, 256 - w1, w1};
}

// Vertical step of the resize: 8 fractional bits, exact.
EDGESEG_PIXEL std::uint16_t fixed_vertical(std::uint16_t w0, std::uint8_t a, std::uint16_t w1, std::uint8_t b) {
    return static_cast<std::uint16_t>(w0 * a + w1 * b);
}

// Horizontal step of the resize, on 32 bits: rounded to nearest, halves up. The values may be vectors.
template <typename Value>
EDGESEG_PIXEL Value fixed_horizontal(std::uint32_t w0, const Value& a, std::uint32_t w1, const Value& b) {
    return (a * w0 + b * w1 + 32768) >> 16;
}

// The mean of `count` bytes whose sum is given, rounded to nearest, halves up.
EDGESEG_PIXEL std::uint8_t mean_byte(unsigned sum, unsigned count) {
    return static_cast<std::uint8_t>((sum + count / 2) / count);
}

// A colour's share of a blended byte, alpha in 256ths, rounding included.
EDGESEG_PIXEL std::uint16_t colour_share(std::uint8_t colour, std::uint32_t alpha) {
    return static_cast<std::uint16_t>(colour * alpha + 128);
}

// The blended byte: `weight` is 256 - alpha. 16 bits hold it all.
EDGESEG_PIXEL std::uint8_t blended(std::uint8_t frame, std::uint16_t weight, std::uint16_t share) {
    return static_cast<std::uint8_t>(static_cast<std::uint16_t>(frame * weight + share) >> 8);
}

}  // namespace edgeseg
