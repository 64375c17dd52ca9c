// Reads the bytes of an ONNX file so strictly that every other reader finds the same in them: what edgeseg/onnx_wire.py
// does, and why, is said there. tests/cpp/test_bundle.py holds the two together.
#pragma once

#include <cstdint>
#include <vector>

namespace edgeseg {

// Whether anything of an ONNX model lies in another file. Throws std::invalid_argument: the bytes are not an ONNX model,
// or not written as every protobuf library writes it.
bool has_external_data(const std::vector<std::uint8_t>& model);

}  // namespace edgeseg
