// The CUDA twin of argmax.cpp and overlay.cpp, for logits and frames that are on the device already. Each kernel is a
// loop body over one index; the arithmetic is pixel.hpp's, so that masks are the CPU's, bit for bit.
//
//     axis     columns and rows: where the output reads the logits, in double; once for a size
//     winners  the class of every logit, and whether all are finite
//     mask     the class of every pixel
//     paint    the classes' colours over the frame
//     paint_labels  the same of masks of labels that may overlap
//
// Labels that may overlap are masks of one plane each: winners and mask run once a label, with one class.
//
// Compile: nvcc -fmad=false -std=c++17 -I cpp_bridge/include. tests/cuda.cpp compiles it as C++ and loops.
#include <cstddef>
#include <cstdint>

#include "edgeseg/pixel.hpp"

#ifdef __CUDACC__
#define EDGESEG_MEMBER __device__
#else
#define EDGESEG_MEMBER
#endif

namespace edgeseg {
namespace {

// Planes of height x width floats, one a class. One plane counts as two: zeros, then itself.
struct Planes {
    const float* data;
    int classes;
    int height;
    int width;

    EDGESEG_MEMBER int count() const { return classes == 1 ? 2 : classes; }
    EDGESEG_MEMBER float at(int c, std::ptrdiff_t place) const {
        if (classes == 1) return c == 0 ? 0.0f : data[place];
        return data[static_cast<std::ptrdiff_t>(c) * height * width + place];
    }
};

// The four logits around a pixel.
struct Cell {
    std::ptrdiff_t top_left;
    std::ptrdiff_t top_right;
    std::ptrdiff_t bottom_left;
    std::ptrdiff_t bottom_right;
};

// Whether one of the corners' winners beats class c at all four corners: then c wins nowhere in the cell, even where
// rounding makes the two equal.
EDGESEG_MEMBER bool beaten(const Planes& logits, const Cell& at, const std::uint8_t (&won)[4], int c) {
    for (int w : won) {
        if (logits.at(c, at.top_left) < logits.at(w, at.top_left) &&
            logits.at(c, at.top_right) < logits.at(w, at.top_right) &&
            logits.at(c, at.bottom_left) < logits.at(w, at.bottom_left) &&
            logits.at(c, at.bottom_right) < logits.at(w, at.bottom_right)) {
            return true;
        }
    }
    return false;
}

EDGESEG_MEMBER std::uint8_t pixel_class(const Planes& logits, const std::uint8_t* winners, const Sample& column,
                                       const Sample& row) {
    const int right = column.index + 1 < logits.width ? 1 : 0;
    const int below = row.index + 1 < logits.height ? logits.width : 0;
    const std::ptrdiff_t corner = static_cast<std::ptrdiff_t>(row.index) * logits.width + column.index;
    const Cell at{corner, corner + right, corner + below, corner + below + right};
    const std::uint8_t won[4] = {winners[at.top_left], winners[at.top_right], winners[at.bottom_left],
                                 winners[at.bottom_right]};
    if (won[0] == won[1] && won[0] == won[2] && won[0] == won[3]) return won[0];
    int winner = 0;
    float best = 0;
    for (int c = 0; c < logits.count(); ++c) {
        const float left = lerp(row.w0, logits.at(c, at.top_left), row.w1, logits.at(c, at.bottom_left));
        const float far = lerp(row.w0, logits.at(c, at.top_right), row.w1, logits.at(c, at.bottom_right));
        const float value = lerp(column.w0, left, column.w1, far);
        const bool tie = c > 0 && value == best && beaten(logits, at, won, winner) && !beaten(logits, at, won, c);
        if (c == 0 || value > best || tie) {
            winner = c;
            best = value;
        }
    }
    return static_cast<std::uint8_t>(winner);
}

}  // namespace
}  // namespace edgeseg

// One thread a sample of `count`, which cover [origin, origin + extent) of an axis of `size` logits.
extern "C" __global__ void edgeseg_axis(edgeseg::Sample* samples, int count, double origin, double extent, int size) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) samples[i] = edgeseg::sample(i, count, origin, extent, size);
}

// One thread a logit of a plane. `broken` becomes 1 where one is NaN or infinite, and stays as it is otherwise.
extern "C" __global__ void edgeseg_winners(const float* logits, int classes, int height, int width,
                                           std::uint8_t* winners, int* broken) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= height * width) return;
    const edgeseg::Planes planes{logits, classes, height, width};
    int winner = 0;
    float best = planes.at(0, i);
    bool finite = best - best == 0;  // NaN for NaN and infinity
    for (int c = 1; c < planes.count(); ++c) {
        const float value = planes.at(c, i);
        finite = finite && value - value == 0;
        if (value > best) {
            winner = c;
            best = value;
        }
    }
    winners[i] = static_cast<std::uint8_t>(winner);
    if (!finite) *broken = 1;
}

// One thread a pixel: x along the columns, y along the rows.
extern "C" __global__ void edgeseg_mask(const float* logits, int classes, int height, int width,
                                        const std::uint8_t* winners, const edgeseg::Sample* columns,
                                        const edgeseg::Sample* rows, int out_height, int out_width,
                                        std::uint8_t* mask) {
    const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (x >= out_width || y >= out_height) return;
    const edgeseg::Planes planes{logits, classes, height, width};
    mask[static_cast<std::ptrdiff_t>(y) * out_width + x] =
        edgeseg::pixel_class(planes, winners, columns[x], rows[y]);
}

// One thread a pixel of `pixels`. Palette: blue, green, red of each class. Alpha in 256ths. `out` may be the frame.
extern "C" __global__ void edgeseg_paint(const std::uint8_t* mask, const std::uint8_t* frame,
                                         const std::uint8_t* palette, unsigned alpha, int pixels, std::uint8_t* out) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= pixels) return;
    for (int b = 0; b < 3; ++b) {
        const std::ptrdiff_t at = 3 * static_cast<std::ptrdiff_t>(i) + b;
        out[at] = edgeseg::blended(frame[at], static_cast<std::uint16_t>(256 - alpha),
                                   edgeseg::colour_share(palette[3 * mask[i] + b], alpha));
    }
}

// The same of `labels` masks, a plane of `pixels` each: the mean colour of the labels that hold at a pixel.
extern "C" __global__ void edgeseg_paint_labels(const std::uint8_t* masks, int labels, const std::uint8_t* frame,
                                                const std::uint8_t* palette, unsigned alpha, int pixels,
                                                std::uint8_t* out) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= pixels) return;
    unsigned count = 0, sums[3] = {0, 0, 0};
    for (int c = 0; c < labels; ++c) {
        if (masks[static_cast<std::ptrdiff_t>(c) * pixels + i] == 0) continue;
        ++count;
        for (int b = 0; b < 3; ++b) sums[b] += palette[3 * c + b];
    }
    for (int b = 0; b < 3; ++b) {
        const std::ptrdiff_t at = 3 * static_cast<std::ptrdiff_t>(i) + b;
        out[at] = count == 0 ? frame[at]
                             : edgeseg::blended(frame[at], static_cast<std::uint16_t>(256 - alpha),
                                                edgeseg::colour_share(edgeseg::mean_byte(sums[b], count), alpha));
    }
}
