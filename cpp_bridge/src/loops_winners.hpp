// What is found out about the logits before any interpolation: their classes, where those agree, whether all are finite.
#pragma once

#include "lanes.hpp"
#include "loops.hpp"

namespace edgeseg {
namespace {

// After a network has run, the logits lie far from the processor: they are asked for this many bytes early.
constexpr int kAhead = 1024;

bool winners(const Logits& logits, std::uint8_t* out) {
    const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(logits.height) * logits.width;
    const std::ptrdiff_t whole = size / kLanes * kLanes;
    Floats strange{};  // v - v is 0, or NaN for NaN and infinity, and then so is the sum
    for (std::ptrdiff_t i = 0; i < whole; i += kLanes) {
        Floats best, value;
        load(best, logits.data + i);
        Integers winner{};
        strange += best - best;
        for (int c = 1; c < logits.classes; ++c) {
            load(value, logits.data + c * size + i);
            __builtin_prefetch(reinterpret_cast<const char*>(logits.data + c * size + i) + kAhead);
            strange += value - value;
            winner = value > best ? Integers{} + c : winner;
            best = value > best ? value : best;
        }
        store(out + i, __builtin_convertvector(winner, Bytes), kLanes);
    }
    float total = 0;
    for (std::ptrdiff_t i = whole; i < size; ++i) {
        out[i] = 0;
        for (int c = 0; c < logits.classes; ++c) {
            const float value = logits.data[c * size + i];
            total += value - value;
            if (value > logits.data[out[i] * size + i]) out[i] = static_cast<std::uint8_t>(c);
        }
    }
    for (int l = 0; l < kLanes; ++l) total += strange[l];
    return total == 0;
}

// For every cell, named by its top left logit, whether its corners have the same winner.
void agreements(const std::uint8_t* winners, int width, int height, std::uint8_t* __restrict agree) {
    const int right = width > 1 ? 1 : 0, below = height > 1 ? width : 0;
    for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(width) * height - right - below; ++i) {
        const std::uint8_t winner = winners[i];
        agree[i] = (winners[i + right] == winner) & (winners[i + below] == winner) &
                   (winners[i + below + right] == winner);
    }
}

}  // namespace
}  // namespace edgeseg
