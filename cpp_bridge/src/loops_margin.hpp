// Upsample + margin: every class in every cell, as the second-best class has no use for corners that agree.
#pragma once

#include "lanes.hpp"
#include "loops.hpp"
#include "loops_cell.hpp"

namespace edgeseg {
namespace {

void margin_cell(const Edge* edges, int classes, int height, const float* w0, const float* w1, int count, float* out,
                 std::ptrdiff_t stride) {
    for (int x = 0; x < count; x = next(x, count)) {
        Floats left, right;
        load(left, w0 + x);
        load(right, w1 + x);
        for (int r = 0; r < height; ++r) {
            Floats best = lerp(left, edges[0].left[r], right, edges[0].right[r]);
            Floats second = Floats{} - __builtin_inff();
            for (int c = 1; c < classes; ++c) {
                const Floats value = lerp(left, edges[c].left[r], right, edges[c].right[r]);
                const Floats lower = value > best ? best : value;
                best = value > best ? value : best;
                second = lower > second ? lower : second;
            }
            store(out + r * stride + x, best - second, count - x);
        }
    }
}

void margin_band(const Logits& logits, const Cells& columns, const Cells& rows, int band, float* memory, float* out,
                 std::ptrdiff_t stride) {
    const int top = rows.begin[band], height = rows.begin[band + 1] - top;
    Columns reader(logits, rows.index[band], memory);
    for (int cell = 0; cell < columns.count; ++cell) reader.copy(columns.index[cell]);
    Edge edges[256];
    for (int cell = 0; cell < columns.count; ++cell) {
        const Corners at = reader.corners(columns.index[cell]);
        const int begin = columns.begin[cell], count = columns.begin[cell + 1] - begin;
        for (int y = 0; y < height; y += kLanes) {
            for (int c = 0; c < logits.classes; ++c) set(edges[c], at, c, rows.w0 + top + y, rows.w1 + top + y);
            margin_cell(edges, logits.classes, height - y < kLanes ? height - y : kLanes, columns.w0 + begin,
                        columns.w1 + begin, count, out + y * stride + begin, stride);
        }
    }
}

}  // namespace
}  // namespace edgeseg
