#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "edgeseg/kernels.hpp"
#include "edgeseg/pixel.hpp"
#include "grid.hpp"
#include "memory.hpp"

namespace edgeseg {
namespace {

void check(const ConstImage& frame, const Image& out) {
    if (frame.channels != 3 || out.channels != 3 || frame.width != out.width || frame.height != out.height) {
        throw std::invalid_argument("frame and overlay take 3 channels and the same size");
    }
    check_apart(same(frame, out) || !overlap(frame, out));
}

std::uint32_t in_256ths(double opacity) {
    if (!(opacity >= 0 && opacity <= 1)) throw std::invalid_argument("alpha takes a number from 0 to 1");
    return static_cast<std::uint32_t>(std::lround(opacity * 256));
}

// Alpha in 256ths and every colour times it, rounding included.
struct Paint {
    std::uint32_t alpha;
    std::vector<std::uint16_t> table;

    Paint(const Palette& palette, double opacity) : alpha(in_256ths(opacity)) {
        table.resize(4 * static_cast<std::size_t>(palette.count));
        std::uint16_t* shares = table.data();
        for (int c = 0; c < palette.count; ++c) {
            for (int b = 0; b < 3; ++b) {
                shares[4 * c + b] = colour_share(palette.colours[3 * c + b], alpha);
            }
        }
    }
};

// A row of pixels: the colours of the labels on each, summed, and how many these are.
struct Sums {
    std::vector<std::uint16_t> colours;
    std::vector<std::uint8_t> counts;

    explicit Sums(int width) : colours(3 * static_cast<std::size_t>(width)), counts(static_cast<std::size_t>(width)) {}

    void clear() {
        std::fill(colours.begin(), colours.end(), std::uint16_t{0});
        std::fill(counts.begin(), counts.end(), std::uint8_t{0});
    }

    // Labels are sparse: eight pixels without one are passed over at once.
    void add(const std::uint8_t* mask, const std::uint8_t* colour) {
        const int width = static_cast<int>(counts.size());
        std::uint8_t* count = counts.data();
        std::uint16_t* sum = colours.data();
        for (int start = 0; start < width; start += 8) {
            const int end = std::min(start + 8, width);
            std::uint64_t eight = 0;
            std::memcpy(&eight, mask + start, static_cast<std::size_t>(end - start));
            for (int x = start; x < end && eight != 0; ++x) {
                if (mask[x] == 0) continue;
                ++count[x];
                for (int i = 3 * x, b = 0; b < 3; ++i, ++b) {
                    sum[i] = static_cast<std::uint16_t>(sum[i] + colour[b]);
                }
            }
        }
    }
};

}  // namespace

void overlay(const Logits& logits, const Rect& rect, const ConstImage& frame, const Palette& palette, double alpha,
             const Image& out, const Image* mask) {
    check(frame, out);
    if (palette.count < std::max(2, logits.classes)) {
        throw std::invalid_argument("the palette has fewer colours than there are classes");
    }
    if (mask != nullptr && (mask->width != frame.width || mask->height != frame.height)) {
        throw std::invalid_argument("frame and mask take the same size");
    }
    check_apart(mask == nullptr || (!overlap(*mask, out) && !overlap(*mask, frame)));
    const Paint paint(palette, alpha);
    Grid grid(logits, rect, frame.width, frame.height);
    const Loops& use = loops();
    const Cells columns = grid.columns(), rows = grid.rows();
    std::vector<std::uint8_t> band_mask;
    if (mask == nullptr) {
        band_mask.resize(static_cast<std::size_t>(grid.tallest_band()) * static_cast<std::size_t>(frame.width));
    }
    std::vector<std::uint16_t> colours(3 * static_cast<std::size_t>(frame.width) + 1);
    for (int band = 0; band < rows.count; ++band) {
        const int first = rows.begin[band];
        std::uint8_t* ids = mask == nullptr ? band_mask.data() : mask->row(first);
        const std::ptrdiff_t stride = mask == nullptr ? frame.width : mask->stride;
        const int open = use.argmax_band(grid.logits(), grid.winners(), columns, rows, band, grid.memory(),
                                         grid.spans(), ids, stride);
        // Only the open spans change from one row of the band to the next.
        use.colour_span(ids, {0, frame.width}, paint.table.data(), colours.data());
        for (int y = first; y < rows.begin[band + 1]; ++y, ids += stride) {
            for (int s = 0; s < open && y > first; ++s) {
                use.colour_span(ids, grid.spans()[s], paint.table.data(), colours.data());
            }
            use.blend_row(frame.row(y), colours.data(), paint.alpha, 3 * frame.width, out.row(y));
        }
    }
}

void blend(const ConstImage& mask, const ConstImage& frame, const Palette& palette, double alpha, const Image& out) {
    check(frame, out);
    if (mask.width != frame.width || mask.height != frame.height) {
        throw std::invalid_argument("frame and mask take the same size");
    }
    check_apart(!overlap(mask, out));
    const Paint paint(palette, alpha);
    std::uint8_t highest = 0;
    for (int y = 0; y < mask.height; ++y) {
        const std::uint8_t* row = mask.row(y);
        for (int x = 0; x < mask.width; ++x) highest = std::max(highest, row[x]);
    }
    if (highest >= palette.count) {
        throw std::invalid_argument("the mask holds a class that the palette has no colour for");
    }
    const Loops& use = loops();
    std::vector<std::uint16_t> colours(3 * static_cast<std::size_t>(frame.width) + 1);
    for (int y = 0; y < frame.height; ++y) {
        use.colour_span(mask.row(y), {0, frame.width}, paint.table.data(), colours.data());
        use.blend_row(frame.row(y), colours.data(), paint.alpha, 3 * frame.width, out.row(y));
    }
}

void blend_labels(const std::uint8_t* masks, int count, const ConstImage& frame, const Palette& palette, double alpha,
                  const Image& out) {
    check(frame, out);
    if (count < 1 || count > 255 || palette.count < count) {
        throw std::invalid_argument("masks take 1 to 255 labels, each with a colour in the palette");
    }
    check_apart(!overlap(ConstImage{masks, frame.width, frame.height * count, 1, frame.width}, out));
    const std::uint32_t share = in_256ths(alpha);
    const auto weight = static_cast<std::uint16_t>(256 - share);
    const std::ptrdiff_t pixels = static_cast<std::ptrdiff_t>(frame.height) * frame.width;
    Sums sums(frame.width);
    for (int y = 0; y < frame.height; ++y) {
        sums.clear();
        for (int c = 0; c < count; ++c) {
            sums.add(masks + c * pixels + static_cast<std::ptrdiff_t>(y) * frame.width, palette.colours + 3 * c);
        }
        const std::uint8_t* from = frame.row(y);
        std::uint8_t* to = out.row(y);
        const std::uint8_t* counts = sums.counts.data();
        const std::uint16_t* colours = sums.colours.data();
        for (int i = 0; i < 3 * frame.width; ++i) {
            const unsigned labels_here = counts[i / 3];
            if (labels_here == 0) {
                to[i] = from[i];
            } else {
                to[i] = blended(from[i], weight, colour_share(mean_byte(colours[i], labels_here), share));
            }
        }
    }
}

}  // namespace edgeseg
