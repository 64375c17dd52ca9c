// The kernels: what stands around the network on every device. The caller owns all memory; every function may run in
// several threads at once. A precondition that does not hold throws std::invalid_argument before anything is written.
#pragma once

#include <memory>

#include "edgeseg/export.hpp"
#include "edgeseg/image.hpp"

namespace edgeseg {

// Memory that kernels work in. A kernel that is given the same one again allocates nothing once it has met its sizes.
// It serves one call at a time: each thread has its own.
class EDGESEG_API Workspace {
  public:
    Workspace();
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

    struct Memory;
    Memory& memory() { return *memory_; }

  private:
    std::unique_ptr<Memory> memory_;
};

// Bilinear, 1 to 4 channels, any size to any size; every bit as OpenCV's INTER_LINEAR_EXACT.
EDGESEG_API void resize(const ConstImage& frame, const Image& out);
EDGESEG_API void resize(const ConstImage& frame, const Image& out, Workspace& workspace);

// The kernels below upsample logits, bilinear with half-pixel centres: pixel.hpp says where each pixel of the output
// lies in `rect`. They throw where a logit is NaN or infinite.

// Class ids; where the best two tie, the lower class, but a cell whose four logits agree takes their class.
EDGESEG_API void argmax(const Logits& logits, const Rect& rect, const Image& mask);
EDGESEG_API void argmax(const Logits& logits, const Rect& rect, const Image& mask, Workspace& workspace);

// The same with every class computed at every pixel: the yardstick of tests and benchmarks.
EDGESEG_API void argmax_unpruned(const Logits& logits, const Rect& rect, const Image& mask);

// Labels that may overlap: 1 where a label's logit is above 0, else 0; masks are (labels, height, width) contiguous
// bytes. Each is what `argmax` makes of that plane alone.
EDGESEG_API void labels(const Logits& logits, const Rect& rect, std::uint8_t* masks, int width, int height);

// Best minus second-best logit, (height, width) contiguous floats; of one class, the absolute logit.
EDGESEG_API void margin(const Logits& logits, const Rect& rect, float* out, int width, int height);

// An average over time: `average`, (classes, height, width) contiguous floats, becomes weight times itself plus
// 1 - weight times the logits. Both weights, 0 to 1, are rounded to float first.
EDGESEG_API void smooth(const Logits& logits, double weight, float* average);

// Colours of the classes, blue, green, red, as frames.
struct Palette {
    const std::uint8_t* colours;
    int count;
};

// The arg-max and its colours over the frame, in one pass; writes the mask too where there is one. Alpha from 0 (the
// frame) to 1 (the colours). `out` may be the frame.
EDGESEG_API void overlay(const Logits& logits, const Rect& rect, const ConstImage& frame, const Palette& palette,
                         double alpha, const Image& out, const Image* mask);

// The same of a mask that is already there.
EDGESEG_API void blend(const ConstImage& mask, const ConstImage& frame, const Palette& palette, double alpha,
                       const Image& out);

// The same of masks (count, height, width) of labels that may overlap, as `labels` makes them: a pixel gets the mean
// colour of the labels that are not 0 there, and stays the frame's where none is.
EDGESEG_API void blend_labels(const std::uint8_t* masks, int count, const ConstImage& frame, const Palette& palette,
                              double alpha, const Image& out);

}  // namespace edgeseg
