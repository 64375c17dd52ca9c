// What each file in this folder offers to engines.cpp, and what every runtime checks in a model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edgeseg/engine.hpp"
#include "edgeseg/spec.hpp"

namespace edgeseg {

// A model to be loaded: the bytes of a file that was hashed, an ONNX file that stands for itself.
struct Model {
    std::string path;  // for messages; nothing is read there
    std::vector<std::uint8_t> content;
    std::string sha256;  // of the content, as it was verified
    const Spec& spec;
};

// Each throws Error (engine): the runtime refuses the model, or the model breaks the spec.
std::shared_ptr<Engine> open_openvino(const Model& model, int threads);
std::shared_ptr<Engine> open_onnxruntime(const Model& model, int threads);
std::shared_ptr<Engine> open_tensorrt(const Model& model, int threads);

// Refuses logits of another shape than the spec says: (1, classes, rows, columns); one channel may stand for two classes.
void check_logits(const std::string& path, const Spec& spec, const Logits& logits);

// Whether 8-bit products are summed in 32 bits: VNNI on x86, every 64-bit Arm. x86 without it saturates.
bool sums_int8_exactly();

// Its name, as its maker writes it, with a hash of its features: virtual machines hide some of one processor's.
std::string processor();

}  // namespace edgeseg
