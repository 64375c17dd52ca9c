// What the tests of the library share: expectations that say what failed, and an engine without a network.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "edgeseg/error.hpp"
#include "edgeseg/segmenter.hpp"

namespace test {

inline int failures = 0;

inline void expect(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "failed: %s\n", what.c_str());
    ++failures;
}

// That the call throws an Error of that kind whose message holds `word`.
inline void expect_error(edgeseg::ErrorKind kind, const std::string& word, const std::function<void()>& call) {
    try {
        call();
    } catch (const edgeseg::Error& error) {
        const bool fits = error.kind() == kind && std::string(error.what()).find(word) != std::string::npos;
        expect(fits, "'" + word + "' is to be said, got kind " + std::to_string(static_cast<int>(error.kind())) + ": " +
                         error.what());
        return;
    }
    expect(false, "'" + word + "' is to be said, got no error");
}

inline int result(const char* praise) {
    if (failures == 0) std::puts(praise);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

using Bytes = std::vector<std::uint8_t>;

inline Bytes noise(std::size_t count, std::uint32_t seed) {
    Bytes bytes(count);
    for (std::uint8_t& byte : bytes) {
        seed = seed * 1664525U + 1013904223U;
        byte = static_cast<std::uint8_t>(seed >> 24);
    }
    return bytes;
}

// 60x40, three classes, logits of 30x20: the blue, green and red byte of every second pixel.
inline edgeseg::Spec sampled_spec() {
    edgeseg::Spec spec{};
    spec.name = "sampled";
    spec.width = 60;
    spec.height = 40;
    spec.resize = edgeseg::Resize::letterbox;
    spec.stride = 2;
    spec.classes = {"blue", "green", "red"};
    spec.palette = {{0, 0, 255}, {0, 255, 0}, {255, 0, 0}};
    spec.licence = "none";
    return spec;
}

class SampledRequest : public edgeseg::Request {
  public:
    SampledRequest(int width, int height)
        : width_(width), height_(height), input_(static_cast<std::size_t>(3 * width * height)),
          logits_(static_cast<std::size_t>(3 * (width / 2) * (height / 2))) {}

    std::uint8_t* input() override { return input_.data(); }

    edgeseg::Logits run() override {
        const int across = width_ / 2, down = height_ / 2;
        for (int c = 0; c < 3; ++c) {
            for (int y = 0; y < down; ++y) {
                for (int x = 0; x < across; ++x) {
                    logits_[static_cast<std::size_t>((c * down + y) * across + x)] =
                        input_[static_cast<std::size_t>(3 * (2 * y * width_ + 2 * x) + c)];
                }
            }
        }
        return {logits_.data(), 3, down, across};
    }

  private:
    int width_, height_;
    Bytes input_;
    std::vector<float> logits_;
};

class Sampled : public edgeseg::Engine {
  public:
    std::string name() const override { return "sampled"; }
    int threads() const override { return 1; }
    std::unique_ptr<edgeseg::Request> request(int width, int height) override {
        return std::make_unique<SampledRequest>(width, height);
    }
};

inline edgeseg::Segmenter sampled_segmenter() { return {sampled_spec(), std::make_shared<Sampled>()}; }

inline Bytes mask_of(edgeseg::Segmenter& model, const Bytes& frame, int width, int height) {
    Bytes mask(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    model.segment({frame.data(), width, height, 3, 3 * width}, {mask.data(), width, height, 1, width});
    return mask;
}

}  // namespace test
