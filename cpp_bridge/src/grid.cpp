#include "grid.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "edgeseg/pixel.hpp"

namespace edgeseg {
namespace {

const Logits& checked(const Logits& logits, const Rect& rect, int width, int height) {
    if (logits.classes < 1 || logits.classes > 255) throw std::invalid_argument("logits take 1 to 255 classes");
    if (std::min({logits.width, logits.height, width, height}) < 1) {
        throw std::invalid_argument("logits and output take sizes of at least 1x1");
    }
    if (!std::isfinite(rect.x) || !std::isfinite(rect.y) || !std::isfinite(rect.width) ||
        !std::isfinite(rect.height) || rect.width <= 0 || rect.height <= 0) {
        throw std::invalid_argument("the rectangle takes finite numbers, width and height above 0");
    }
    return logits;
}

}  // namespace

void Axis::set(int samples, double origin, double extent, int size) {
    index.clear();
    begin.clear();
    w0.clear();
    w1.clear();
    w0.reserve(static_cast<std::size_t>(samples) + kPadding);
    w1.reserve(static_cast<std::size_t>(samples) + kPadding);
    for (int i = 0; i < samples; ++i) {
        const Sample s = sample(i, samples, origin, extent, size);
        if (index.empty() || index.back() != s.index) {
            index.push_back(s.index);
            begin.push_back(i);
        }
        w0.push_back(s.w0);
        w1.push_back(s.w1);
    }
    begin.push_back(samples);
    w0.resize(w0.size() + kPadding);  // the loops read whole vectors
    w1.resize(w1.size() + kPadding);
}

void Grid::set(const Logits& logits, const Rect& rect, int width, int height) {
    logits_ = checked(logits, rect, width, height);
    columns_.set(width, rect.x, rect.width, logits.width);
    rows_.set(height, rect.y, rect.height, logits.height);
    const std::size_t plane = static_cast<std::size_t>(logits.width) * static_cast<std::size_t>(logits.height);
    if (logits.classes == 1) {
        two_planes_.assign(2 * plane, 0.0F);
        std::copy(logits.data, logits.data + plane, two_planes_.begin() + static_cast<std::ptrdiff_t>(plane));
        logits_.data = two_planes_.data();
        logits_.classes = 2;
    }
    winners_.resize(plane);
    if (!loops().winners(logits_, winners_.data())) throw std::invalid_argument("logits hold NaN or infinity");
    agree_.resize(plane);
    loops().agreements(winners_.data(), logits.width, logits.height, agree_.data());
    memory_.assign(2 * static_cast<std::size_t>(rounded_up(logits_.classes)) * static_cast<std::size_t>(logits.width),
                   -HUGE_VALF);
    spans_.resize(columns_.index.size() + 1);  // the loop writes one past those it keeps
}

int Grid::tallest_band() const {
    int tallest = 0;
    for (std::size_t b = 0; b < rows_.index.size(); ++b) {
        tallest = std::max(tallest, rows_.begin[b + 1] - rows_.begin[b]);
    }
    return tallest;
}

}  // namespace edgeseg
