#include "mask.hpp"

#include <cstring>
#include <type_traits>

#include "../../../cuda/mask.cu"
#include "edgeseg/error.hpp"

namespace edgeseg::card {
namespace {

constexpr int kFlag = 16;  // bytes before the mask: an int that tells of NaN or infinity, and the rest of a line
constexpr int kLine = 256, kTileWidth = 32, kTileHeight = 8;

unsigned blocks(int count, int size) { return static_cast<unsigned>((count + size - 1) / size); }

std::size_t product(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

// Not <<<>>>, whose error is that of the last call of CUDA in this thread, whoever made it; and tests compile this as C++.
template <typename... Parameters>
void launch(const Stream& stream, dim3 grid, dim3 block, void (*kernel)(Parameters...),
            std::common_type_t<Parameters>... arguments) {
    void* places[] = {&arguments...};
    check(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, places, 0, stream.get()),
          "launch a kernel");
}

}  // namespace

Mask::Mask(const Stream& stream, const float* logits, int classes, int rows, int columns, int width, int height,
           const Rect& rect)
    : logits_(logits), classes_(classes), rows_(rows), columns_(columns), width_(width), height_(height), rect_(rect),
      column_samples_(product(width, sizeof(Sample))), row_samples_(product(height, sizeof(Sample))),
      winners_(product(rows, columns)), answer_(kFlag + product(width, height)), host_(kFlag + product(width, height)) {
    stream.enqueue([&] {
        launch(stream, blocks(width, kLine), kLine, edgeseg_axis, column_samples_.as<Sample>(), width, rect.x, rect.width,
               columns);
        launch(stream, blocks(height, kLine), kLine, edgeseg_axis, row_samples_.as<Sample>(), height, rect.y, rect.height,
               rows);
    });
}

bool Mask::fits(int width, int height, const Rect& rect) const {
    return width == width_ && height == height_ && std::memcmp(&rect, &rect_, sizeof rect) == 0;
}

void Mask::enqueue(const Stream& stream) const {
    check(cudaMemsetAsync(answer_.as<void>(), 0, kFlag, stream.get()), "clear memory");
    launch(stream, blocks(rows_ * columns_, kLine), kLine, edgeseg_winners, logits_, classes_, rows_, columns_,
           winners_.as<std::uint8_t>(), answer_.as<int>());
    const dim3 grid(blocks(width_, kTileWidth), blocks(height_, kTileHeight)), tile(kTileWidth, kTileHeight);
    launch(stream, grid, tile, edgeseg_mask, logits_, classes_, rows_, columns_, winners_.as<std::uint8_t>(),
           column_samples_.as<Sample>(), row_samples_.as<Sample>(), height_, width_,
           answer_.as<std::uint8_t>() + kFlag);
    check(cudaMemcpyAsync(host_.as<void>(), answer_.as<void>(), host_.bytes(), cudaMemcpyDeviceToHost, stream.get()),
          "copy a mask");
}

void Mask::read(const Image& mask) const {
    if (*host_.as<int>() != 0) {
        throw Error(ErrorKind::frame, "logits hold NaN or infinity; the network or its input is broken, so there is no "
                                      "class to show");
    }
    const auto row = static_cast<std::size_t>(width_);
    for (int y = 0; y < height_; ++y) {
        std::memcpy(mask.row(y), host_.as<std::uint8_t>() + kFlag + static_cast<std::size_t>(y) * row, row);
    }
}

}  // namespace edgeseg::card
