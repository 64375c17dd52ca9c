// The kernels: what stands around the network on every device. The caller owns all memory; every function may run in
// several threads at once. A precondition that does not hold throws std::invalid_argument before anything is written.
#pragma once

#include "edgeseg/image.hpp"

namespace edgeseg {

// Bilinear, 1 to 4 channels, any size to any size; every bit as OpenCV's INTER_LINEAR_EXACT.
void resize(const ConstImage& frame, const Image& out);

// The kernels below upsample logits, bilinear with half-pixel centres: pixel.hpp says where each pixel of the output
// lies in `rect`. They throw where a logit is NaN or infinite.

// Class ids; where the best two tie, the lower class, but a cell whose four logits agree takes their class.
void argmax(const Logits& logits, const Rect& rect, const Image& mask);

// The same with every class computed at every pixel: the yardstick of tests and benchmarks.
void argmax_unpruned(const Logits& logits, const Rect& rect, const Image& mask);

// Labels that may overlap: 1 where a label's logit is above 0, else 0; masks are (labels, height, width) contiguous
// bytes. Each is what `argmax` makes of that plane alone.
void labels(const Logits& logits, const Rect& rect, std::uint8_t* masks, int width, int height);

// Best minus second-best logit, (height, width) contiguous floats; of one class, the absolute logit.
void margin(const Logits& logits, const Rect& rect, float* out, int width, int height);

// Colours of the classes, blue, green, red, as frames.
struct Palette {
    const std::uint8_t* colours;
    int count;
};

// The arg-max and its colours over the frame, in one pass; writes the mask too where there is one. Alpha from 0 (the
// frame) to 1 (the colours). `out` may be the frame.
void overlay(const Logits& logits, const Rect& rect, const ConstImage& frame, const Palette& palette, double alpha,
             const Image& out, const Image* mask);

// The same of a mask that is already there.
void blend(const ConstImage& mask, const ConstImage& frame, const Palette& palette, double alpha, const Image& out);

// The same of masks (count, height, width) of labels that may overlap, as `labels` makes them: a pixel gets the mean
// colour of the labels that are not 0 there, and stays the frame's where none is.
void blend_labels(const std::uint8_t* masks, int count, const ConstImage& frame, const Palette& palette, double alpha,
                  const Image& out);

}  // namespace edgeseg
