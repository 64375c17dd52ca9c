// A decoded frame as a picture in blue, green and red, by the matrix and range that it names: in square pixels, upright.
#pragma once

#include <optional>

#include "ffmpeg.hpp"
#include "picture.hpp"

namespace app {

// Width and height in square pixels of a picture whose pixels are `aspect` times as wide as high; 0/1: square. Pixels are
// made square by enlarging one direction. Those that are nearly square, or of an aspect that cannot be, are left.
Size square_size(Size stored, AVRational aspect);

// The matrix of its colours (by ITU-T H.273) that a frame names, where swscale would take it for BT.601.
std::optional<int> unknown_matrix(const AVFrame& frame);

class Converter {
  public:
    // Writes `image`, whose memory is used again. Throws FfmpegFailure.
    void convert(const AVFrame& frame, Size size, Orientation orientation, Picture& image);

  private:
    void scale(const AVFrame& frame, Picture& image);

    // What the scaler was made for.
    struct Kind {
        Size from, to;
        int format, matrix, range, place;
        bool operator==(const Kind& other) const {
            return from == other.from && to == other.to && format == other.format && matrix == other.matrix &&
                   range == other.range && place == other.place;
        }
    };
    Kind kind_{};
    Owned<SwsContext> scaler_;
    Picture stored_;  // before it is turned
};

}  // namespace app
