// The C ABI: nothing but translation. No exception leaves it.
#include "edgeseg.h"

#include <memory>
#include <string>
#include <vector>

#include "../images.hpp"
#include "../memory.hpp"
#include "edgeseg/golden.hpp"
#include "guard.hpp"
#include "handles.hpp"

namespace {

using edgeseg::guarded;
using edgeseg::need;

struct Loaded {
    edgeseg::Segmenter model;
    std::string engine;
};

using Bundles = edgeseg::Handles<edgeseg_bundle*, const edgeseg::Bundle>;
using Segmenters = edgeseg::Handles<edgeseg_segmenter*, Loaded>;

// Never destroyed: a thread may still call while the program ends.
Bundles& bundles() {
    static Bundles& all = *new Bundles;
    return all;
}

Segmenters& segmenters() {
    static Segmenters& all = *new Segmenters;
    return all;
}

// What a handle stands for. Throws Error: it is NULL, closed or of another kind.
template <typename Table>
auto object_of(const Table& table, const void* handle, const char* name) {
    need(handle, name);
    auto object = table.find(handle);
    if (object == nullptr) {
        throw edgeseg::Error(edgeseg::ErrorKind::usage, std::string(name) + " is closed already, or was never one");
    }
    return object;
}

auto object_of(const edgeseg_bundle* handle) { return object_of(bundles(), handle, "the bundle"); }
auto object_of(const edgeseg_segmenter* handle) { return object_of(segmenters(), handle, "the segmenter"); }

edgeseg::ConstImage view(const edgeseg_frame* frame) {
    need(frame, "the frame");
    return {frame->data, frame->width, frame->height, 3, frame->stride};
}

edgeseg::Image view(const edgeseg_canvas* canvas) {
    need(canvas, "the canvas");
    return {canvas->data, canvas->width, canvas->height, 3, canvas->stride};
}

edgeseg::Image view(const edgeseg_mask* mask) {
    need(mask, "the mask");
    return {mask->data, mask->width, mask->height, 1, mask->stride};
}

// A field of what a handle stands for; `otherwise` where it stands for nothing.
template <typename Table, typename Value, typename Field>
Value field_of(const Table& table, const void* handle, Value otherwise, Field field) {
    const auto object = table.find(handle);
    return object == nullptr ? otherwise : field(*object);
}

template <typename Value, typename Field>
Value of_class(const edgeseg_bundle* bundle, std::int32_t id, Value otherwise, Field field) {
    return field_of(bundles(), bundle, otherwise, [&](const edgeseg::Bundle& found) {
        const edgeseg::Spec& spec = found.spec();
        const bool known = id >= 0 && static_cast<std::size_t>(id) < spec.classes.size();
        return known ? field(spec, static_cast<std::size_t>(id)) : otherwise;
    });
}

const char* text(const std::string& of) { return of.c_str(); }
constexpr const char* kNoText = nullptr;

}  // namespace

extern "C" {

int32_t edgeseg_abi(void) { return EDGESEG_ABI; }

const char* edgeseg_version(void) { return EDGESEG_VERSION; }

const char* edgeseg_error(void) { return edgeseg::last_error(); }

const char* edgeseg_engine(int32_t index) {
    static const std::vector<std::string> names = edgeseg::engines();
    return index < 0 || static_cast<std::size_t>(index) >= names.size() ? nullptr
                                                                        : names[static_cast<std::size_t>(index)].c_str();
}

edgeseg_status edgeseg_bundle_open(const char* folder, edgeseg_bundle** bundle) {
    return guarded([&] {
        need(bundle, "the place for the bundle");
        *bundle = nullptr;
        need(folder, "the bundle's folder");
        *bundle = bundles().open(std::make_shared<const edgeseg::Bundle>(edgeseg::Bundle::open(folder)));
    });
}

edgeseg_status edgeseg_bundle_verify(const edgeseg_bundle* bundle) {
    return guarded([&] { object_of(bundle)->verify(); });
}

void edgeseg_bundle_close(edgeseg_bundle* bundle) { bundles().close(bundle); }

const char* edgeseg_bundle_name(const edgeseg_bundle* bundle) {
    return field_of(bundles(), bundle, kNoText, [](const edgeseg::Bundle& found) { return text(found.spec().name); });
}

int32_t edgeseg_bundle_width(const edgeseg_bundle* bundle) {
    return field_of(bundles(), bundle, 0, [](const edgeseg::Bundle& found) { return found.spec().width; });
}

int32_t edgeseg_bundle_height(const edgeseg_bundle* bundle) {
    return field_of(bundles(), bundle, 0, [](const edgeseg::Bundle& found) { return found.spec().height; });
}

int32_t edgeseg_bundle_classes(const edgeseg_bundle* bundle) {
    return field_of(bundles(), bundle, 0,
                    [](const edgeseg::Bundle& found) { return static_cast<int>(found.spec().classes.size()); });
}

const char* edgeseg_bundle_class(const edgeseg_bundle* bundle, int32_t id) {
    return of_class(bundle, id, kNoText,
                    [](const edgeseg::Spec& spec, std::size_t number) { return text(spec.classes[number]); });
}

int32_t edgeseg_bundle_masks(const edgeseg_bundle* bundle) {
    return field_of(bundles(), bundle, 0, [](const edgeseg::Bundle& found) { return found.spec().masks(); });
}

int32_t edgeseg_bundle_colour(const edgeseg_bundle* bundle, int32_t id) {
    return of_class(bundle, id, -1, [](const edgeseg::Spec& spec, std::size_t number) {
        const auto& colour = spec.palette[number];
        return colour[0] << 16 | colour[1] << 8 | colour[2];
    });
}

edgeseg_status edgeseg_segmenter_open(const edgeseg_bundle* bundle, const char* engine, const char* precision,
                                      int32_t threads, edgeseg_segmenter** segmenter) {
    return guarded([&] {
        need(segmenter, "the place for the segmenter");
        *segmenter = nullptr;
        edgeseg::Options options;
        options.engine = engine == nullptr ? "" : engine;
        options.precision = precision == nullptr ? "" : precision;
        options.threads = threads;
        edgeseg::Segmenter model = edgeseg::Segmenter::open(*object_of(bundle), options);
        std::string name = model.engine().name();
        *segmenter = segmenters().open(std::make_shared<Loaded>(Loaded{std::move(model), std::move(name)}));
    });
}

edgeseg_status edgeseg_segmenter_clone(const edgeseg_segmenter* segmenter, edgeseg_segmenter** clone) {
    return guarded([&] {
        need(clone, "the place for the clone");
        *clone = nullptr;
        const auto origin = object_of(segmenter);
        *clone = segmenters().open(std::make_shared<Loaded>(Loaded{origin->model.clone(), origin->engine}));
    });
}

void edgeseg_segmenter_close(edgeseg_segmenter* segmenter) { segmenters().close(segmenter); }

const char* edgeseg_segmenter_engine(const edgeseg_segmenter* segmenter) {
    return field_of(segmenters(), segmenter, kNoText, [](const Loaded& found) { return text(found.engine); });
}

const char* edgeseg_segmenter_precision(const edgeseg_segmenter* segmenter) {
    return field_of(segmenters(), segmenter, kNoText,
                    [](const Loaded& found) { return text(found.model.artifact().precision); });
}

const char* edgeseg_segmenter_note(const edgeseg_segmenter* segmenter) {
    return field_of(segmenters(), segmenter, kNoText, [](const Loaded& found) { return text(found.model.note()); });
}

edgeseg_status edgeseg_segment(edgeseg_segmenter* segmenter, const edgeseg_frame* frame, const edgeseg_mask* mask) {
    return guarded([&] {
        object_of(segmenter)->model.segment(view(frame), view(mask));
    });
}

edgeseg_status edgeseg_overlay(edgeseg_segmenter* segmenter, const edgeseg_frame* frame, double alpha,
                               const edgeseg_canvas* canvas, const edgeseg_mask* mask) {
    return guarded([&] {
        const auto loaded = object_of(segmenter);
        const edgeseg::Image ids = mask == nullptr ? edgeseg::Image{} : view(mask);
        loaded->model.overlay(view(frame), alpha, view(canvas), mask == nullptr ? nullptr : &ids);
    });
}

edgeseg_status edgeseg_check(edgeseg_segmenter* segmenter, const edgeseg_bundle* bundle, edgeseg_proof* proof) {
    return guarded([&] {
        need(proof, "the place for the proof");
        const edgeseg::Proof found = edgeseg::check(*object_of(bundle), object_of(segmenter)->model);
        *proof = {found.frames, found.agreement, found.worst_frame, found.required};
    });
}

edgeseg_status edgeseg_resize(const edgeseg_frame* frame, const edgeseg_canvas* canvas) {
    return guarded([&] {
        const edgeseg::ConstImage from = view(frame);
        const edgeseg::Image to = view(canvas);
        edgeseg::check_image(from, 3, "frame");
        edgeseg::check_image(to, 3, "canvas");
        edgeseg::resize(from, to);
    });
}

edgeseg_status edgeseg_argmax(const float* logits, int32_t classes, int32_t rows, int32_t columns, const double rect[4],
                              const edgeseg_mask* mask) {
    return guarded([&] {
        need(logits, "the logits");
        need(rect, "the rectangle");
        const edgeseg::Image ids = view(mask);
        edgeseg::check_image(ids, 1, "mask");
        const int longest = edgeseg::kLongestSide;
        if (classes < 1 || classes > 255 || rows < 1 || columns < 1 || rows > longest || columns > longest) {
            throw edgeseg::Error(edgeseg::ErrorKind::frame, "logits take 1 to 255 classes, and sides of 1 to 16384");
        }
        const std::ptrdiff_t floats = std::ptrdiff_t{classes} * rows;
        const edgeseg::ConstImage bytes{reinterpret_cast<const std::uint8_t*>(logits), columns * 4,
                                        static_cast<int>(floats), 1, std::ptrdiff_t{columns} * 4};
        if (edgeseg::overlap(bytes, ids)) {
            throw edgeseg::Error(edgeseg::ErrorKind::frame, "the mask overlaps the logits; give it memory of its own");
        }
        edgeseg::argmax({logits, classes, rows, columns}, {rect[0], rect[1], rect[2], rect[3]}, ids);
    });
}

}  // extern "C"
