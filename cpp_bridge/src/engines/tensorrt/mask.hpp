// The mask on the card, behind the network: memory and launches for masks of one size and place.
#pragma once

#include "card.hpp"
#include "edgeseg/image.hpp"

namespace edgeseg::card {

class Mask {
  public:
    // Of logits (classes, rows, columns), floats, that lie at `logits` on the card. Enqueues what depends on the size alone.
    Mask(const Stream& stream, const float* logits, int classes, int rows, int columns, int width, int height,
         const Rect& rect);

    bool fits(int width, int height, const Rect& rect) const;

    // The mask of the logits that are there by then, and its way to the host.
    void enqueue(const Stream& stream) const;

    // Copies it out, once the stream is synchronised. Throws Error (frame): a logit is NaN or infinite.
    void read(const Image& mask) const;

  private:
    const float* logits_;
    int classes_, rows_, columns_, width_, height_;
    Rect rect_;
    Memory column_samples_, row_samples_, winners_, answer_;
    Pinned host_;
};

}  // namespace edgeseg::card
