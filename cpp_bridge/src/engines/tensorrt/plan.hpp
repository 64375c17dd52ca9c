// Plans (engine files) that `edgeseg compile` and Python's engine keep in the user's cache folder. A plan is a program:
// it is looked at here before TensorRT sees it. edgeseg/engines/tensorrt/sidecar.py writes plans and their notes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edgeseg {

// The plan of an ONNX file (its name without a folder, its SHA-256) for this card and this version of TensorRT,
// "10.3.0": its folder and both files belong to this user and nobody else can write them, its notes say that it was
// built from this file, for this system and card, its bytes are those that were built, and the notes have the seal of the
// folder's key. Throws Error (engine): there is none; the message names the command that makes it.
std::vector<std::uint8_t> read_plan(const std::string& artifact, const std::string& onnx_sha256,
                                    const std::string& capability, const std::string& version);

}  // namespace edgeseg
