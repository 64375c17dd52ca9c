// Grey pictures as PNG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "picture.hpp"

namespace app {

// The file's bytes, of rows of one byte a pixel. Throws std::runtime_error: libpng refuses the size.
std::vector<std::uint8_t> encode_png(const std::uint8_t* rows, Size size, std::ptrdiff_t stride);

}  // namespace app
