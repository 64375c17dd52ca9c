// The inner loops, one table for each instruction set. They work on plain memory that the kernels have checked and
// allocated: a loop file uses no function of the standard library that another file could also instantiate, because
// the linker would keep one of the two, perhaps the one that this processor does not run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edgeseg/pixel.hpp"

namespace edgeseg {

struct Loops {
    const char* name;

    // count bytes of two rows -> 8.8 fixed point.
    void (*resize_vertical)(const std::uint8_t* a, const std::uint8_t* b, FixedSample weights, int count,
                            std::uint16_t* out);
    // A row of 8.8 fixed point -> `width` pixels. `row` is readable for 4 values past its last pixel.
    void (*resize_horizontal)(const std::uint16_t* row, const FixedSample* samples, int width, int channels,
                              std::uint8_t* out);
};

extern const Loops baseline_loops;
extern const Loops avx2_loops;
extern const Loops avx512_loops;

// The table in use.
const Loops& loops();

}  // namespace edgeseg
