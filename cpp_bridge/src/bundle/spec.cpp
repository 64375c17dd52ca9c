#include "edgeseg/spec.hpp"

#include <algorithm>
#include <cmath>

namespace edgeseg {
namespace {

// Where the first `placed` of the input's `size` pixels begin among the logits, and how many they cover.
struct Cover {
    double begin;
    double extent;
};

Cover cover(int placed, int size, int stride, PixelGrid grid) {
    const int logits = (size + stride - 1) / stride;
    if (grid == PixelGrid::whole) return {0.0, static_cast<double>(logits) * placed / size};
    if (grid == PixelGrid::corners && logits > 1) {  // one logit has no outermost ones, and is all there is everywhere
        const double step = static_cast<double>(logits - 1) / std::max(1, size - 1);  // from one pixel's centre to the next
        return {(1 - step) / 2, step * placed};
    }
    return {0.0, static_cast<double>(placed) / stride};
}

int scaled(int length, double scale) {
    return std::max(1, static_cast<int>(std::nearbyint(length * scale)));  // halves to even, as Python's round
}

}  // namespace

Size Spec::placement(int frame_width, int frame_height) const {
    if (resize == Resize::stretch) return {width, height};
    const double scale =
        std::min(static_cast<double>(width) / frame_width, static_cast<double>(height) / frame_height);
    return {scaled(frame_width, scale), scaled(frame_height, scale)};
}

Rect Spec::rect(int frame_width, int frame_height) const {
    const Size placed = placement(frame_width, frame_height);
    const Cover x = cover(placed.width, width, stride, grid), y = cover(placed.height, height, stride, grid);
    return {x.begin, y.begin, x.extent, y.extent};
}

bool Spec::operator==(const Spec& other) const {
    return name == other.name && width == other.width && height == other.height && resize == other.resize &&
           stride == other.stride && classes == other.classes && palette == other.palette && ignore == other.ignore &&
           licence == other.licence && pad == other.pad && dynamic == other.dynamic && grid == other.grid &&
           batch == other.batch &&
           head.kind == other.head.kind && head.values == other.head.values &&
           head.exclusive == other.head.exclusive &&
           !(head.threshold < other.head.threshold) && !(head.threshold > other.head.threshold);
}

}  // namespace edgeseg
