// Tests of the core without Python: hand-computed cases, and each instruction set against the plainest one.
// tests/test_kernels.py proves the arithmetic against OpenCV and NumPy.
#include <cstdio>
#include <cstdlib>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "edgeseg/instruction_set.hpp"
#include "edgeseg/kernels.hpp"

using namespace edgeseg;

namespace {

int failures = 0;

void expect(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "failed: %s\n", what.c_str());
    ++failures;
}

template <typename Call>
void expect_throws(Call call, const std::string& what) {
    try {
        call();
    } catch (const std::invalid_argument&) {
        return;
    }
    expect(false, what + " should throw");
}

using Bytes = std::vector<std::uint8_t>;

Bytes resized(const Bytes& from, int width, int height, int channels, int to_width, int to_height) {
    Bytes out(static_cast<std::size_t>(to_width) * to_height * channels);
    resize({from.data(), width, height, channels, width * channels},
           {out.data(), to_width, to_height, channels, to_width * channels});
    return out;
}

struct Map {
    int classes, height, width;
    std::vector<float> values;

    Logits view() const { return {values.data(), classes, height, width}; }
    Rect whole() const { return {0, 0, static_cast<double>(width), static_cast<double>(height)}; }
};

Bytes masked(const Map& map, int width, int height) {
    Bytes out(static_cast<std::size_t>(width) * height);
    argmax(map.view(), map.whole(), {out.data(), width, height, 1, width});
    return out;
}

Map random_map(std::mt19937& random, int classes, int height, int width) {
    std::normal_distribution<float> normal;
    Map map{classes, height, width, std::vector<float>(static_cast<std::size_t>(classes) * height * width)};
    for (float& value : map.values) value = normal(random);
    return map;
}

void test_resize() {
    expect(resized({0, 255}, 2, 1, 1, 4, 1) == Bytes{0, 64, 191, 255}, "half-pixel centres, edges repeated");
    expect(resized({10, 20, 30, 40}, 2, 2, 1, 1, 1) == Bytes{25}, "the mean of four");
    expect(resized({1, 2, 3}, 1, 1, 3, 2, 2) == Bytes{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}, "one pixel");
    Bytes one(5);
    expect_throws([&] { resize({one.data(), 1, 1, 5, 5}, {one.data(), 1, 1, 5, 5}); }, "five channels");
}

void test_argmax() {
    const Map steps{2, 1, 2, {0, 0, -1, 1}};
    expect(masked(steps, 4, 1) == Bytes{0, 0, 1, 1}, "the border lies in the middle");
    const Map one{1, 1, 2, {-1, 3}};
    expect(masked(one, 4, 1) == Bytes{0, 0, 1, 1}, "one channel: above 0 is class 1");
    const Map ties{3, 1, 1, {1, 1, 0}};
    expect(masked(ties, 2, 2) == Bytes{0, 0, 0, 0}, "ties go to the lower class");
    const Map broken{2, 1, 2, {0, 0, NAN, 1}};
    expect_throws([&] { masked(broken, 4, 1); }, "NaN");
    const Map endless{2, 1, 2, {0, 0, 1, -INFINITY}};
    expect_throws([&] { masked(endless, 4, 1); }, "infinity");
}

void test_margin() {
    const Map map{3, 1, 2, {4, 0, 1, 2, 0, 0}};
    std::vector<float> out(2);
    margin(map.view(), map.whole(), out.data(), 2, 1);
    expect(out == std::vector<float>{3, 2}, "best minus second best");
}

void test_smooth() {
    const Map map{1, 1, 3, {4, 0, -8}};
    std::vector<float> average{0, 2, 8};
    smooth(map.view(), 0.25, average.data());
    expect(average == std::vector<float>{3, 0.5, -4}, "a quarter of the average, three of the logits");
    smooth(map.view(), 1, average.data());
    expect(average == std::vector<float>{3, 0.5, -4}, "all of the average");
    smooth(map.view(), 0, average.data());
    expect(average == std::vector<float>{4, 0, -8}, "all of the logits");
    const Map broken{1, 1, 3, {1, INFINITY, 1}};
    expect_throws([&] { smooth(broken.view(), 0.5, average.data()); }, "infinity in an average");
    expect_throws([&] { smooth(map.view(), NAN, average.data()); }, "a weight that is none");
    expect(average == std::vector<float>{4, 0, -8}, "nothing is written of broken logits");
}

void test_overlay() {
    const Map map{2, 1, 2, {0, 0, -1, 1}};
    const Bytes colours{0, 0, 0, 255, 100, 0};
    Bytes frame{100, 100, 100, 100, 100, 100}, mask(2);
    const Image ids{mask.data(), 2, 1, 1, 2};
    overlay(map.view(), map.whole(), {frame.data(), 2, 1, 3, 6}, {colours.data(), 2}, 0.5, {frame.data(), 2, 1, 3, 6},
            &ids);
    expect(mask == Bytes{0, 1}, "the mask beside the overlay");
    expect(frame == Bytes{50, 50, 50, 178, 100, 50}, "half the frame, half the colour, in place");
    mask[0] = 2;
    expect_throws([&] { blend({mask.data(), 2, 1, 1, 2}, {frame.data(), 2, 1, 3, 6}, {colours.data(), 2}, 0.5,
                              {frame.data(), 2, 1, 3, 6}); }, "a class without colour");
}

void test_labels() {
    const Map map{2, 1, 2, {-1, 3, 2, 2}};
    Bytes masks(8);
    labels(map.view(), map.whole(), masks.data(), 4, 1);
    expect(masks == Bytes{0, 0, 1, 1, 1, 1, 1, 1}, "each label above 0, one beside the other");
    const Map broken{2, 1, 2, {1, 1, 1, NAN}};
    Bytes untouched(8, 7);
    expect_throws([&] { labels(broken.view(), broken.whole(), untouched.data(), 4, 1); }, "NaN in the last label");
    expect(untouched == Bytes(8, 7), "nothing is written of broken logits");

    const Bytes colours{0, 0, 0, 255, 100, 1};
    Bytes frame(12, 100);
    blend_labels(masks.data(), 2, {frame.data(), 4, 1, 3, 12}, {colours.data(), 2}, 0.5, {frame.data(), 4, 1, 3, 12});
    expect(frame == Bytes{178, 100, 51, 178, 100, 51, 114, 75, 51, 114, 75, 51}, "the colour, and the mean of two");
    Bytes bare(12, 9);
    const Bytes none(8, 0);
    blend_labels(none.data(), 2, {bare.data(), 4, 1, 3, 12}, {colours.data(), 2}, 1, {bare.data(), 4, 1, 3, 12});
    expect(bare == Bytes(12, 9), "without a label the frame stays");
    expect_throws([&] { blend_labels(none.data(), 2, {bare.data(), 4, 1, 3, 12}, {colours.data(), 1}, 0.5,
                                     {bare.data(), 4, 1, 3, 12}); }, "a label without colour");
}

// Sizes around the widths of vectors; memory is exact, so the sanitizers see each access outside.
void test_instruction_sets() {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        const auto upto = [&](int most) { return std::uniform_int_distribution<int>(1, most)(random); };
        const int classes = round % 10 == 0 ? upto(255) : upto(20), channels = upto(4);
        const Map map = random_map(random, classes, upto(7), upto(40));
        const int width = upto(70), height = upto(50), to_width = upto(70), to_height = upto(50);
        Bytes frame(static_cast<std::size_t>(width) * height * channels);
        for (auto& byte : frame) byte = static_cast<std::uint8_t>(random());
        Bytes small, mask;
        std::vector<float> margins, average;
        for (const std::string& name : instruction_sets()) {
            set_instruction_set(name);
            const Bytes small_here = resized(frame, width, height, channels, to_width, to_height);
            const Bytes mask_here = masked(map, to_width, to_height);
            std::vector<float> margins_here(mask_here.size());
            margin(map.view(), map.whole(), margins_here.data(), to_width, to_height);
            std::vector<float> average_here(map.values.size(), 0.7F);
            smooth(map.view(), 0.3, average_here.data());
            Bytes brute(mask_here.size());
            argmax_unpruned(map.view(), map.whole(), {brute.data(), to_width, to_height, 1, to_width});
            for (std::size_t i = 0; i < brute.size(); ++i) {
                if (margins_here[i] != 0) expect(brute[i] == mask_here[i], "pruned is unpruned on " + name);
            }
            if (name == "baseline") {
                small = small_here;
                mask = mask_here;
                margins = margins_here;
                average = average_here;
            }
            expect(small == small_here && mask == mask_here && margins == margins_here && average == average_here,
                   name + " is baseline");
        }
    }
    expect_throws([] { set_instruction_set("none"); }, "an unknown instruction set");
}

}  // namespace

int main() {
    test_resize();
    test_argmax();
    test_margin();
    test_smooth();
    test_overlay();
    test_labels();
    test_instruction_sets();
    if (failures == 0) std::puts("all kernels hold");
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
