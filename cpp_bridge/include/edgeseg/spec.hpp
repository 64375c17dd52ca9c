// What a network expects and what its answers mean: docs/bundle.md is the definition.
//
//     const edgeseg::Spec& spec = bundle.spec();
//     spec.classes[mask[y * width + x]];          // the name of a pixel's class
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "edgeseg/export.hpp"
#include "edgeseg/image.hpp"

namespace edgeseg {

// The highest format number of bundle.json and of specs that this library reads.
constexpr int kFormat = 3;

// Pixels; a larger input is a typing error, and would take the memory of the machine.
constexpr int kLongestSide = 16384;

// That a network takes at once.
constexpr int kMostPictures = 256;

enum class Resize { stretch, letterbox };
enum class PixelGrid { stride, whole, corners };

struct Size {
    int width;
    int height;
};

// What the original network's channels meant, before its graph was made to give logits that are cut at 0.
struct Head {
    std::string kind = "classes";
    std::string values = "logits";
    double threshold = 0;
    bool exclusive = true;  // a pixel has one class; else labels may overlap, and each has a mask of its own
};

struct EDGESEG_API Spec {
    std::string name;
    int width;   // of the network's input, in pixels
    int height;
    Resize resize;
    int stride;  // input pixels a logit
    std::vector<std::string> classes;
    std::vector<std::array<std::uint8_t, 3>> palette;  // red, green, blue
    std::optional<int> ignore;
    std::string licence;
    int pad = 127;
    bool dynamic = false;
    PixelGrid grid = PixelGrid::stride;
    Head head;
    int batch = 1;  // pictures that the network takes at once; a segmenter gives it one

    // Pixels of the input that a frame takes, from the top left.
    Size placement(int frame_width, int frame_height) const;

    // The rectangle of the logits that a frame covers.
    Rect rect(int frame_width, int frame_height) const;

    // Masks of a frame: one, or one for each of the labels that may overlap.
    int masks() const { return head.exclusive ? 1 : static_cast<int>(classes.size()); }

    // Rows and columns of the logits.
    Size logits() const { return {(width + stride - 1) / stride, (height + stride - 1) / stride}; }

    bool operator==(const Spec& other) const;
    bool operator!=(const Spec& other) const { return !(*this == other); }
};

}  // namespace edgeseg
