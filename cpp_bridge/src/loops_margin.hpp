// Upsample + margin: every class in every cell, as the second-best class has no use for corners that agree.
#pragma once

#include "loops_argmax.hpp"

namespace edgeseg {
namespace {

void margin_row(const Edge* edges, int classes, int r, const float* w0, const float* w1, int count, float* out) {
    for (int x = 0; x < count; x = next(x, count)) {
        Floats left, right;
        load(left, w0 + x);
        load(right, w1 + x);
        Floats best = left * edges[0].left[r] + right * edges[0].right[r];
        Floats second = Floats{} - __builtin_inff();
        for (int c = 1; c < classes; ++c) {
            const Floats value = left * edges[c].left[r] + right * edges[c].right[r];
            const Floats lower = value > best ? best : value;
            best = value > best ? value : best;
            second = lower > second ? lower : second;
        }
        store(out + x, best - second, count - x);
    }
}

void margin_band(const Logits& logits, const Cells& columns, const Cells& rows, int band, float* memory, float* out,
                 std::ptrdiff_t stride) {
    const int first = rows.begin[band], height = rows.begin[band + 1] - first;
    CornerReader reader(logits, rows.index[band], memory);
    Edge edges[256];
    for (int j = 0; j < columns.count; ++j) {
        const Corners& at = reader.read(columns.index[j]);
        const int begin = columns.begin[j], count = columns.begin[j + 1] - begin;
        for (int y = 0; y < height; y += kLanes) {
            for (int c = 0; c < logits.classes; ++c) edges[c] = edge(at, c, rows.w0 + first + y, rows.w1 + first + y);
            const int some = height - y < kLanes ? height - y : kLanes;
            for (int r = 0; r < some; ++r) {
                margin_row(edges, logits.classes, r, columns.w0 + begin, columns.w1 + begin, count,
                           out + (y + r) * stride + begin);
            }
        }
    }
}

}  // namespace
}  // namespace edgeseg
