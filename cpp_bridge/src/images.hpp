// What is checked of an image before a kernel reads it.
#pragma once

#include <cstddef>
#include <string>

#include "edgeseg/error.hpp"

namespace edgeseg {

constexpr int kLongest = 1 << 20;  // pixels of a side: products of two sides stay in 64 bits
constexpr std::ptrdiff_t kWidest = std::ptrdiff_t{1} << 40;  // bytes from row to row: the last row's place is a number

// Throws Error (frame); `name` is what messages call the image.
template <typename AnyImage>
void check_image(const AnyImage& image, int channels, const std::string& name) {
    const auto refuse = [&](const std::string& message) { throw Error(ErrorKind::frame, "the " + name + message); };
    if (image.data == nullptr) refuse(" has no memory (a null pointer)");
    if (image.width < 1 || image.height < 1 || image.width > kLongest || image.height > kLongest) {
        refuse(" is " + std::to_string(image.width) + "x" + std::to_string(image.height) +
               ", expected sides of 1 to 1048576");
    }
    if (image.channels != channels) {
        refuse(" has " + std::to_string(image.channels) + " channels, expected " + std::to_string(channels));
    }
    const std::ptrdiff_t row = std::ptrdiff_t{image.width} * channels;
    if (image.stride < row || image.stride > kWidest) {
        refuse(" has a stride of " + std::to_string(image.stride) + " bytes, expected a row's bytes, " +
               std::to_string(row) + ", or more");
    }
}

template <typename First, typename Second>
void check_same_size(const First& frame, const Second& other, const std::string& name) {
    if (frame.width == other.width && frame.height == other.height) return;
    throw Error(ErrorKind::frame, "the " + name + " is " + std::to_string(other.width) + "x" +
                                      std::to_string(other.height) + ", expected the frame's " +
                                      std::to_string(frame.width) + "x" + std::to_string(frame.height));
}

}  // namespace edgeseg
