// An average over time, value by value.
#pragma once

#include "lanes.hpp"
#include "loops.hpp"

namespace edgeseg {
namespace {

bool finite(const float* values, std::ptrdiff_t count) {
    const std::ptrdiff_t whole = count / kLanes * kLanes;
    Floats value, strange{};  // v - v is 0, or NaN for NaN and infinity, and then so is the sum
    for (std::ptrdiff_t i = 0; i < whole; i += kLanes) {
        load(value, values + i);
        strange += value - value;
    }
    float total = 0;
    for (std::ptrdiff_t i = whole; i < count; ++i) total += values[i] - values[i];
    for (int l = 0; l < kLanes; ++l) total += strange[l];
    return total == 0;
}

void smooth(const float* logits, float kept, float added, std::ptrdiff_t count, float* average) {
    const std::ptrdiff_t whole = count / kLanes * kLanes;
    for (std::ptrdiff_t i = 0; i < whole; i += kLanes) {
        Floats before, now;
        load(before, average + i);
        load(now, logits + i);
        store(average + i, before * kept + now * added, kLanes);
    }
    for (std::ptrdiff_t i = whole; i < count; ++i) average[i] = average[i] * kept + logits[i] * added;
}

}  // namespace
}  // namespace edgeseg
