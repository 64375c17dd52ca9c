// The CUDA kernels without CUDA: mask.cu compiled as C++, its threads one after the other, against the CPU's kernels.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "edgeseg/kernels.hpp"

struct Index {
    unsigned x, y;
};
static Index threadIdx{0, 0}, blockIdx{0, 0};
static const Index blockDim{16, 16};
#define __global__
#include "../cuda/mask.cu"

namespace {

// Calls a kernel for every thread of a grid that covers `width` x `height`, and some beyond it.
template <typename Kernel, typename... Arguments>
void launch(int width, int height, Kernel kernel, Arguments... arguments) {
    for (int y = 0; y < height; y += static_cast<int>(blockDim.y)) {
        for (int x = 0; x < width; x += static_cast<int>(blockDim.x)) {
            blockIdx = {static_cast<unsigned>(x) / blockDim.x, static_cast<unsigned>(y) / blockDim.y};
            for (threadIdx.y = 0; threadIdx.y < (height == 1 ? 1 : blockDim.y); ++threadIdx.y) {
                for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) kernel(arguments...);
            }
        }
    }
}

struct Case {
    int classes, height, width, out_height, out_width;
    edgeseg::Rect rect;
    bool ties;
};

bool agrees(const Case& c, std::mt19937& random) {
    using namespace edgeseg;
    std::normal_distribution<float> normal;
    std::vector<float> logits(static_cast<std::size_t>(c.classes) * c.height * c.width);
    // Few levels tie often; neighbours of large numbers tie once they are interpolated.
    for (float& value : logits) value = c.ties ? std::round(normal(random)) + 8388608.0f : normal(random);
    const Logits view{logits.data(), c.classes, c.height, c.width};
    const int pixels = c.out_height * c.out_width;
    std::vector<std::uint8_t> expected(pixels), mask(pixels), winners(c.height * c.width);
    std::vector<std::uint8_t> frame(3 * pixels), painted(3 * pixels), overlaid(3 * pixels), palette(3 * 256);
    for (auto* bytes : {&frame, &palette}) {
        for (std::uint8_t& byte : *bytes) byte = static_cast<std::uint8_t>(random());
    }
    std::vector<Sample> columns(c.out_width), rows(c.out_height);
    int broken = 0;
    launch(c.out_width, 1, edgeseg_axis, columns.data(), c.out_width, c.rect.x, c.rect.width, c.width);
    launch(c.out_height, 1, edgeseg_axis, rows.data(), c.out_height, c.rect.y, c.rect.height, c.height);
    launch(c.height * c.width, 1, edgeseg_winners, logits.data(), c.classes, c.height, c.width, winners.data(), &broken);
    launch(c.out_width, c.out_height, edgeseg_mask, logits.data(), c.classes, c.height, c.width, winners.data(),
           columns.data(), rows.data(), c.out_height, c.out_width, mask.data());
    const auto alpha = static_cast<unsigned>(random() % 257);
    launch(pixels, 1, edgeseg_paint, mask.data(), frame.data(), palette.data(), alpha, pixels, painted.data());
    const Image out{overlaid.data(), c.out_width, c.out_height, 3, 3 * c.out_width};
    const Image ids{expected.data(), c.out_width, c.out_height, 1, c.out_width};
    overlay(view, c.rect, {frame.data(), c.out_width, c.out_height, 3, 3 * c.out_width}, {palette.data(), 256},
            alpha / 256.0, out, &ids);
    return broken == 0 && mask == expected && painted == overlaid;
}

// Labels that may overlap: one plane after the other, then their colours.
bool labels_agree(const Case& c, std::mt19937& random) {
    using namespace edgeseg;
    std::normal_distribution<float> normal;
    const int plane = c.height * c.width, pixels = c.out_height * c.out_width;
    std::vector<float> logits(static_cast<std::size_t>(c.classes) * plane);
    for (float& value : logits) value = c.ties ? std::round(normal(random)) : normal(random);
    std::vector<std::uint8_t> expected(c.classes * pixels), masks(c.classes * pixels), winners(plane);
    std::vector<std::uint8_t> frame(3 * pixels), painted(3 * pixels), blended(3 * pixels), palette(3 * 256);
    for (auto* bytes : {&frame, &palette}) {
        for (std::uint8_t& byte : *bytes) byte = static_cast<std::uint8_t>(random());
    }
    std::vector<Sample> columns(c.out_width), rows(c.out_height);
    int broken = 0;
    launch(c.out_width, 1, edgeseg_axis, columns.data(), c.out_width, c.rect.x, c.rect.width, c.width);
    launch(c.out_height, 1, edgeseg_axis, rows.data(), c.out_height, c.rect.y, c.rect.height, c.height);
    for (int label = 0; label < c.classes; ++label) {
        const float* values = logits.data() + label * plane;
        launch(plane, 1, edgeseg_winners, values, 1, c.height, c.width, winners.data(), &broken);
        launch(c.out_width, c.out_height, edgeseg_mask, values, 1, c.height, c.width, winners.data(), columns.data(),
               rows.data(), c.out_height, c.out_width, masks.data() + label * pixels);
    }
    const auto alpha = static_cast<unsigned>(random() % 257);
    launch(pixels, 1, edgeseg_paint_labels, masks.data(), c.classes, frame.data(), palette.data(), alpha, pixels,
           painted.data());
    labels({logits.data(), c.classes, c.height, c.width}, c.rect, expected.data(), c.out_width, c.out_height);
    blend_labels(expected.data(), c.classes, {frame.data(), c.out_width, c.out_height, 3, 3 * c.out_width},
                 {palette.data(), 256}, alpha / 256.0, {blended.data(), c.out_width, c.out_height, 3, 3 * c.out_width});
    return broken == 0 && masks == expected && painted == blended;
}

bool notices(float strange) {
    std::vector<float> logits(2 * 3 * 5, 1.0f);
    logits[17] = strange;
    std::vector<std::uint8_t> winners(15);
    int broken = 0;
    launch(15, 1, edgeseg_winners, logits.data(), 2, 3, 5, winners.data(), &broken);
    return broken == 1;
}

}  // namespace

int main() {
    std::mt19937 random(7);
    auto upto = [&](int most) { return 1 + static_cast<int>(random() % most); };
    int failures = 0;
    for (int run = 0; run < 400; ++run) {
        Case c{upto(12), upto(9), upto(9), upto(70), upto(90), {}, run % 2 == 1};
        if (run % 50 == 0) c.classes = 255;
        c.rect = {0, 0, static_cast<double>(c.width), static_cast<double>(c.height)};
        if (run % 3 == 0) c.rect = {0.25, 0.5, c.width - 0.3, c.height - 0.7};
        if (agrees(c, random) && labels_agree(c, random)) continue;
        std::fprintf(stderr, "failed: run %d, %d classes, %dx%d to %dx%d\n", run, c.classes, c.width, c.height,
                     c.out_width, c.out_height);
        ++failures;
    }
    for (float strange : {NAN, INFINITY, -INFINITY}) {
        if (!notices(strange)) {
            std::fprintf(stderr, "failed: %f is not noticed\n", static_cast<double>(strange));
            ++failures;
        }
    }
    return failures == 0 ? 0 : 1;
}
