#include "edgeseg/segmenter.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "bundle/measured.hpp"
#include "edgeseg/error.hpp"
#include "engines/runtime.hpp"
#include "images.hpp"
#include "memory.hpp"

namespace edgeseg {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

[[noreturn]] void refuse(ErrorKind kind, const std::string& message) { throw Error(kind, message); }

struct Choice {
    const Artifact* artifact;
    std::string note;
};

// The artifact of that precision, or the bundle's best that this processor computes exactly.
Choice choose(const Bundle& bundle, const std::string& engine, const std::string& precision) {
    const std::string target = engine_target(engine);
    const Artifact& best = bundle.artifact(target, precision);
    if (best.precision != "int8" || target != "onnxruntime" || sums_int8_exactly()) return {&best, ""};
    const std::string reason = "this processor has no VNNI, without which INT8 sums saturate";
    if (!precision.empty()) return {&best, reason + ": expect wrong masks in places; fp32 is exact"};
    const Artifact* reference = nullptr;  // fp32, or the first other
    const Artifact* seven_bits = nullptr;
    for (const Artifact& each : bundle.artifacts()) {
        if (each.target != target || each.precision == "int8") continue;
        if (reference == nullptr || each.precision == "fp32") reference = &each;
        if (each.precision == "int8-7bit") seven_bits = &each;
    }
    if (reference == nullptr) {
        refuse(ErrorKind::engine,
               reason + ", and bundle " + bundle.spec().name + " has nothing else; ask for int8 if that will do");
    }
    if (seven_bits != nullptr && keeps_accuracy_of(*seven_bits, *reference)) return {seven_bits, ""};
    return {reference, reason + ": " + reference->precision + " is taken in its place"};
}

}  // namespace

struct Segmenter::State {
    Spec spec;
    std::shared_ptr<Engine> engine;
    std::string origin;  // of the logits, for messages
    std::unique_ptr<Request> request;  // freed before its engine
    Artifact artifact{};
    std::string note;
    std::vector<std::uint8_t> palette;  // blue, green, red
    Workspace workspace;
    std::vector<std::uint8_t> labels;  // masks for an overlay, where nobody else has memory for them
    std::mutex turn;
    Times times;
    enum class Answer { unknown, yes, no };
    Answer makes_masks = Answer::unknown;  // the engine

    State(Spec for_spec, std::shared_ptr<Engine> with) : spec(std::move(for_spec)), engine(std::move(with)) {
        if (engine == nullptr) refuse(ErrorKind::usage, "a segmenter takes an engine, got none");
        origin = "engine " + engine->name();
        request = engine->request(spec.width, spec.height);
        if (request == nullptr) refuse(ErrorKind::engine, origin + " gave no request");
        for (const auto& colour : spec.palette) palette.insert(palette.end(), {colour[2], colour[1], colour[0]});
    }

    // The frame as the network's input, at the size and place that the spec says.
    void prepare(const ConstImage& frame) {
        std::uint8_t* input = request->input();
        const std::ptrdiff_t row = std::ptrdiff_t{3} * spec.width;
        if (frame.width == spec.width && frame.height == spec.height) {
            for (int y = 0; y < frame.height; ++y) {
                std::memcpy(input + y * row, frame.row(y), static_cast<std::size_t>(row));
            }
            return;
        }
        const Size placed = spec.placement(frame.width, frame.height);
        edgeseg::resize(frame, {input, placed.width, placed.height, 3, row}, workspace);
        const auto right = static_cast<std::size_t>(3 * (spec.width - placed.width));
        for (int y = 0; y < placed.height && right > 0; ++y) {
            std::memset(input + y * row + row - static_cast<std::ptrdiff_t>(right), spec.pad, right);
        }
        std::memset(input + placed.height * row, spec.pad,
                    static_cast<std::size_t>(row) * static_cast<std::size_t>(spec.height - placed.height));
    }

    // Throws Error (frame): the mask has another shape than the spec asks for, or shares memory with the frame.
    void check_mask(const ConstImage& frame, const Image& mask) const {
        check_image(mask, 1, "mask");
        if (spec.head.exclusive) {
            check_same_size(frame, mask, "mask");
        } else if (mask.width != frame.width || mask.stride != mask.width ||
                   mask.height != std::int64_t{frame.height} * spec.masks()) {
            refuse(ErrorKind::frame, "the mask is " + std::to_string(mask.width) + "x" + std::to_string(mask.height) +
                                         ", expected " + std::to_string(spec.masks()) + " masks of the frame's " +
                                         std::to_string(frame.width) + "x" + std::to_string(frame.height) +
                                         " below each other without gaps: the labels of " + spec.name + " may overlap");
        }
        if (overlap(frame, mask)) refuse(ErrorKind::frame, "the mask overlaps the frame; give it memory of its own");
    }

    // Labels that may overlap.
    void write_labels(const Logits& logits, const Rect& rect, std::uint8_t* masks, const ConstImage& frame) const {
        edgeseg::labels(logits, rect, masks, frame.width, frame.height);
    }

    // The engine's own kernel, where it has one.
    bool mask_by_engine(const ConstImage& frame, const Image& mask) {
        if (!spec.head.exclusive) return false;
        const std::lock_guard<std::mutex> mine(turn);
        if (makes_masks == Answer::no) return false;
        const Clock::time_point begin = Clock::now();
        prepare(frame);
        const Clock::time_point prepared = Clock::now();
        makes_masks = request->mask(spec.rect(frame.width, frame.height), mask) ? Answer::yes : Answer::no;
        times = {seconds(begin, prepared), seconds(prepared, Clock::now()), 0};
        return makes_masks == Answer::yes;
    }

    // Runs a kernel on the logits of a frame; what the kernel refuses is the frame's, or the network's for it.
    template <typename Kernel>
    void apply(const ConstImage& frame, Kernel kernel) {
        const std::lock_guard<std::mutex> mine(turn);
        try {
            const Clock::time_point begin = Clock::now();
            prepare(frame);
            const Clock::time_point prepared = Clock::now();
            const Logits logits = request->run();
            const Clock::time_point inferred = Clock::now();
            check_logits(origin, spec, logits);  // an engine of the program's own was never asked before
            kernel(logits, spec.rect(frame.width, frame.height));
            times = {seconds(begin, prepared), seconds(prepared, inferred), seconds(inferred, Clock::now())};
        } catch (const std::invalid_argument& error) {
            refuse(ErrorKind::frame, error.what());
        }
    }
};

Segmenter Segmenter::open(const Bundle& bundle, const Options& options) {
    const std::vector<std::string> known = engines();
    if (options.engine.empty() && known.empty()) {
        refuse(ErrorKind::engine, "this libedgeseg was built without a runtime; build it where CMake finds OpenVINO or "
                                  "ONNX Runtime, or bring an engine of your own");
    }
    const std::string engine = options.engine.empty() ? known.front() : options.engine;
    const Choice choice = choose(bundle, engine, options.precision);
    const int threads = options.threads == 0 ? available_cores() : options.threads;
    Spec spec = bundle.spec();
    if (options.width != 0 || options.height != 0) {
        const bool other = options.width != spec.width || options.height != spec.height;
        if (other && !spec.dynamic) {
            refuse(ErrorKind::usage, "bundle " + spec.name + " takes " + std::to_string(spec.width) + "x" +
                                         std::to_string(spec.height) + " alone; export it with --dynamic for more sizes");
        }
        if (std::min(options.width, options.height) < 1 || std::max(options.width, options.height) > kLongestSide) {
            refuse(ErrorKind::usage, "got an input of " + std::to_string(options.width) + "x" +
                                         std::to_string(options.height) + ", expected 1 to 16384");
        }
        spec.width = options.width;
        spec.height = options.height;
    }
    Segmenter model(spec, open_engine(engine, bundle, *choice.artifact, threads));
    model.state_->artifact = *choice.artifact;
    model.state_->note = choice.note;
    if (spec != bundle.spec()) {
        Request& request = *model.state_->request;
        std::memset(request.input(), 0,
                    3 * static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height));
        check_logits(bundle.folder() + "/" + choice.artifact->file, spec, request.run());
    }
    return model;
}

Segmenter::Segmenter(Spec spec, std::shared_ptr<Engine> engine)
    : state_(std::make_unique<State>(std::move(spec), std::move(engine))) {}
Segmenter::~Segmenter() = default;
Segmenter::Segmenter(Segmenter&&) noexcept = default;
Segmenter& Segmenter::operator=(Segmenter&&) noexcept = default;

Segmenter Segmenter::clone() const {
    Segmenter other(state_->spec, state_->engine);
    other.state_->artifact = state_->artifact;
    other.state_->note = state_->note;
    return other;
}

const Spec& Segmenter::spec() const { return state_->spec; }
const Engine& Segmenter::engine() const { return *state_->engine; }
const Artifact& Segmenter::artifact() const { return state_->artifact; }
const std::string& Segmenter::note() const { return state_->note; }
Times Segmenter::times() const {
    const std::lock_guard<std::mutex> mine(state_->turn);
    return state_->times;
}

void Segmenter::segment(const ConstImage& frame, const Image& mask) {
    check_image(frame, 3, "frame");
    state_->check_mask(frame, mask);
    if (state_->mask_by_engine(frame, mask)) return;
    state_->apply(frame, [&](const Logits& logits, const Rect& rect) {
        if (state_->spec.head.exclusive) {
            argmax(logits, rect, mask, state_->workspace);
        } else {
            state_->write_labels(logits, rect, mask.data, frame);
        }
    });
}

void Segmenter::overlay(const ConstImage& frame, double alpha, const Image& out, const Image* mask) {
    check_image(frame, 3, "frame");
    check_image(out, 3, "overlay");
    check_same_size(frame, out, "overlay");
    if (mask != nullptr) {
        state_->check_mask(frame, *mask);
        if (overlap(out, *mask)) refuse(ErrorKind::frame, "the mask overlaps the overlay; give it memory of its own");
    }
    if (!(alpha >= 0 && alpha <= 1)) refuse(ErrorKind::frame, "alpha is " + std::to_string(alpha) + ", expected 0 to 1");
    const Palette palette{state_->palette.data(), static_cast<int>(state_->spec.palette.size())};
    state_->apply(frame, [&](const Logits& logits, const Rect& rect) {
        if (state_->spec.head.exclusive) {
            edgeseg::overlay(logits, rect, frame, palette, alpha, out, mask);
            return;
        }
        const auto pixels = static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height);
        if (mask == nullptr) state_->labels.resize(pixels * state_->spec.classes.size());
        std::uint8_t* masks = mask == nullptr ? state_->labels.data() : mask->data;
        state_->write_labels(logits, rect, masks, frame);
        blend_labels(masks, logits.classes, frame, palette, alpha, out);
    });
}

}  // namespace edgeseg
