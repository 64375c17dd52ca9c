// Masks on the card are the processor's, bit for bit, call by call and as a graph. Without a card: a sentence.
#include "edgeseg/kernels.hpp"
#include "engines/tensorrt/mask.hpp"
#include "expect.hpp"

using namespace edgeseg;
using namespace test;

namespace {

std::vector<float> random_logits(int classes, int rows, int columns, std::uint32_t seed) {
    const Bytes bytes = noise(static_cast<std::size_t>(classes * rows * columns), seed);
    std::vector<float> logits;
    for (const std::uint8_t each : bytes) logits.push_back(static_cast<float>(each % 16) / 3);  // they tie often
    return logits;
}

void test_masks(int classes, int rows, int columns, int width, int height, const Rect& rect, std::uint32_t seed) {
    const std::vector<float> logits = random_logits(classes, rows, columns, seed);
    const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    Bytes expected(pixels), found(pixels);
    argmax({logits.data(), classes, rows, columns}, rect, {expected.data(), width, height, 1, width});
    const card::Stream stream;
    const card::Memory on_card(logits.size() * sizeof(float));
    const card::Mask mask(stream, on_card.as<float>(), classes, rows, columns, width, height, rect);
    card::Repeated work(stream, [&] {
        card::check(cudaMemcpyAsync(on_card.as<void>(), logits.data(), on_card.bytes(), cudaMemcpyHostToDevice,
                                    stream.get()),
                    "copy logits");
        mask.enqueue(stream);
    });
    for (int i = 0; i < 3; ++i) {
        std::fill(found.begin(), found.end(), std::uint8_t{99});
        work.launch();
        stream.synchronise();
        mask.read({found.data(), width, height, 1, width});
        expect(found == expected, "a mask on the card, launch " + std::to_string(i) + " " + work.without_graph());
    }
}

void test_broken_logits() {
    const std::vector<float> logits(12, std::strtof("nan", nullptr));
    const card::Stream stream;
    const card::Memory on_card(logits.size() * sizeof(float));
    card::check(cudaMemcpy(on_card.as<void>(), logits.data(), on_card.bytes(), cudaMemcpyHostToDevice), "copy logits");
    const card::Mask mask(stream, on_card.as<float>(), 3, 2, 2, 5, 5, {0, 0, 2, 2});
    mask.enqueue(stream);
    stream.synchronise();
    Bytes out(25);
    expect_error(ErrorKind::frame, "NaN", [&] { mask.read({out.data(), 5, 5, 1, 5}); });
}

}  // namespace

int main() {
    int cards = 0;
    if (cudaGetDeviceCount(&cards) != cudaSuccess || cards == 0) {
        expect_error(ErrorKind::engine, "driver and card", [] { card::capability(); });
        expect_error(ErrorKind::engine, "driver and card", [] { const card::Stream stream; });
        expect_error(ErrorKind::engine, "driver and card", [] { const card::Memory memory(16); });
        expect_error(ErrorKind::engine, "driver and card", [] { const card::Pinned memory(16); });
        return result("there is no card here, and it is said; masks on a card are not tested");
    }
    test_masks(12, 45, 60, 240, 180, {0, 0, 60, 45}, 1);
    test_masks(12, 45, 60, 241, 179, {0.25, 0, 59.5, 33.75}, 2);
    test_masks(1, 7, 9, 40, 31, {-1, 0.5, 12, 7}, 3);
    test_masks(3, 1, 1, 5, 4, {0, 0, 1, 1}, 4);
    test_broken_logits();
    return result("masks on the card are the processor's");
}
