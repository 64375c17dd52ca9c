// A picture in memory of its own, which is used again: what a source gives, a mask, an overlay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "edgeseg/image.hpp"

namespace app {

struct Size {
    int width = 0;
    int height = 0;
    bool operator==(const Size& other) const { return width == other.width && height == other.height; }
    bool operator!=(const Size& other) const { return !(*this == other); }
};

// Rows of interleaved bytes. Of colours each begins at a multiple of 64 bytes, where FFmpeg's loops are at their fastest, and
// these may write a few bytes behind its pixels; of one channel they lie without gaps.
class Picture {
  public:
    Picture() = default;
    Picture(Picture&& other) noexcept { swap(other); }
    Picture& operator=(Picture&& other) noexcept {  // which has this one's memory then
        swap(other);
        return *this;
    }

    // What was in it is lost. Throws std::bad_alloc.
    void create(Size size, int channels);

    bool empty() const { return height_ == 0; }
    Size size() const { return {width_, height_}; }
    int channels() const { return channels_; }
    std::ptrdiff_t stride() const { return stride_; }
    std::size_t bytes() const { return static_cast<std::size_t>(stride_) * static_cast<std::size_t>(height_); }
    std::size_t row_bytes() const { return static_cast<std::size_t>(width_) * static_cast<std::size_t>(channels_); }
    std::uint8_t* row(int y) { return memory_.get() + y * stride_; }
    const std::uint8_t* row(int y) const { return memory_.get() + y * stride_; }
    edgeseg::ConstImage view() const { return {memory_.get(), width_, height_, channels_, stride_}; }
    edgeseg::Image writable() { return {memory_.get(), width_, height_, channels_, stride_}; }

    // Whether two have the same pixels.
    bool operator==(const Picture& other) const;

  private:
    void swap(Picture& other) noexcept;

    struct FreeMemory {
        void operator()(std::uint8_t* memory) const { std::free(memory); }
    };
    std::unique_ptr<std::uint8_t, FreeMemory> memory_;
    std::size_t room_ = 0;
    int width_ = 0, height_ = 0, channels_ = 0;
    std::ptrdiff_t stride_ = 0;
};

// What a video says of how a picture is to be shown: transposed, then mirrored from left to right, then from top to bottom.
struct Orientation {
    bool transpose = false, horizontal = false, vertical = false;
    bool upright() const { return !transpose && !horizontal && !vertical; }
};

// Writes a picture of three channels as it is to be shown.
void orient(const Picture& stored, Orientation orientation, Picture& shown);

}  // namespace app
