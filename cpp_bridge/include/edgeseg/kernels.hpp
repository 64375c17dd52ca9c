// The kernels: what stands around the network on every device. The caller owns all memory; every function may run in
// several threads at once. A precondition that does not hold throws std::invalid_argument before anything is written.
#pragma once

#include "edgeseg/image.hpp"

namespace edgeseg {

// Bilinear, 1 to 4 channels, any size to any size; every bit as OpenCV's INTER_LINEAR_EXACT.
void resize(const ConstImage& frame, const Image& out);

}  // namespace edgeseg
