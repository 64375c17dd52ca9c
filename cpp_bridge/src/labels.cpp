#include "edgeseg/kernels.hpp"
#include "grid.hpp"

namespace edgeseg {

void labels(const Logits& logits, const Rect& rect, std::uint8_t* masks, int width, int height) {
    const Grid checked(logits, rect, width, height);  // all planes, before the first one is written
    const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(logits.height) * logits.width;
    const std::ptrdiff_t pixels = static_cast<std::ptrdiff_t>(height) * width;
    for (int c = 0; c < logits.classes; ++c) {
        argmax({logits.data + c * plane, 1, logits.height, logits.width}, rect,
               {masks + c * pixels, width, height, 1, width});
    }
}

}  // namespace edgeseg
