// The widest vector of the instruction set, in the vector types of GCC and Clang.
#pragma once

#include <cstdint>
#include <cstring>

#include "loops.hpp"

namespace edgeseg {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
static_assert(kLanes <= kPadding, "weights are padded for the widest vector");

using Floats = float __attribute__((vector_size(kLanes * 4)));
using Integers = std::int32_t __attribute__((vector_size(kLanes * 4)));
using Bytes = std::uint8_t __attribute__((vector_size(kLanes)));

// By reference: a vector as result or argument would make the calling convention depend on the instruction set.
inline void load(Floats& to, const float* from) { std::memcpy(&to, from, sizeof to); }

// Stores the first `count` lanes, all of them where it is larger.
template <typename Vector>
inline void store(void* out, const Vector& from, int count) {
    constexpr int item = static_cast<int>(sizeof(Vector)) / kLanes;
    constexpr int half = item * kLanes / 2;
    if (count >= kLanes) {
        std::memcpy(out, &from, sizeof from);
    } else if (count >= kLanes / 2) {  // two halves that overlap
        auto* bytes = static_cast<char*>(out);
        const auto* kept = reinterpret_cast<const char*>(&from);
        std::memcpy(bytes, kept, half);
        std::memcpy(bytes + item * count - half, kept + item * count - half, half);
    } else {
        std::memcpy(out, &from, static_cast<std::size_t>(item * count));
    }
}

// Bit i is lane i, whose bytes are 0 or 1 each.
inline std::uint64_t lane_bits(const Bytes& lanes) {
    std::uint64_t bits = 0;
    for (int start = 0; start < kLanes; start += 8) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, reinterpret_cast<const char*>(&lanes) + start, kLanes < 8 ? kLanes : 8);
        bits |= (eight * 0x0102040810204080ULL >> 56) << start;  // shifts byte i to bit 56 + i, and the rest out
    }
    return bits;
}

// Where the vector after the one at x starts: the last one of a longer run ends with the run, over its neighbour.
inline int next(int x, int count) {
    return x + 2 * kLanes > count && x + kLanes < count && count >= kLanes ? count - kLanes : x + kLanes;
}

}  // namespace
}  // namespace edgeseg
