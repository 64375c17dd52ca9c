// Which images may lie where in memory.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "edgeseg/kernels.hpp"

namespace edgeseg {

// Whether two images share a byte. Where their rows lie differently far apart, lying among each other counts as sharing.
template <typename First, typename Second>
bool overlap(const First& a, const Second& b) {
    const std::ptrdiff_t row_a = std::ptrdiff_t{a.width} * a.channels, row_b = std::ptrdiff_t{b.width} * b.channels;
    const auto begin_a = reinterpret_cast<std::intptr_t>(a.data), begin_b = reinterpret_cast<std::intptr_t>(b.data);
    const std::intptr_t end_a = begin_a + (a.height - 1) * a.stride + row_a;
    const std::intptr_t end_b = begin_b + (b.height - 1) * b.stride + row_b;
    if (end_a <= begin_b || end_b <= begin_a) return false;
    if (a.stride != b.stride || a.stride <= 0) return true;
    const std::intptr_t shift = ((begin_b - begin_a) % a.stride + a.stride) % a.stride;
    return shift < row_a || shift + row_b > a.stride;  // side by side in rows of one larger image is apart
}

template <typename First, typename Second>
bool same(const First& a, const Second& b) {
    return a.data == b.data && a.stride == b.stride;
}

inline void check_apart(bool apart) {
    if (!apart) throw std::invalid_argument("an output overlaps an input; give it memory of its own");
}

}  // namespace edgeseg
