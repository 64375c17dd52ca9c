// Upsample + arg-max. A cell is the area between four logits, its corners. Interpolation is convex and its rounding
// monotone (pixel.hpp), so where the corners agree on a class, that class wins the whole cell, and a class that another
// one beats at all four corners wins nowhere in it. Arithmetic is left for the cells on the borders between classes.
#pragma once

#include <cstring>

#include "lanes.hpp"
#include "loops.hpp"
#include "loops_cell.hpp"

namespace edgeseg {
namespace {

// The classes that none of the corners' winners beats at all four corners, in ascending order. Most open cells have two
// winners: those are told apart without branches, which no processor could predict here.
int contenders(const Corners& at, const std::uint8_t (&won)[4], int classes, int* out) {
    const int first = won[0];
    const int second = won[1] != first ? won[1] : won[2] != first ? won[2] : won[3];
    const bool more = (won[2] != first && won[2] != second) || (won[3] != first && won[3] != second);
    const int tried[4] = {first, second, won[2], won[3]};
    int count = 0;
    for (int group = 0; group < classes; group += 64) {
        std::uint64_t left = 0;  // one bit a class
        for (int start = group; start < classes && start < group + 64; start += kLanes) {
            Floats top_left, top_right, bottom_left, bottom_right;
            load(top_left, at.top_left + start);
            load(top_right, at.top_right + start);
            load(bottom_left, at.bottom_left + start);
            load(bottom_right, at.bottom_right + start);
            Integers beaten{};
            for (int w = 0; w < (more ? 4 : 2); ++w) {
                const int k = tried[w];
                beaten |= (top_left < at.top_left[k]) & (top_right < at.top_right[k]) &
                          (bottom_left < at.bottom_left[k]) & (bottom_right < at.bottom_right[k]);
            }
            left |= lane_bits(__builtin_convertvector(beaten + 1, Bytes)) << (start - group);
        }
        for (; left != 0; left &= left - 1) out[count++] = group + __builtin_ctzll(left);
    }
    return count;
}

// The horizontal step and the arg-max, for `height` rows of a cell.
void argmax_two(const Edge* edges, const int* classes, int height, const float* w0, const float* w1, int count,
                std::uint8_t* out, std::ptrdiff_t stride) {
    const Bytes lower = Bytes{} + static_cast<std::uint8_t>(classes[0]);
    const Bytes upper = Bytes{} + static_cast<std::uint8_t>(classes[1]);
    for (int x = 0; x < count; x = next(x, count)) {
        Floats left, right;
        load(left, w0 + x);
        load(right, w1 + x);
        for (int r = 0; r < height; ++r) {
            const Floats a = lerp(left, edges[0].left[r], right, edges[0].right[r]);
            const Floats b = lerp(left, edges[1].left[r], right, edges[1].right[r]);
            const Bytes above = __builtin_convertvector(b > a, Bytes);  // all ones or none
            store(out + r * stride + x, (upper & above) | (lower & ~above), count - x);
        }
    }
}

void argmax_many(const Edge* edges, const int* classes, int contending, int height, const float* w0, const float* w1,
                 int count, std::uint8_t* out, std::ptrdiff_t stride) {
    for (int x = 0; x < count; x = next(x, count)) {
        Floats left, right;
        load(left, w0 + x);
        load(right, w1 + x);
        for (int r = 0; r < height; ++r) {
            Floats best = lerp(left, edges[0].left[r], right, edges[0].right[r]);
            Integers winner = Integers{} + classes[0];
            for (int k = 1; k < contending; ++k) {
                const Floats value = lerp(left, edges[k].left[r], right, edges[k].right[r]);
                winner = value > best ? Integers{} + classes[k] : winner;
                best = value > best ? value : best;
            }
            store(out + r * stride + x, __builtin_convertvector(winner, Bytes), count - x);
        }
    }
}

// Fills a row with the winner at the left edge of every cell, right where the cell's corners agree, and lists the cells
// where they do not. Neither depends on what is found, as branches here would be guesses.
int fill_agreeing(const std::uint8_t* winners, const std::uint8_t* agree, const Cells& columns, Span* open,
                  std::uint8_t* out) {
    const int width = columns.begin[columns.count];
    int opened = 0;
    for (int cell = 0; cell < columns.count; ++cell) {
        const int left = columns.index[cell], begin = columns.begin[cell], end = columns.begin[cell + 1];
        open[opened] = {cell, cell + 1};
        opened += agree[left] == 0;
        constexpr int step = 16;
        const std::uint64_t eight = winners[left] * 0x0101010101010101ULL;
        if (end + step <= width) {
            for (int x = begin; x < end; x += step) {  // over the next cell, which is filled next
                std::memcpy(out + x, &eight, 8);
                std::memcpy(out + x + 8, &eight, 8);
            }
        } else {
            std::memset(out + begin, winners[left], static_cast<std::size_t>(end - begin));
        }
    }
    return opened;
}

// Computes one cell with the classes that contend for it.
void argmax_cell(const Corners& at, const int* classes, int contending, const Cells& columns, int cell,
                 const Cells& rows, int band, std::uint8_t* out, std::ptrdiff_t stride) {
    const int begin = columns.begin[cell], count = columns.begin[cell + 1] - begin;
    const int top = rows.begin[band], height = rows.begin[band + 1] - top;
    const float* w0 = columns.w0 + begin;
    const float* w1 = columns.w1 + begin;
    Edge edges[256];
    for (int y = 0; y < height; y += kLanes) {
        for (int k = 0; k < contending; ++k) set(edges[k], at, classes[k], rows.w0 + top + y, rows.w1 + top + y);
        const int some = height - y < kLanes ? height - y : kLanes;
        std::uint8_t* corner = out + y * stride + begin;
        if (contending == 2) {
            argmax_two(edges, classes, some, w0, w1, count, corner, stride);
        } else {
            argmax_many(edges, classes, contending, some, w0, w1, count, corner, stride);
        }
    }
}

int argmax_band(const Logits& logits, const Winners& winners, const Cells& columns, const Cells& rows, int band,
                float* memory, Span* open, std::uint8_t* out, std::ptrdiff_t stride) {
    const int row = rows.index[band], last = logits.width - 1;
    const std::uint8_t* top = winners.ids + static_cast<std::ptrdiff_t>(row) * logits.width;
    const std::uint8_t* bottom = row + 1 < logits.height ? top + logits.width : top;
    const std::uint8_t* agree = winners.agree + (top - winners.ids);
    // Agreeing cells fill the first row, which the others copy; then the open cells overwrite their part of all.
    const int opened = fill_agreeing(top, agree, columns, open, out);
    const int width = columns.begin[columns.count], height = rows.begin[band + 1] - rows.begin[band];
    for (int y = 0; y < height; ++y) {
        if (y > 0) std::memcpy(out + y * stride, out, static_cast<std::size_t>(width));
        // The same row of the next band. On the last band the address lies outside the mask, which does no harm.
        for (int x = 0; x < width; x += 64) __builtin_prefetch(out + (y + height) * stride + x, 1);
    }
    Columns reader(logits, row, memory);
    for (int s = 0; s < opened; ++s) reader.copy(columns.index[open[s].begin]);
    int classes[256];
    for (int s = 0; s < opened; ++s) {
        const int cell = open[s].begin;
        const int left = columns.index[cell], right = left < last ? left + 1 : left;
        const std::uint8_t won_here[4] = {top[left], top[right], bottom[left], bottom[right]};
        const Corners at = reader.corners(left);
        const int contending = contenders(at, won_here, logits.classes, classes);
        argmax_cell(at, classes, contending, columns, cell, rows, band, out, stride);
        open[s] = {columns.begin[cell], columns.begin[cell + 1]};
    }
    return opened;
}

void argmax_unpruned_band(const Logits& logits, const Cells& columns, const Cells& rows, int band, float* memory,
                          std::uint8_t* out, std::ptrdiff_t stride) {
    Columns reader(logits, rows.index[band], memory);
    int classes[256];
    for (int c = 0; c < logits.classes; ++c) classes[c] = c;
    for (int cell = 0; cell < columns.count; ++cell) reader.copy(columns.index[cell]);
    for (int cell = 0; cell < columns.count; ++cell) {
        const Corners at = reader.corners(columns.index[cell]);
        argmax_cell(at, classes, logits.classes, columns, cell, rows, band, out, stride);
    }
}

}  // namespace
}  // namespace edgeseg
