// The Python module edgeseg._native: the one file that knows nanobind. Shapes are checked, and errors worded, in
// edgeseg/kernels.py; nanobind checks dtype, rank and which axes are contiguous.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "edgeseg/instruction_set.hpp"
#include "edgeseg/kernels.hpp"

namespace nb = nanobind;

namespace {

// (H, W, C) bytes whose pixels are contiguous; rows may lie anywhere.
using FrameArray = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::device::cpu>;
using OutFrameArray = nb::ndarray<std::uint8_t, nb::ndim<3>, nb::device::cpu>;

edgeseg::ConstImage image(const FrameArray& a) {
    return {a.data(), static_cast<int>(a.shape(1)), static_cast<int>(a.shape(0)), static_cast<int>(a.shape(2)),
            a.stride(0)};
}

edgeseg::Image image(const OutFrameArray& a) {
    return {a.data(), static_cast<int>(a.shape(1)), static_cast<int>(a.shape(0)), static_cast<int>(a.shape(2)),
            a.stride(0)};
}

void resize(const FrameArray& frame, const OutFrameArray& out) { edgeseg::resize(image(frame), image(out)); }

}  // namespace

NB_MODULE(_native, module) {
    module.doc() = "The native kernels; call them through edgeseg.kernels.";
    module.def("instruction_set", &edgeseg::instruction_set, "Name of the instruction set that the kernels use.");
    module.def("instruction_sets", &edgeseg::instruction_sets, "Names of those that this processor runs, plainest first.");
    module.def("set_instruction_set", &edgeseg::set_instruction_set, nb::arg("name"),
               "Uses another one, for the whole process: results are the same, bit for bit.");
    const nb::call_guard<nb::gil_scoped_release> free_gil;
    module.def("resize", &resize, nb::arg("frame"), nb::arg("out"), free_gil);
}
