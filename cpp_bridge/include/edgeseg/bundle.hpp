// A folder that holds a network ready to run, and proves what it holds: docs/bundle.md is the definition.
//
//     const auto bundle = edgeseg::Bundle::open("models/road");
//     for (const edgeseg::Artifact& each : bundle.artifacts()) std::puts(each.file.c_str());
//
// Nothing here changes a bundle, and several threads may read one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "edgeseg/export.hpp"
#include "edgeseg/spec.hpp"

namespace edgeseg {

// A file of a bundle. Its name is plain: it cannot lead out of the folder.
struct File {
    std::string name;
    std::string sha256;  // 64 hexadecimal digits
    std::uint64_t bytes;
};

// A model file, and of what was measured on it that which decides whether it is run.
struct Artifact {
    std::string file;
    std::string target;     // the runtime that it was made for, "onnxruntime"
    std::string precision;  // "fp32", "fp16", "int8", "int8-7bit"
    std::string sha256;
    std::uint64_t bytes;
    std::optional<double> miou;              // percent, on the split `data_sha256`
    std::string data_sha256;
    std::optional<double> agreement;         // percent of pixels that equal fp32's
    std::optional<double> golden_agreement;  // the same on the golden frames
    std::string classes;                     // JSON of those that were renamed or left over where `miou` was measured
    std::optional<double> verified_miou;     // percent, by `edgeseg verify`, on the split `verified_sha256`
    std::string verified_sha256;
    std::optional<double> least_agreement;   // percent that its owner asks for
    std::vector<std::string> damaged;        // "evaluation": facts that are there and cannot be read, which prove nothing
};

// A picture of the network's own size, and the mask that fp32 gave for it where the bundle was made.
struct GoldenFrame {
    File input;
    File mask;
};

struct GoldenImages {
    std::vector<std::uint8_t> frame;  // (height, width, 3), blue, green, red
    std::vector<std::uint8_t> mask;   // (height, width)
};

class EDGESEG_API Bundle {
  public:
    // Reads bundle.json and looks for the files. Throws Error: bundle, spec.
    static Bundle open(const std::string& folder);

    const std::string& folder() const { return folder_; }
    const Spec& spec() const { return spec_; }
    const std::vector<Artifact>& artifacts() const { return artifacts_; }  // the best first
    const std::optional<std::string>& card() const { return card_; }
    const std::vector<GoldenFrame>& golden() const { return golden_; }  // may be empty

    // The artifact for a runtime, of that precision or ("") the best; plain fp32 is for every runtime. Throws Error
    // (bundle) where there is none; the message names what is there and the command that makes it.
    const Artifact& artifact(const std::string& target, const std::string& precision = "") const;

    // The content of an artifact, hashed, and an ONNX file that stands for itself. Throws Error (bundle).
    std::vector<std::uint8_t> read(const Artifact& artifact) const;

    // A golden frame's pictures, hashed before they are decoded. Throws Error (bundle).
    GoldenImages read(const GoldenFrame& frame) const;


    // Reads every artifact and golden frame: all that `read` would refuse of any. Throws Error (bundle).
    void verify() const;

  private:
    Bundle() = default;
    std::string inside(const std::string& file) const;
    std::vector<std::uint8_t> verified(const File& file) const;

    std::string folder_;
    Spec spec_{};
    std::vector<Artifact> artifacts_;
    std::optional<std::string> card_;
    std::vector<GoldenFrame> golden_;
};

}  // namespace edgeseg
