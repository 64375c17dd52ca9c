// The corners of a cell (the area between four logits), and the vertical step of its interpolation.
#pragma once

#include "lanes.hpp"
#include "loops.hpp"

namespace edgeseg {
namespace {

// The logits of all classes at the four corners of a cell, class by class.
struct Corners {
    const float* top_left;
    const float* top_right;
    const float* bottom_left;
    const float* bottom_right;
};

// The two rows of logits around a band, class by class in `memory`: a column is copied when a cell first asks for it.
// Cells ask from left to right, all of them before any is read: a vector load that follows closely on stores stalls.
class Columns {
  public:
    Columns(const Logits& logits, int row, float* memory)
        : logits_(logits),
          padded_(rounded_up(logits.classes)),
          top_(memory),
          bottom_(memory + logits.width * padded_),
          from_top_(logits.data + static_cast<std::ptrdiff_t>(row) * logits.width),
          from_bottom_(row + 1 < logits.height ? from_top_ + logits.width : from_top_) {}

    void copy(int left) {
        const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(logits_.height) * logits_.width;
        for (int column = left > copied_ ? left : copied_ + 1; column <= right(left); ++column) {
            float* top = top_ + column * padded_;
            float* bottom = bottom_ + column * padded_;
            for (int c = 0; c < logits_.classes; ++c) {
                top[c] = from_top_[c * plane + column];
                bottom[c] = from_bottom_[c * plane + column];
            }
        }
        copied_ = right(left);
    }

    Corners corners(int left) const {
        const std::ptrdiff_t l = left * padded_, r = right(left) * padded_;
        return {top_ + l, top_ + r, bottom_ + l, bottom_ + r};
    }

  private:
    int right(int left) const { return left + 1 < logits_.width ? left + 1 : left; }

    const Logits& logits_;
    const std::ptrdiff_t padded_;
    float* const top_;
    float* const bottom_;
    const float* const from_top_;
    const float* const from_bottom_;
    int copied_ = -1;
};

// One class at the left and right edge of a cell, for some rows of the output: the vertical step.
struct Edge {
    float left[kLanes];
    float right[kLanes];
};

inline void set(Edge& edge, const Corners& at, int c, const float* top_weights, const float* bottom_weights) {
    Floats w0, w1;
    load(w0, top_weights);
    load(w1, bottom_weights);
    store(edge.left, lerp(w0, at.top_left[c], w1, at.bottom_left[c]), kLanes);
    store(edge.right, lerp(w0, at.top_right[c], w1, at.bottom_right[c]), kLanes);
}

}  // namespace
}  // namespace edgeseg
