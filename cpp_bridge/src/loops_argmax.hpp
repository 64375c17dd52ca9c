// Upsample + arg-max. A cell is the area between four logits, its corners. Interpolation is convex and its rounding
// monotone (pixel.hpp), so where the corners agree on a class, that class wins the whole cell, and a class that another
// one beats at all four corners wins nowhere in it. Arithmetic is left for the cells on the borders between classes.
#pragma once

#include <cstring>

#include "lanes.hpp"
#include "loops.hpp"

namespace edgeseg {
namespace {

bool winners(const Logits& logits, std::uint8_t* __restrict out) {
    constexpr int block = 256;
    const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(logits.height) * logits.width;
    std::uint32_t largest = 0;
    for (std::ptrdiff_t start = 0; start < size; start += block) {
        const int count = static_cast<int>(size - start < block ? size - start : block);
        float best[block];
        std::int32_t winner[block];
        for (int c = 0; c < logits.classes; ++c) {
            const float* plane = logits.data + c * size + start;
            for (int i = 0; i < count; ++i) {
                std::uint32_t bits;
                std::memcpy(&bits, plane + i, sizeof bits);
                bits &= 0x7fffffffU;
                largest = bits > largest ? bits : largest;
            }
            if (c == 0) {
                for (int i = 0; i < count; ++i) best[i] = plane[i];
                for (int i = 0; i < count; ++i) winner[i] = 0;
                continue;
            }
            for (int i = 0; i < count; ++i) {
                winner[i] = plane[i] > best[i] ? c : winner[i];
                best[i] = plane[i] > best[i] ? plane[i] : best[i];
            }
        }
        for (int i = 0; i < count; ++i) out[start + i] = static_cast<std::uint8_t>(winner[i]);
    }
    return largest < 0x7f800000U;
}

// The logits of all classes at the four corners of a cell, class by class.
struct Corners {
    float* top_left;
    float* top_right;
    float* bottom_left;
    float* bottom_right;
};

// Reads the corners of cells from left to right; two cells side by side share two of them.
class CornerReader {
  public:
    CornerReader(const Logits& logits, int row, float* memory) : logits_(logits) {
        const int padded = rounded_up(logits.classes);
        corners_ = {memory, memory + padded, memory + 2 * padded, memory + 3 * padded};
        top_ = logits.data + static_cast<std::ptrdiff_t>(row) * logits.width;
        bottom_ = row + 1 < logits.height ? top_ + logits.width : top_;
    }

    const Corners& read(int column) {
        const int right = column + 1 < logits_.width ? column + 1 : column;
        if (column == right_) {
            swap(corners_.top_left, corners_.top_right);
            swap(corners_.bottom_left, corners_.bottom_right);
        } else {
            gather(column, corners_.top_left, corners_.bottom_left);
        }
        gather(right, corners_.top_right, corners_.bottom_right);
        right_ = right;
        return corners_;
    }

  private:
    static void swap(float*& a, float*& b) {
        float* const kept = a;
        a = b;
        b = kept;
    }

    void gather(int column, float* top, float* bottom) const {
        const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(logits_.height) * logits_.width;
        const float* from_top = top_ + column;
        const float* from_bottom = bottom_ + column;
        for (int c = 0; c < logits_.classes; ++c) {
            top[c] = from_top[c * plane];
            bottom[c] = from_bottom[c * plane];
        }
    }

    const Logits& logits_;
    Corners corners_;
    const float* top_;
    const float* bottom_;
    int right_ = -1;
};

// The classes that none of the corners' winners beats at all four corners, in ascending order.
int contenders(const Corners& at, const std::uint8_t (&won)[4], int classes, int* out) {
    std::int32_t beaten[256];
    const int padded = rounded_up(classes);
    for (int c = 0; c < padded; ++c) beaten[c] = 0;
    for (int w = 0; w < 4; ++w) {
        const int k = won[w];
        if ((w > 0 && k == won[0]) || (w > 1 && k == won[1]) || (w > 2 && k == won[2])) continue;
        const float tl = at.top_left[k], tr = at.top_right[k], bl = at.bottom_left[k], br = at.bottom_right[k];
        for (int c = 0; c < padded; ++c) {
            beaten[c] |= (at.top_left[c] < tl) & (at.top_right[c] < tr) & (at.bottom_left[c] < bl) &
                         (at.bottom_right[c] < br);
        }
    }
    int count = 0;
    for (int c = 0; c < classes; ++c) {
        out[count] = c;
        count += 1 - beaten[c];
    }
    return count;
}

// One contender at the left and right edge of a cell, for some rows of the output: the vertical step.
struct Edge {
    float left[kLanes];
    float right[kLanes];
};

Edge edge(const Corners& at, int c, const float* w0, const float* w1) {
    Edge out;
    for (int r = 0; r < kLanes; ++r) out.left[r] = lerp(w0[r], at.top_left[c], w1[r], at.bottom_left[c]);
    for (int r = 0; r < kLanes; ++r) out.right[r] = lerp(w0[r], at.top_right[c], w1[r], at.bottom_right[c]);
    return out;
}

// The horizontal step and the arg-max of one row of a cell.
void argmax_two(const Edge* edges, const int* classes, int r, const float* w0, const float* w1, int count,
                std::uint8_t* out) {
    const Bytes lower = Bytes{} + static_cast<std::uint8_t>(classes[0]);
    const Bytes upper = Bytes{} + static_cast<std::uint8_t>(classes[1]);
    for (int x = 0; x < count; x = next(x, count)) {
        Floats left, right;
        load(left, w0 + x);
        load(right, w1 + x);
        const Floats a = left * edges[0].left[r] + right * edges[0].right[r];
        const Floats b = left * edges[1].left[r] + right * edges[1].right[r];
        const Bytes above = __builtin_convertvector(b > a, Bytes);  // all ones or none
        store(out + x, (upper & above) | (lower & ~above), count - x);
    }
}

void argmax_many(const Edge* edges, const int* classes, int contending, int r, const float* w0, const float* w1,
                 int count, std::uint8_t* out) {
    for (int x = 0; x < count; x = next(x, count)) {
        Floats left, right;
        load(left, w0 + x);
        load(right, w1 + x);
        Floats best = left * edges[0].left[r] + right * edges[0].right[r];
        Integers winner = Integers{} + classes[0];
        for (int k = 1; k < contending; ++k) {
            const Floats value = left * edges[k].left[r] + right * edges[k].right[r];
            winner = value > best ? Integers{} + classes[k] : winner;
            best = value > best ? value : best;
        }
        store(out + x, __builtin_convertvector(winner, Bytes), count - x);
    }
}

int argmax_band(const Logits& logits, const std::uint8_t* won, const Cells& columns, const Cells& rows, int band,
                float* memory, Span* open, std::uint8_t* out, std::ptrdiff_t stride) {
    const int row = rows.index[band];
    const int first = rows.begin[band], height = rows.begin[band + 1] - first;
    const std::uint8_t* top = won ? won + static_cast<std::ptrdiff_t>(row) * logits.width : nullptr;
    const std::uint8_t* bottom = row + 1 < logits.height ? top + logits.width : top;
    CornerReader reader(logits, row, memory);
    Edge edges[256];
    int classes[256];
    int spans = 0;
    // Agreeing cells fill the first row, which the others copy; then the open cells overwrite their part of all.
    if (won) {
        for (int j = 0; j < columns.count; ++j) {
            const int left = columns.index[j], right = left + 1 < logits.width ? left + 1 : left;
            const int begin = columns.begin[j], end = columns.begin[j + 1];
            const std::uint8_t winner = top[left];
            if (winner == top[right] && winner == bottom[left] && winner == bottom[right]) {
                std::memset(out + begin, winner, static_cast<std::size_t>(end - begin));
            } else {
                open[spans++] = {j, j + 1};
            }
        }
        for (int y = 1; y < height; ++y) std::memcpy(out + y * stride, out, static_cast<std::size_t>(columns.begin[columns.count]));
    } else {
        for (int j = 0; j < columns.count; ++j) open[spans++] = {j, j + 1};
    }
    for (int s = 0; s < spans; ++s) {
        const int j = open[s].begin;
        const int left = columns.index[j], right = left + 1 < logits.width ? left + 1 : left;
        const int begin = columns.begin[j], count = columns.begin[j + 1] - begin;
        const Corners& at = reader.read(left);
        int contending = logits.classes;
        if (won) {
            const std::uint8_t corner_winners[4] = {top[left], top[right], bottom[left], bottom[right]};
            contending = contenders(at, corner_winners, logits.classes, classes);
        } else {
            for (int c = 0; c < contending; ++c) classes[c] = c;
        }
        const float* w0 = columns.w0 + begin;
        const float* w1 = columns.w1 + begin;
        for (int y = 0; y < height; y += kLanes) {
            for (int k = 0; k < contending; ++k) edges[k] = edge(at, classes[k], rows.w0 + first + y, rows.w1 + first + y);
            const int some = height - y < kLanes ? height - y : kLanes;
            for (int r = 0; r < some; ++r) {
                std::uint8_t* line = out + (y + r) * stride + begin;
                if (contending == 2) {
                    argmax_two(edges, classes, r, w0, w1, count, line);
                } else {
                    argmax_many(edges, classes, contending, r, w0, w1, count, line);
                }
            }
        }
        open[s] = {begin, begin + count};
    }
    return spans;
}

}  // namespace
}  // namespace edgeseg
