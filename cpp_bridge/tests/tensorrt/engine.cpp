// The engine tensorrt with the stand-in for card and runtime: its masks are the processor's, whichever way they are
// launched, for several threads, on a machine with several cards, and nothing is allocated for a frame.
#include <cstring>
#include <thread>

#include "counted.hpp"
#include "edgeseg/golden.hpp"
#include "plans.hpp"
#include "stand_in.hpp"

using namespace edgeseg;
using namespace test;
using stand_in::counts;

namespace {

Bytes frame_of(int width, int height, std::uint32_t seed) { return noise(static_cast<std::size_t>(3 * width * height), seed); }

// That three frames of that size get the processor's masks.
void expect_masks(Segmenter& model, int width, int height, const std::string& when) {
    Segmenter plain = sampled_segmenter();
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        const Bytes frame = frame_of(width, height, seed);
        expect(mask_of(model, frame, width, height) == mask_of(plain, frame, width, height),
               when + ", frame " + std::to_string(seed));
    }
}

// That a frame is painted as the processor paints it, from the logits.
void expect_overlay(Segmenter& model) {
    const Bytes frame = frame_of(60, 40, 4);
    Bytes painted = frame, expected = frame;
    Segmenter plain = sampled_segmenter();
    for (auto& [segmenter, out] : {std::pair{&model, &painted}, std::pair{&plain, &expected}}) {
        segmenter->overlay({frame.data(), 60, 40, 3, 180}, 0.5, {out->data(), 60, 40, 3, 180});
    }
    expect(painted == expected && painted != frame, "an overlay");
}

void test_masks(const Cache& cache) {
    stand_in::reset();
    Segmenter model(sampled_spec(), open_plan(cache));
    expect(model.engine().name() == "tensorrt" && model.engine().threads() == 1, "what the engine says of itself");
    expect_masks(model, 60, 40, "a mask");
    expect(counts().enqueues == 2 && counts().captures == 1 && counts().launches == 2,
           "call by call, then captured, then launched as a graph");
    const int sizes[][2] = {{61, 41}, {20, 90}, {640, 480}, {1, 1}, {300, 7}};  // more than the engine keeps
    for (int round = 0; round < 2; ++round) {
        for (const auto& [width, height] : sizes) expect_masks(model, width, height, "a mask of another size");
    }
    expect(counts().graphs <= 4, "graphs of sizes that are not met any more are freed");
    expect(counts().pageable == 0, "frame and mask lie in pinned memory");
    expect_overlay(model);
    expect(counts().pageable == 0, "logits lie in pinned memory");
}

void test_open_sides(const Cache& cache) {
    stand_in::reset();
    const std::shared_ptr<Engine> engine = open_plan(cache, kOpen);
    for (const auto& [width, height] : {std::pair{60, 40}, std::pair{128, 64}}) {
        const std::unique_ptr<Request> request = engine->request(width, height);
        SampledRequest plain(width, height);
        const Bytes frame = frame_of(width, height, 5);
        for (Request* each : {request.get(), static_cast<Request*>(&plain)}) {
            std::memcpy(each->input(), frame.data(), frame.size());
        }
        for (int i = 0; i < 3; ++i) {
            const Logits found = request->run(), expected = plain.run();
            expect(found.classes == 3 && found.width == width / 2 && found.height == height / 2, "the logits' shape");
            expect(std::memcmp(found.data, expected.data, sizeof(float) * 3 * static_cast<std::size_t>(width * height / 4)) == 0,
                   "logits of a plan with open sides");
        }
    }
    expect_error(ErrorKind::engine, "does not take frames of 4096x40", [&] { engine->request(4096, 40); });
}

void test_without_graph(const Cache& cache) {
    for (const char* function : {"cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiateWithFlags",
                                 "enqueueV3 in a capture"}) {
        stand_in::reset();
        stand_in::refuse(function);
        Segmenter model(sampled_spec(), open_plan(cache));
        expect_masks(model, 60, 40, std::string("a mask without ") + function);
        expect(counts().launches == 0, std::string("no graph without ") + function);
        const int enqueues = counts().enqueues;
        expect_masks(model, 60, 40, "and call by call from then on");
        expect(counts().enqueues == enqueues + 3, "a capture is not tried again");
    }
}

void test_allocations(const Cache& cache) {
    stand_in::reset();
    Segmenter model(sampled_spec(), open_plan(cache));
    const Bytes frame = frame_of(90, 20, 1);
    Bytes mask(90 * 20);
    const auto segment = [&] { model.segment({frame.data(), 90, 20, 3, 270}, {mask.data(), 90, 20, 1, 90}); };
    for (int i = 0; i < 3; ++i) segment();
    const long before = allocations;
    const int asked = counts().allocations;
    for (int i = 0; i < 50; ++i) segment();
    const long of_frames = allocations - before;
    expect(of_frames == 0 && counts().allocations == asked, "nothing is allocated for a frame, got " + std::to_string(of_frames));
}

void test_threads(const Cache& cache) {
    stand_in::reset();
    {
        Segmenter model(sampled_spec(), open_plan(cache));
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (std::uint32_t t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                Segmenter clone = model.clone(), plain = sampled_segmenter();
                const Bytes frame = frame_of(60, 40, t);
                const Bytes expected = mask_of(plain, frame, 60, 40);
                for (int i = 0; i < 10; ++i) {
                    if (mask_of(clone, frame, 60, 40) != expected) ++wrong;
                    if (mask_of(model, frame, 60, 40) != expected) ++wrong;
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        expect(wrong == 0, "every thread gets its own frame's mask");
        expect(counts().deserialised == 1 && counts().engines == 1, "clones share a plan");
    }
    expect(counts().none_alive(), "everything is given back");
}

// The program works with another card; a new thread with the first.
void test_cards(const Cache& cache) {
    stand_in::reset();
    stand_in::set_cards(2);
    const auto current = [] {
        int card = -1;
        cudaGetDevice(&card);
        return card;
    };
    cudaSetDevice(1);
    {
        Segmenter model(sampled_spec(), open_plan(cache));
        expect_masks(model, 60, 40, "a mask where another card is current");
        expect_overlay(model);
        expect(current() == 1, "the program's card stays current");
        std::thread([&] { expect_masks(model, 61, 41, "a mask in a thread of its own"); }).join();
        expect_error(ErrorKind::engine, "no plan", [] {
            const Spec spec = sampled_spec();
            open_tensorrt({"/bundles/other.onnx", {1}, sha256_of({1}), spec}, 1);
        });
        expect(current() == 1, "after an error too");
    }
    expect(current() == 1 && counts().none_alive(), "everything is given back, on its own card");
    cudaSetDevice(0);
}

void test_errors_of_others(const Cache& cache) {
    stand_in::reset();
    Segmenter model(sampled_spec(), open_plan(cache));
    stand_in::refuse("cudaMalloc");
    void* memory = nullptr;
    expect(cudaMalloc(&memory, 1) == cudaErrorMemoryAllocation, "another part of the program fails");
    stand_in::reset();
    cudaMalloc(&memory, 1);
    cudaFree(memory);
    cudaMemcpy(nullptr, nullptr, 1, cudaMemcpyHostToDevice);  // its error is not asked for
    expect_masks(model, 60, 40, "a mask after it");
}

void test_bundle(const Cache& cache, const std::string& folder) {
    stand_in::reset();
    const Bundle bundle = Bundle::open(folder);
    const Artifact& fp32 = bundle.artifact("tensorrt", "fp32");
    const Size logits = bundle.spec().logits();
    const auto sides = [](int a, int b, int c) {
        return " 1 " + std::to_string(a) + " " + std::to_string(b) + " " + std::to_string(c) + "\n";
    };
    const Options options{"tensorrt", "fp32", 1, 0, 0};
    expect_error(ErrorKind::engine, "edgeseg compile", [&] { Segmenter::open(bundle, options); });
    const std::string frame = "input frame 5" + sides(bundle.spec().height, bundle.spec().width, 3);
    cache.put(fp32.file, bundle.read(fp32), frame + "output logits 0" + sides(99, logits.height, logits.width));
    expect_error(ErrorKind::engine, "its spec says", [&] { Segmenter::open(bundle, options); });
    const int classes = static_cast<int>(bundle.spec().classes.size());
    cache.put(fp32.file, bundle.read(fp32), frame + "output logits 0" + sides(classes, logits.height, logits.width));
    Segmenter model = Segmenter::open(bundle, options);
    expect(model.engine().name() == "tensorrt" && model.artifact().precision == "fp32", "a bundle's plan is opened");
    if (!bundle.golden().empty()) expect(!check(bundle, model).holds(), "the stand-in's network is not the bundle's");
}

}  // namespace

int main(int, char** arguments) {
    const Cache cache;
    test_masks(cache);
    test_open_sides(cache);
    test_without_graph(cache);
    test_allocations(cache);
    test_threads(cache);
    test_cards(cache);
    test_errors_of_others(cache);
    test_bundle(cache, arguments[1]);
    expect(counts().none_alive(), "everything is given back in the end");
    for (const std::string& each : stand_in::complaints()) expect(false, each);
    return result("the engine tensorrt does its own part right");
}
