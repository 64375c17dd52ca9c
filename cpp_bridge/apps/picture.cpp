#include "picture.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace app {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr int kTile = 32;  // pixels of a side: rows and columns of a tile stay in the cache

}  // namespace

void Picture::swap(Picture& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(room_, other.room_);
    std::swap(width_, other.width_);
    std::swap(height_, other.height_);
    std::swap(channels_, other.channels_);
    std::swap(stride_, other.stride_);
}

void Picture::create(Size size, int channels) {
    width_ = size.width;
    height_ = size.height;
    channels_ = channels;
    // Masks of labels that may overlap lie below each other without gaps.
    const std::size_t alignment = channels == 1 ? 1 : kAlignment;
    const std::size_t stride = (row_bytes() + alignment - 1) / alignment * alignment;
    stride_ = static_cast<std::ptrdiff_t>(stride);
    const std::size_t needed = (bytes() / kAlignment + 2) * kAlignment;  // a multiple, as aligned_alloc asks for
    if (needed <= room_) return;
    memory_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, needed)));
    room_ = memory_ ? needed : 0;
    if (!memory_) throw std::bad_alloc();
    std::memset(memory_.get(), 0, needed);
}

bool Picture::operator==(const Picture& other) const {
    if (size() != other.size() || channels_ != other.channels_) return false;
    for (int y = 0; y < height_; ++y) {
        if (std::memcmp(row(y), other.row(y), row_bytes()) != 0) return false;
    }
    return true;
}

void orient(const Picture& stored, Orientation orientation, Picture& shown) {
    const Size from = stored.size();
    const Size size = orientation.transpose ? Size{from.height, from.width} : from;
    shown.create(size, 3);
    for (int top = 0; top < size.height; top += kTile) {
        for (int left = 0; left < size.width; left += kTile) {
            for (int y = top; y < std::min(top + kTile, size.height); ++y) {
                std::uint8_t* to = shown.row(y) + 3 * left;
                for (int x = left; x < std::min(left + kTile, size.width); ++x, to += 3) {
                    const int column = orientation.horizontal ? size.width - 1 - x : x;
                    const int line = orientation.vertical ? size.height - 1 - y : y;
                    const std::uint8_t* pixel =
                        orientation.transpose ? stored.row(column) + 3 * line : stored.row(line) + 3 * column;
                    std::memcpy(to, pixel, 3);
                }
            }
        }
    }
}

}  // namespace app
