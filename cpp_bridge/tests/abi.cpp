// The C ABI answers every misuse that it can see by a status and a sentence, and does what the C++ API does.
#include "edgeseg.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "expect.hpp"

using namespace test;

namespace {

void expect_status(edgeseg_status status, edgeseg_status wanted, const char* word) {
    expect(status == wanted && std::strstr(edgeseg_error(), word) != nullptr,
           "status " + std::to_string(wanted) + " and '" + word + "', got " + std::to_string(status) + ": " +
               edgeseg_error());
}

void test_nulls(const char* folder) {
    expect(edgeseg_abi() == EDGESEG_ABI, "the library is that of the header");
    expect(std::strchr(edgeseg_version(), '.') != nullptr, "a version");
    expect(edgeseg_engine(-1) == nullptr && edgeseg_engine(100) == nullptr, "no engine past the last");
    edgeseg_bundle* bundle = nullptr;
    edgeseg_segmenter* model = nullptr;
    expect_status(edgeseg_bundle_open(nullptr, &bundle), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_bundle_open(folder, nullptr), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_bundle_open("", &bundle), EDGESEG_BUNDLE, "expected a path");
    expect_status(edgeseg_bundle_verify(nullptr), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_segmenter_open(nullptr, nullptr, nullptr, 0, &model), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_segmenter_clone(nullptr, &model), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_segmenter_clone(nullptr, nullptr), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_segment(nullptr, nullptr, nullptr), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_overlay(nullptr, nullptr, 0.5, nullptr, nullptr), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_check(nullptr, nullptr, nullptr), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_resize(nullptr, nullptr), EDGESEG_USAGE, "NULL");
    expect_status(edgeseg_argmax(nullptr, 2, 1, 1, nullptr, nullptr), EDGESEG_USAGE, "NULL");
    expect(edgeseg_bundle_name(nullptr) == nullptr && edgeseg_bundle_classes(nullptr) == 0, "of no bundle, nothing");
    expect(edgeseg_bundle_width(nullptr) == 0 && edgeseg_bundle_height(nullptr) == 0, "nor a size");
    expect(edgeseg_bundle_class(nullptr, 0) == nullptr && edgeseg_bundle_colour(nullptr, 0) == -1, "nor a class");
    expect(edgeseg_segmenter_engine(nullptr) == nullptr && edgeseg_segmenter_precision(nullptr) == nullptr &&
               edgeseg_segmenter_note(nullptr) == nullptr, "of no segmenter, nothing");
    edgeseg_bundle_close(nullptr);
    edgeseg_segmenter_close(nullptr);
    expect(bundle == nullptr && model == nullptr, "a failure leaves NULL");
}

void test_kernels() {
    Bytes frame = noise(3 * 8 * 6, 1), out(3 * 16 * 12, 7);
    const edgeseg_frame from{frame.data(), 8, 6, 24};
    const edgeseg_canvas to{out.data(), 16, 12, 48}, over{frame.data(), 4, 3, 12};
    const edgeseg_canvas narrow{out.data(), 16, 12, 47}, negative{out.data(), -16, 12, 48};
    expect_status(edgeseg_resize(&from, &narrow), EDGESEG_FRAME, "stride");
    expect_status(edgeseg_resize(&from, &negative), EDGESEG_FRAME, "sides");
    expect_status(edgeseg_resize(&from, &over), EDGESEG_FRAME, "overlaps");
    expect(out == Bytes(3 * 16 * 12, 7), "nothing was written");
    expect(edgeseg_resize(&from, &to) == EDGESEG_OK, "resize");
    Bytes expected(3 * 16 * 12);
    edgeseg::resize({frame.data(), 8, 6, 3, 24}, {expected.data(), 16, 12, 3, 48});
    expect(out == expected, "the kernel's own answer");

    std::vector<float> logits{0, 3, 1, 2};
    Bytes mask(4, 9);
    const edgeseg_mask ids{mask.data(), 4, 1, 4};
    const double rect[4] = {0, 0, 2, 1}, strange[4] = {0, 0, NAN, 1}, flat[4] = {0, 0, 2, 0};
    expect_status(edgeseg_argmax(logits.data(), 0, 1, 2, rect, &ids), EDGESEG_FRAME, "classes");
    expect_status(edgeseg_argmax(logits.data(), 256, 1, 2, rect, &ids), EDGESEG_FRAME, "classes");
    expect_status(edgeseg_argmax(logits.data(), 2, -1, 2, rect, &ids), EDGESEG_FRAME, "sides");
    expect_status(edgeseg_argmax(logits.data(), 2, 1, 2, strange, &ids), EDGESEG_FRAME, "finite");
    expect_status(edgeseg_argmax(logits.data(), 2, 1, 2, flat, &ids), EDGESEG_FRAME, "above 0");
    expect_status(edgeseg_argmax(logits.data(), 2, 1, 2, nullptr, &ids), EDGESEG_USAGE, "rectangle");
    auto* inside = reinterpret_cast<std::uint8_t*>(logits.data());
    const edgeseg_mask over_logits{inside + 4, 4, 1, 4};
    expect_status(edgeseg_argmax(logits.data(), 2, 1, 2, rect, &over_logits), EDGESEG_FRAME, "overlaps");
    logits[3] = INFINITY;
    expect_status(edgeseg_argmax(logits.data(), 2, 1, 2, rect, &ids), EDGESEG_FRAME, "infinity");
    expect(mask == Bytes(4, 9), "nothing was written");
    logits[3] = 2;
    expect(edgeseg_argmax(logits.data(), 2, 1, 2, rect, &ids) == EDGESEG_OK && mask == Bytes{1, 1, 0, 0}, "arg-max");
}

void test_closed_handles(const char* folder) {
    edgeseg_bundle *bundle = nullptr, *second = nullptr;
    edgeseg_segmenter* model = nullptr;
    expect(edgeseg_bundle_open(folder, &bundle) == EDGESEG_OK, "a bundle opens");
    auto* as_segmenter = reinterpret_cast<edgeseg_segmenter*>(bundle);
    expect_status(edgeseg_segmenter_clone(as_segmenter, &model), EDGESEG_USAGE, "was never one");
    expect(edgeseg_segmenter_engine(as_segmenter) == nullptr, "of another kind, nothing");
    edgeseg_segmenter_close(as_segmenter);
    expect(edgeseg_bundle_name(bundle) != nullptr, "closed as another kind, it is still there");
    edgeseg_bundle_close(bundle);
    edgeseg_bundle_close(bundle);
    expect_status(edgeseg_bundle_verify(bundle), EDGESEG_USAGE, "closed already");
    expect_status(edgeseg_segmenter_open(bundle, nullptr, nullptr, 1, &model), EDGESEG_USAGE, "closed already");
    expect(edgeseg_bundle_name(bundle) == nullptr && edgeseg_bundle_class(bundle, 0) == nullptr, "of a closed one, nothing");
    expect(edgeseg_bundle_open(folder, &second) == EDGESEG_OK && second != bundle, "no handle comes twice");
    edgeseg_bundle_close(second);
    auto* nonsense = reinterpret_cast<edgeseg_bundle*>(std::uintptr_t{0xDEADBEEF});
    expect_status(edgeseg_bundle_verify(nonsense), EDGESEG_USAGE, "was never one");
    edgeseg_bundle_close(nonsense);
}

void test_messages() {
    edgeseg_bundle* bundle = nullptr;
    expect_status(edgeseg_bundle_open("no\xFFwhere", &bundle), EDGESEG_BUNDLE, "no?where");
    expect_status(edgeseg_bundle_open("\xED\xA0\x80\xC0\x80\xC3\xB6", &bundle), EDGESEG_BUNDLE, "?????\xC3\xB6");
    for (int first = 0; first < 2; ++first) {  // wherever the message is cut, whole characters are left
        std::string folder(static_cast<std::size_t>(first), 'a');
        while (folder.size() < 2000) folder += "\xC3\xB6";
        expect(edgeseg_bundle_open(folder.c_str(), &bundle) == EDGESEG_BUNDLE, "a name too long");
        const std::string message = edgeseg_error();
        expect(message.size() >= 1020 && message.compare(message.size() - 2, 2, "\xC3\xB6") == 0, "cut between characters");
    }
}

void test_bundle(const char* folder) {
    edgeseg_bundle* bundle = nullptr;
    edgeseg_segmenter* model = nullptr;
    expect(edgeseg_bundle_open(folder, &bundle) == EDGESEG_OK, "a bundle opens");
    expect(edgeseg_bundle_verify(bundle) == EDGESEG_OK, "and is whole");
    const edgeseg::Spec spec = edgeseg::Bundle::open(folder).spec();
    const auto classes = static_cast<std::int32_t>(spec.classes.size());
    expect(edgeseg_bundle_name(bundle) == spec.name && edgeseg_bundle_classes(bundle) == classes, "its spec");
    expect(edgeseg_bundle_width(bundle) == spec.width && edgeseg_bundle_height(bundle) == spec.height, "its size");
    expect(edgeseg_bundle_class(bundle, classes - 1) == spec.classes.back(), "its last class");
    expect(edgeseg_bundle_class(bundle, classes) == nullptr && edgeseg_bundle_class(bundle, -1) == nullptr, "no more");
    const auto& colour = spec.palette[0];
    expect(edgeseg_bundle_colour(bundle, 0) == colour[0] * 65536 + colour[1] * 256 + colour[2], "its first colour");
    expect_status(edgeseg_segmenter_open(bundle, "no such engine", nullptr, 0, &model), EDGESEG_ENGINE, "no engine");
    expect_status(edgeseg_segmenter_open(bundle, nullptr, nullptr, -1, &model), EDGESEG_ENGINE,
                  edgeseg_engine(0) == nullptr ? "without a runtime" : "threads");
    if (edgeseg_engine(0) != nullptr) {
        const bool opened = edgeseg_segmenter_open(bundle, nullptr, "fp32", 1, &model) == EDGESEG_OK;
        expect(opened, edgeseg_error());
        if (!opened) return edgeseg_bundle_close(bundle);
        expect(std::strcmp(edgeseg_segmenter_engine(model), edgeseg_engine(0)) == 0, "the first engine");
        expect(std::strcmp(edgeseg_segmenter_precision(model), "fp32") == 0, "fp32");
        expect(std::strcmp(edgeseg_segmenter_note(model), "") == 0, "nothing to say");
        edgeseg_proof proof{-1, 0, 0, 0};
        expect(edgeseg_check(model, bundle, &proof) == EDGESEG_OK && proof.frames >= 0, "the golden frames");
        edgeseg_bundle_close(bundle);
        bundle = nullptr;
        edgeseg_segmenter* clone = nullptr;
        expect(edgeseg_segmenter_clone(model, &clone) == EDGESEG_OK, "a clone");
        edgeseg_segmenter_close(model);
        Bytes frame = noise(3 * 320 * 240, 2), mask(320 * 240, 255), painted(3 * 320 * 240), again(320 * 240, 254);
        const edgeseg_frame from{frame.data(), 320, 240, 960};
        const edgeseg_mask ids{mask.data(), 320, 240, 320}, ids_again{again.data(), 320, 240, 320};
        const edgeseg_canvas canvas{painted.data(), 320, 240, 960};
        expect(edgeseg_segment(clone, &from, &ids) == EDGESEG_OK, "a clone outlives its origin and the bundle");
        expect(edgeseg_overlay(clone, &from, 0, &canvas, &ids_again) == EDGESEG_OK, "overlay");
        expect(again == mask && painted == frame, "the same mask, and with alpha 0 the frame");
        edgeseg_segmenter_close(clone);
    }
    edgeseg_bundle_close(bundle);
}

}  // namespace

int main(int, char** arguments) {
    test_nulls(arguments[1]);
    test_kernels();
    test_closed_handles(arguments[1]);
    test_messages();
    test_bundle(arguments[1]);
    return result("the C ABI holds");
}
