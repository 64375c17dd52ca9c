// Images and logits as the kernels see them: memory of the caller, never copied, never freed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeseg {

// Rows of width x channels interleaved bytes; `stride` bytes lie between the starts of two rows.
struct ConstImage {
    const std::uint8_t* data;
    int width;
    int height;
    int channels;
    std::ptrdiff_t stride;

    const std::uint8_t* row(int y) const { return data + y * stride; }
};

struct Image {
    std::uint8_t* data;
    int width;
    int height;
    int channels;
    std::ptrdiff_t stride;

    std::uint8_t* row(int y) const { return data + y * stride; }
};

// Planes of height x width floats, one a class, contiguous: (C, h, w). One plane: class 1 where it is above 0, else 0.
struct Logits {
    const float* data;
    int classes;
    int height;
    int width;
};

// The part of the logits that an output covers, in logits; a border may lie inside a logit.
struct Rect {
    double x;
    double y;
    double width;
    double height;
};

}  // namespace edgeseg
