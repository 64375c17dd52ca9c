// What the kernels that upsample logits share: checked logits, and both axes of the output cut into cells.
#pragma once

#include <vector>

#include "edgeseg/image.hpp"
#include "loops.hpp"

namespace edgeseg {

struct Axis {
    std::vector<int> index;
    std::vector<int> begin;
    std::vector<float> w0;
    std::vector<float> w1;

    // `samples` outputs over [origin, origin + extent) of `size` logits.
    void set(int samples, double origin, double extent, int size);

    Cells cells() const { return {static_cast<int>(index.size()), index.data(), begin.data(), w0.data(), w1.data()}; }
};

class Grid {
  public:
    Grid() = default;
    Grid(const Logits& logits, const Rect& rect, int width, int height) { set(logits, rect, width, height); }

    // In the memory that it has. Throws std::invalid_argument: no logit or pixel, too many classes, an empty rectangle,
    // a NaN or an infinity.
    void set(const Logits& logits, const Rect& rect, int width, int height);

    // At least two planes: a single one comes with a plane of zeros before it, so that "above 0" is an arg-max.
    const Logits& logits() const { return logits_; }
    Winners winners() const { return {winners_.data(), agree_.data()}; }
    Cells columns() const { return columns_.cells(); }
    Cells rows() const { return rows_.cells(); }
    // Rows of output that the tallest band (a row of cells) has.
    int tallest_band() const;
    // Memory that the loops work in.
    float* memory() { return memory_.data(); }
    Span* spans() { return spans_.data(); }

  private:
    Logits logits_{};
    std::vector<float> two_planes_;
    std::vector<std::uint8_t> winners_;
    std::vector<std::uint8_t> agree_;
    Axis columns_;
    Axis rows_;
    std::vector<float> memory_;
    std::vector<Span> spans_;
};

}  // namespace edgeseg
