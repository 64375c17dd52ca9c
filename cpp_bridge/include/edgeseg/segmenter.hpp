// Frame in, mask out: a bundle with an engine, and the kernels around it.
//
//     auto model = edgeseg::Segmenter::open(edgeseg::Bundle::open("models/road"));
//     std::vector<std::uint8_t> mask(width * height);
//     model.segment({frame, width, height, 3, 3 * width}, {mask.data(), width, height, 1, width});
//
// A frame has rows of blue, green, red bytes; a mask one class id per pixel. Of labels that may overlap, a mask is
// `spec().masks()` times as high as the frame: one of 0 and 1 for each label, below each other, without gaps (stride =
// width). The caller owns frame and mask. After the first frame of a size, `segment` allocates nothing itself (its engine
// may).
//
// Threads: calls of one segmenter take turns. A `clone` shares the network, and runs beside it.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "edgeseg/bundle.hpp"
#include "edgeseg/engine.hpp"
#include "edgeseg/error.hpp"
#include "edgeseg/export.hpp"
#include "edgeseg/kernels.hpp"

namespace edgeseg {

struct Options {
    std::string engine;     // one of engines(); "": the first of them
    std::string precision;  // "": the bundle's best that this processor computes exactly
    int threads = 0;        // of one inference; 0: all cores that this process may use
    int width = 0;          // of the network's input, for networks that take any; 0: the spec's
    int height = 0;
};

// Seconds that the steps of a mask took.
struct Times {
    double prepare = 0;  // resize and border
    double infer = 0;
    double kernel = 0;  // upsample and arg-max, and the overlay
};

class EDGESEG_API Segmenter {
  public:
    // Throws Error: usage, bundle, engine.
    static Segmenter open(const Bundle& bundle, const Options& options = {});

    // Joins an engine and the spec that its artifact keeps. Throws Error: usage, engine.
    Segmenter(Spec spec, std::shared_ptr<Engine> engine);
    ~Segmenter();
    Segmenter(Segmenter&&) noexcept;
    Segmenter& operator=(Segmenter&&) noexcept;

    // The same network for another thread.
    Segmenter clone() const;

    const Spec& spec() const;
    const Engine& engine() const;

    // The artifact that `open` took; its file is "" where an engine was joined by hand.
    const Artifact& artifact() const;

    // A sentence where another artifact than the bundle's best was taken, else "".
    const std::string& note() const;

    // Of the last mask or overlay; of a whole one, where another thread is at the next.
    Times times() const;

    // Throws Error: frame, engine. The mask has the frame's size, and they share no byte.
    void segment(const ConstImage& frame, const Image& mask);

    // The frame with its classes painted over it, alpha from 0 to 1, and the mask too where there is one. `out` may be
    // the frame. Where labels overlap, the mean of their colours is painted. Throws Error: frame, engine.
    void overlay(const ConstImage& frame, double alpha, const Image& out, const Image* mask = nullptr);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace edgeseg
