// The Python module edgeseg._native: the one file that knows nanobind. edgeseg/kernels.py checks shapes and contiguity
// before it calls, and words the errors; here the types say dtype and rank.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "edgeseg/instruction_set.hpp"
#include "edgeseg/kernels.hpp"

namespace nb = nanobind;

namespace {

// Pixels are contiguous, rows may lie anywhere.
using Frame = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::device::cpu>;
using OutFrame = nb::ndarray<std::uint8_t, nb::ndim<3>, nb::device::cpu>;
using Mask = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::device::cpu>;
using OutMask = nb::ndarray<std::uint8_t, nb::ndim<2>, nb::device::cpu>;

using Logits = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Palette = nb::ndarray<const std::uint8_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using Masks = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using OutMasks = nb::ndarray<std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using OutMargin = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using OutLogits = nb::ndarray<float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Rect = std::tuple<double, double, double, double>;

// Pixels; rows of 4 channels, and products of two sides in the kernels' 64 bits, stay in their types.
constexpr std::size_t longest = 1 << 20;

template <typename Array>
int size(const Array& array, std::size_t axis) {
    if (array.shape(axis) < 1 || array.shape(axis) > longest) {
        throw std::invalid_argument("arrays take sides of 1 to 1048576");
    }
    return static_cast<int>(array.shape(axis));
}

// Bytes from row to row of an image whose rows are contiguous and follow each other upwards in memory.
template <typename Array>
std::ptrdiff_t stride(const Array& a) {
    const std::ptrdiff_t channels = a.ndim() == 3 ? size(a, 2) : 1, width = size(a, 1);
    const bool pixels = a.ndim() == 2 || channels == 1 || a.stride(2) == 1;
    const bool row = width == 1 || a.stride(1) == channels;
    if (!pixels || !row || (size(a, 0) > 1 && a.stride(0) < width * channels)) {
        throw std::invalid_argument("images take contiguous rows, one after the other");
    }
    return a.stride(0);
}

edgeseg::ConstImage image(const Frame& a) { return {a.data(), size(a, 1), size(a, 0), size(a, 2), stride(a)}; }
edgeseg::Image image(const OutFrame& a) { return {a.data(), size(a, 1), size(a, 0), size(a, 2), stride(a)}; }
edgeseg::ConstImage image(const Mask& a) { return {a.data(), size(a, 1), size(a, 0), 1, stride(a)}; }
edgeseg::Image image(const OutMask& a) { return {a.data(), size(a, 1), size(a, 0), 1, stride(a)}; }
edgeseg::Logits planes(const Logits& a) { return {a.data(), size(a, 0), size(a, 1), size(a, 2)}; }
edgeseg::Palette colours(const Palette& a) { return {a.data(), size(a, 0)}; }

edgeseg::Rect area(const Rect& rect) {
    const auto& [x, y, width, height] = rect;
    return {x, y, width, height};
}

void resize(const Frame& frame, const OutFrame& out) { edgeseg::resize(image(frame), image(out)); }

void argmax(const Logits& logits, const Rect& rect, const OutMask& out) {
    edgeseg::argmax(planes(logits), area(rect), image(out));
}

void argmax_unpruned(const Logits& logits, const Rect& rect, const OutMask& out) {
    edgeseg::argmax_unpruned(planes(logits), area(rect), image(out));
}

void labels(const Logits& logits, const Rect& rect, const OutMasks& out) {
    if (out.shape(0) != logits.shape(0)) throw std::invalid_argument("every label takes a mask");
    edgeseg::labels(planes(logits), area(rect), out.data(), size(out, 2), size(out, 1));
}

void margin(const Logits& logits, const Rect& rect, const OutMargin& out) {
    edgeseg::margin(planes(logits), area(rect), out.data(), size(out, 1), size(out, 0));
}

void smooth(const Logits& logits, double weight, const OutLogits& average) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
        if (average.shape(axis) != logits.shape(axis)) throw std::invalid_argument("the average has the logits' shape");
    }
    edgeseg::smooth(planes(logits), weight, average.data());
}

void overlay(const Logits& logits, const Rect& rect, const Frame& frame, const Palette& palette, double alpha,
             const OutFrame& out, const std::optional<OutMask>& mask) {
    const edgeseg::Image ids = mask ? image(*mask) : edgeseg::Image{};
    edgeseg::overlay(planes(logits), area(rect), image(frame), colours(palette), alpha, image(out),
                     mask ? &ids : nullptr);
}

void blend(const Mask& mask, const Frame& frame, const Palette& palette, double alpha, const OutFrame& out) {
    edgeseg::blend(image(mask), image(frame), colours(palette), alpha, image(out));
}

void blend_labels(const Masks& masks, const Frame& frame, const Palette& palette, double alpha, const OutFrame& out) {
    if (size(masks, 1) != size(frame, 0) || size(masks, 2) != size(frame, 1)) {
        throw std::invalid_argument("frame and masks take the same size");
    }
    edgeseg::blend_labels(masks.data(), size(masks, 0), image(frame), colours(palette), alpha, image(out));
}

}  // namespace

NB_MODULE(_native, module) {
    module.doc() = "The native kernels; call them through edgeseg.kernels.";
    module.def("instruction_set", &edgeseg::instruction_set, "Name of the instruction set that the kernels use.");
    module.def("instruction_sets", &edgeseg::instruction_sets,
               "Names of those that this processor runs, plainest first.");
    module.def("set_instruction_set", &edgeseg::set_instruction_set, nb::arg("name"),
               "Uses another one, for the whole process: results are the same, bit for bit.");

    const nb::call_guard<nb::gil_scoped_release> free_gil;
    const auto logits = nb::arg("logits").noconvert(), frame = nb::arg("frame").noconvert();
    const auto palette = nb::arg("palette").noconvert(), out = nb::arg("out").noconvert();
    const auto rect = nb::arg("rect"), alpha = nb::arg("alpha");
    module.def("resize", &resize, frame, out, free_gil);
    module.def("argmax", &argmax, logits, rect, out, free_gil);
    module.def("argmax_unpruned", &argmax_unpruned, logits, rect, out, free_gil);
    module.def("labels", &labels, logits, rect, out, free_gil);
    module.def("margin", &margin, logits, rect, out, free_gil);
    module.def("smooth", &smooth, logits, nb::arg("weight"), nb::arg("average").noconvert(), free_gil);
    module.def("overlay", &overlay, logits, rect, frame, palette, alpha, out, nb::arg("mask").noconvert().none(),
               free_gil);
    module.def("blend", &blend, nb::arg("mask").noconvert(), frame, palette, alpha, out, free_gil);
    module.def("blend_labels", &blend_labels, nb::arg("masks").noconvert(), frame, palette, alpha, out, free_gil);
}
