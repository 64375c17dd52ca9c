// Several threads at once: on one segmenter, on clones, on one bundle; and each thread's own error. Made for TSan.
#include <atomic>
#include <cstring>
#include <thread>

#include "edgeseg.h"
#include "edgeseg/bundle.hpp"
#include "expect.hpp"

using namespace test;

namespace {

constexpr int kThreads = 4, kFrames = 20;

void in_threads(const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back(work, t);
    for (std::thread& thread : threads) thread.join();
}

void test_segmenters() {
    edgeseg::Segmenter model = sampled_segmenter();
    std::vector<Bytes> frames, expected;
    for (int t = 0; t < kThreads; ++t) {
        frames.push_back(noise(3 * 100 * 70, static_cast<std::uint32_t>(t)));
        expected.push_back(mask_of(model, frames.back(), 100, 70));
    }
    std::atomic<int> wrong{0};
    in_threads([&](int t) {
        const auto own = static_cast<std::size_t>(t);
        edgeseg::Segmenter clone = model.clone();
        for (int i = 0; i < kFrames; ++i) {
            if (mask_of(model, frames[own], 100, 70) != expected[own]) ++wrong;
            if (mask_of(clone, frames[own], 100, 70) != expected[own]) ++wrong;
            if (model.times().prepare < 0) ++wrong;  // for TSan, while another thread writes them
        }
    });
    expect(wrong == 0, "every thread gets its own frame's mask");
}

void test_errors() {
    std::atomic<int> wrong{0};
    in_threads([&](int t) {
        const std::string folder = "/nowhere/" + std::to_string(t);
        for (int i = 0; i < kFrames; ++i) {
            edgeseg_bundle* bundle = nullptr;
            if (edgeseg_bundle_open(folder.c_str(), &bundle) != EDGESEG_BUNDLE) ++wrong;
            if (std::strstr(edgeseg_error(), folder.c_str()) == nullptr) ++wrong;
        }
    });
    expect(wrong == 0, "every thread has its own last error");
}

void test_bundle(const std::string& folder) {
    const edgeseg::Bundle bundle = edgeseg::Bundle::open(folder);
    const edgeseg::Artifact& fp32 = bundle.artifact("onnxruntime", "fp32");
    std::atomic<std::size_t> bytes{0};
    in_threads([&](int) { bytes += bundle.read(fp32).size(); });
    expect(bytes == kThreads * fp32.bytes, "several threads read one bundle");
}

}  // namespace

int main(int, char** arguments) {
    test_segmenters();
    test_errors();
    test_bundle(arguments[1]);
    return result("threads do not meet");
}
