// The inner loops, one table for each instruction set. They work on plain memory that the kernels have checked and
// allocated: a loop file uses no function of the standard library that another file could also instantiate, because
// the linker would keep one of the two, perhaps the one that this processor does not run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edgeseg/image.hpp"
#include "edgeseg/pixel.hpp"

namespace edgeseg {

// Weights, and the classes of a corner, are readable for so many past their end: loops read whole vectors.
constexpr int kPadding = 16;

// One axis of the output, cut where its samples go over to the next pair of logits: the cell j reads
// index[j] and index[j] + 1 (the last logit twice on an axis of one) for the samples begin[j] to begin[j + 1].
struct Cells {
    int count;
    const int* index;
    const int* begin;
    const float* w0;
    const float* w1;
};

// The class of every logit, and for every cell, named by its top left logit, whether its corners agree on it: (h, w).
struct Winners {
    const std::uint8_t* ids;
    const std::uint8_t* agree;
};

struct Span {
    int begin;
    int end;
};

struct Loops {
    const char* name;

    // count bytes of two rows -> 8.8 fixed point.
    void (*resize_vertical)(const std::uint8_t* a, const std::uint8_t* b, FixedSample weights, int count,
                            std::uint16_t* out);
    // A row of 8.8 fixed point -> `width` pixels. `row` is readable for 4 values past its last pixel.
    void (*resize_horizontal)(const std::uint16_t* row, const FixedSample* samples, int width, int channels,
                              std::uint8_t* out);

    // The class of every logit, before any interpolation: (h, w) bytes. False where a logit is NaN or infinite.
    bool (*winners)(const Logits& logits, std::uint8_t* out);
    // From those, whether the corners of each cell agree.
    void (*agreements)(const std::uint8_t* winners, int width, int height, std::uint8_t* agree);
    // The mask of the output rows of one cell row, `out` its first; `memory` holds 2 w rounded_up(classes) floats,
    // -infinity past the classes. Lists the spans of columns that it had to compute, and returns their number.
    int (*argmax_band)(const Logits& logits, const Winners& winners, const Cells& columns, const Cells& rows, int band,
                       float* memory, Span* open, std::uint8_t* out, std::ptrdiff_t stride);
    void (*argmax_unpruned_band)(const Logits& logits, const Cells& columns, const Cells& rows, int band,
                                 float* memory, std::uint8_t* out, std::ptrdiff_t stride);
    // Best minus second-best logit of the output rows of one cell row; stride in floats.
    void (*margin_band)(const Logits& logits, const Cells& columns, const Cells& rows, int band, float* memory,
                        float* out, std::ptrdiff_t stride);

    // Whether no value is NaN or infinite.
    bool (*finite)(const float* values, std::ptrdiff_t count);
    // average * kept + logits * added, in place.
    void (*smooth)(const float* logits, float kept, float added, std::ptrdiff_t count, float* average);

    // The mask's pixels of a span -> colour * alpha + 128, three values a pixel; `out` is writable for one more.
    // `table` holds four values a class, the fourth unused.
    void (*colour_span)(const std::uint8_t* mask, Span span, const std::uint16_t* table, std::uint16_t* out);
    // count bytes of a frame, times 256 - alpha, plus those colours.
    void (*blend_row)(const std::uint8_t* frame, const std::uint16_t* colours, std::uint32_t alpha, int count,
                      std::uint8_t* out);
};

constexpr int rounded_up(int classes) { return (classes + kPadding - 1) / kPadding * kPadding; }

extern const Loops baseline_loops;
extern const Loops avx2_loops;
extern const Loops avx512_loops;

// The table in use.
const Loops& loops();

}  // namespace edgeseg
