// PNG pictures as golden frames are: 8 bits a sample, not interlaced, RGB or grey, of a size that is known.
#pragma once

#include <cstdint>
#include <vector>

#include "edgeseg/spec.hpp"

namespace edgeseg {

// Samples (height, width, channels), three channels as blue, green, red. What chunks of text, colour or time say is
// not looked at. Throws std::invalid_argument: it is no such picture.
std::vector<std::uint8_t> decode_png(const std::vector<std::uint8_t>& content, Size size, int channels);

}  // namespace edgeseg
