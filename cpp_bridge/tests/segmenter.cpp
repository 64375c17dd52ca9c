// The segmenter's own part: resize, border, place in the logits, refusals; and an engine's masks where one is built in.
#include <cstring>

#include "edgeseg/golden.hpp"
#include "expect.hpp"

using namespace edgeseg;
using namespace test;

namespace {

bool sums_as_x86() {
#if defined(__x86_64__)
    return true;
#else
    return false;
#endif
}

// Step by step what `segment` does in one call.
Bytes by_hand(const Spec& spec, const Bytes& frame, int width, int height) {
    SampledRequest request(spec.width, spec.height);
    const Size placed = spec.placement(width, height);
    const std::ptrdiff_t row = std::ptrdiff_t{3} * spec.width;
    std::memset(request.input(), spec.pad, static_cast<std::size_t>(row * spec.height));
    resize({frame.data(), width, height, 3, 3 * width}, {request.input(), placed.width, placed.height, 3, row});
    Bytes mask(static_cast<std::size_t>(width * height));
    argmax(request.run(), spec.rect(width, height), {mask.data(), width, height, 1, width});
    return mask;
}

void test_sizes() {
    Segmenter model = sampled_segmenter();
    const int sizes[][2] = {{60, 40}, {90, 20}, {20, 90}, {120, 80}, {1, 1}, {61, 41}, {60, 40}};
    for (const auto& size : sizes) {
        const Bytes frame = noise(static_cast<std::size_t>(3 * size[0] * size[1]), 7);
        expect(mask_of(model, frame, size[0], size[1]) == by_hand(model.spec(), frame, size[0], size[1]),
               "the mask of a frame of " + std::to_string(size[0]) + "x" + std::to_string(size[1]));
    }
}

void test_strides() {
    Segmenter model = sampled_segmenter();
    const Bytes frame = noise(3 * 50 * 30, 1);
    Bytes wide(200 * 30, 9), mask(70 * 30, 8);
    for (int y = 0; y < 30; ++y) std::memcpy(wide.data() + 200 * y, frame.data() + 150 * y, 150);
    model.segment({wide.data(), 50, 30, 3, 200}, {mask.data(), 50, 30, 1, 70});
    const Bytes dense = mask_of(model, frame, 50, 30);
    bool same = true, untouched = true;
    for (int y = 0; y < 30; ++y) {
        same = same && std::memcmp(mask.data() + 70 * y, dense.data() + 50 * y, 50) == 0;
        for (int x = 50; x < 70; ++x) untouched = untouched && mask[static_cast<std::size_t>(70 * y + x)] == 8;
    }
    expect(same, "rows that lie apart give the same mask");
    expect(untouched, "nothing is written between rows");
}

void test_overlay() {
    Segmenter model = sampled_segmenter();
    Bytes frame = noise(3 * 60 * 40, 3), mask(60 * 40);
    const Bytes expected = mask_of(model, frame, 60, 40);
    const Image ids{mask.data(), 60, 40, 1, 60}, out{frame.data(), 60, 40, 3, 180};
    model.overlay({frame.data(), 60, 40, 3, 180}, 1.0, out, &ids);
    expect(mask == expected, "overlay gives the mask too");
    bool painted = true;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        for (std::size_t b = 0; b < 3; ++b) painted = painted && frame[3 * i + b] == (b == expected[i] ? 255 : 0);
    }
    expect(painted, "alpha 1 paints the classes' colours, blue first, over the frame itself");
}

// An engine with a kernel of its own for masks, which counts its calls.
class MasksItself : public SampledRequest {
  public:
    MasksItself(int width, int height, int* calls) : SampledRequest(width, height), calls_(calls) {}

    bool mask(const Rect& rect, const Image& mask) override {
        ++*calls_;
        argmax(run(), rect, mask);
        return true;
    }

  private:
    int* calls_;
};

class Masking : public Sampled {
  public:
    explicit Masking(int* calls) : calls_(calls) {}
    std::unique_ptr<Request> request(int width, int height) override {
        return std::make_unique<MasksItself>(width, height, calls_);
    }

  private:
    int* calls_;
};

void test_masks_of_the_engine() {
    int calls = 0;
    Segmenter own(sampled_spec(), std::make_shared<Masking>(&calls)), plain = sampled_segmenter();
    for (const auto& [width, height] : {std::pair{60, 40}, std::pair{61, 41}, std::pair{20, 90}}) {
        const Bytes frame = noise(static_cast<std::size_t>(3 * width * height), 7);
        expect(mask_of(own, frame, width, height) == mask_of(plain, frame, width, height), "the engine's own mask");
    }
    expect(calls == 3, "the engine's own kernel is used");
    Bytes frame = noise(3 * 60 * 40, 3), painted = frame;
    own.overlay({frame.data(), 60, 40, 3, 180}, 0.5, {painted.data(), 60, 40, 3, 180});
    expect(calls == 3 && painted != frame, "an overlay takes the logits");
}

class Empty : public Sampled {
  public:
    std::unique_ptr<Request> request(int, int) override { return nullptr; }
};

void test_refusals() {
    Segmenter model = sampled_segmenter();
    Bytes frame = noise(3 * 60 * 40, 3), mask(60 * 40);
    const ConstImage good{frame.data(), 60, 40, 3, 180};
    const Image ids{mask.data(), 60, 40, 1, 60};
    const auto refuses = [&](const std::string& word, const ConstImage& from, const Image& to) {
        expect_error(ErrorKind::frame, word, [&] { model.segment(from, to); });
    };
    refuses("null", {nullptr, 60, 40, 3, 180}, ids);
    refuses("null", good, {nullptr, 60, 40, 1, 60});
    refuses("sides", {frame.data(), -1, 40, 3, 180}, ids);
    refuses("sides", {frame.data(), 60, 0, 3, 180}, ids);
    refuses("sides", {frame.data(), 2000000, 1, 3, 6000000}, ids);
    refuses("channels", {frame.data(), 60, 40, 4, 240}, ids);
    refuses("stride", {frame.data(), 60, 40, 3, 179}, ids);
    refuses("stride", {frame.data(), 60, 40, 3, -180}, ids);
    refuses("stride", {frame.data(), 60, 40, 3, PTRDIFF_MAX}, ids);
    refuses("stride", good, {mask.data(), 60, 40, 1, 59});
    refuses("expected the frame's", good, {mask.data(), 40, 40, 1, 60});
    refuses("overlaps", good, {frame.data() + 100, 60, 40, 1, 60});
    expect(mask == Bytes(60 * 40), "nothing was written");
    const Image out{frame.data(), 60, 40, 3, 180};
    expect_error(ErrorKind::frame, "alpha", [&] { model.overlay(good, 1.5, out); });
    expect_error(ErrorKind::usage, "engine", [] { Segmenter(sampled_spec(), nullptr); });
    expect_error(ErrorKind::engine, "sampled gave no request", [] { Segmenter(sampled_spec(), std::make_shared<Empty>()); });
    Spec other = sampled_spec();  // than that of the engine's network
    other.classes.pop_back();
    other.palette.pop_back();
    Segmenter mixed(other, std::make_shared<Sampled>());
    expect_error(ErrorKind::engine, "logits (1, 3, 20, 30), its spec says (1, 2,", [&] { mixed.segment(good, ids); });
    expect(mask == Bytes(60 * 40), "no mask of another network was written");
}

// Labels that may overlap: a mask of 0 and 1 for each, below each other.
void test_labels() {
    Spec spec = sampled_spec();
    spec.head = {"multi-label", "logits", 0, false};
    int calls = 0;
    Segmenter model(spec, std::make_shared<Masking>(&calls));
    const int count = static_cast<int>(spec.classes.size());
    expect(spec.masks() == count && sampled_spec().masks() == 1, "masks of a frame");
    for (const auto& [width, height] : {std::pair{60, 40}, std::pair{61, 41}, std::pair{20, 90}}) {
        Bytes frame = noise(static_cast<std::size_t>(3 * width * height), 7);
        const ConstImage view{frame.data(), width, height, 3, 3 * width};
        Bytes masks(static_cast<std::size_t>(count * width * height), 9), again = masks, out = frame;
        const Image all{masks.data(), width, count * height, 1, width};
        model.segment(view, all);
        for (int c = 0; c < count; ++c) {  // a label's mask is that of a network that has it alone
            Spec alone = sampled_spec();
            SampledRequest request(alone.width, alone.height);
            const Size placed = alone.placement(width, height);
            const std::ptrdiff_t row = std::ptrdiff_t{3} * alone.width;
            std::memset(request.input(), alone.pad, static_cast<std::size_t>(row * alone.height));
            resize(view, {request.input(), placed.width, placed.height, 3, row});
            const Logits logits = request.run();
            Bytes one(static_cast<std::size_t>(width * height));
            argmax({logits.data + c * logits.height * logits.width, 1, logits.height, logits.width},
                   alone.rect(width, height), {one.data(), width, height, 1, width});
            expect(std::memcmp(one.data(), masks.data() + c * width * height, one.size()) == 0, "a label's mask");
        }
        const Image seen{again.data(), width, count * height, 1, width};
        const Image painted{out.data(), width, height, 3, 3 * width};
        model.overlay(view, 0.5, painted, &seen);
        expect(again == masks, "overlay gives the masks too");
        Bytes alone = frame;
        model.overlay(view, 0.5, {alone.data(), width, height, 3, 3 * width});
        expect(alone == out, "and paints the same without memory for them");
    }
    expect(calls == 0, "an engine's own kernel makes no labels");
    Bytes frame = noise(3 * 60 * 40, 3), mask(static_cast<std::size_t>(count * 61 * 41), 5);
    const ConstImage good{frame.data(), 60, 40, 3, 180};
    const Bytes before = mask, pixels = frame;
    for (const Image& wrong : {Image{mask.data(), 60, 40, 1, 60}, Image{mask.data(), 60, 40 * count, 1, 61},
                               Image{mask.data(), 60, 40 * count + 1, 1, 60}, Image{mask.data(), 59, 40 * count, 1, 59}}) {
        expect_error(ErrorKind::frame, "below each other", [&] { model.segment(good, wrong); });
    }
    const Image all{mask.data(), 60, 40 * count, 1, 60}, out{frame.data(), 60, 40, 3, 180};
    expect_error(ErrorKind::frame, "alpha", [&] { model.overlay(good, -0.5, out, &all); });
    const Image over{frame.data(), 60, 40 * count, 1, 60};
    expect_error(ErrorKind::frame, "overlaps", [&] { model.segment(good, over); });
    expect(mask == before && frame == pixels, "nothing was written");
}

void test_engines(const std::string& folder) {
    const Bundle bundle = Bundle::open(folder);
    expect_error(ErrorKind::engine, "'nothing'", [&] { Segmenter::open(bundle, {"nothing", "", 1, 0, 0}); });
    for (const std::string& name : engines()) {
        expect_error(ErrorKind::engine, "threads", [&] { Segmenter::open(bundle, {name, "fp32", 100000, 0, 0}); });
        expect_error(ErrorKind::bundle, "quantize", [&] { Segmenter::open(bundle, {name, "int4", 1, 0, 0}); });
        expect_error(ErrorKind::usage, "--dynamic", [&] { Segmenter::open(bundle, {name, "fp32", 1, 64, 64}); });
        if (name == "tensorrt") continue;  // its plans are made where they run; tests/tensorrt has the rest
        Segmenter fp32 = Segmenter::open(bundle, {name, "fp32", 1, 0, 0});
        Segmenter best = Segmenter::open(bundle, {name, "", 2, 0, 0});
        expect(fp32.engine().name() == name && fp32.artifact().precision == "fp32", name + " takes what was asked for");
        expect(best.engine().threads() == 2, name + " takes the threads that were asked for");
        const Bytes frame = noise(3 * 640 * 480, 5);
        Segmenter twin = fp32.clone();
        const Bytes mask = mask_of(fp32, frame, 640, 480);
        expect(mask == mask_of(twin, frame, 640, 480), name + ": a clone gives the same mask");
        const bool there = !bundle.golden().empty();
        const Proof exact = check(bundle, fp32), proof = check(bundle, best);
        expect(there ? exact.holds() : exact.frames == 0, name + ": the golden frames in fp32");
        // OpenVINO's INT8 computes something else on aarch64 (docs/verified.md), and the check is there to say so.
        const bool known = name == "openvino" && !sums_as_x86();
        expect(there ? proof.holds() != known : proof.frames == 0, name + ": the golden frames");
    }
    if (engines().empty()) std::puts("no engine is built in: masks of networks are not tested");
}

}  // namespace

int main(int, char** arguments) {
    test_sizes();
    test_strides();
    test_overlay();
    test_masks_of_the_engine();
    test_refusals();
    test_labels();
    test_engines(arguments[1]);
    return result("the segmenter holds");
}
