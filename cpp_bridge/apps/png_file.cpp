#include "png_file.hpp"

#include <png.h>
#include <zlib.h>

#include <csetjmp>
#include <stdexcept>

namespace app {
namespace {

extern "C" void append(png_structp png, png_bytep data, std::size_t bytes) {
    auto* encoded = static_cast<std::vector<std::uint8_t>*>(png_get_io_ptr(png));
    try {
        encoded->insert(encoded->end(), data, data + bytes);
    } catch (const std::exception&) {  // it must not pass through libpng
        png_error(png, "no memory");
    }
}

extern "C" void flush(png_structp) {}
extern "C" void ignore(png_structp, png_const_charp) {}

// False where libpng failed: it jumps back here, over nothing that has to be destroyed.
bool write(png_structp png, png_infop info, const std::uint8_t* rows, Size size, std::ptrdiff_t stride) {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    // Masks are runs of equal ids: run lengths alone take half the room and a quarter of the time.
    png_set_compression_level(png, 1);
    png_set_compression_strategy(png, Z_RLE);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
    png_set_IHDR(png, info, static_cast<png_uint_32>(size.width), static_cast<png_uint_32>(size.height), 8,
                 PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < size.height; ++y) png_write_row(png, rows + y * stride);
    png_write_end(png, info);
    return true;
}

}  // namespace

std::vector<std::uint8_t> encode_png(const std::uint8_t* rows, Size size, std::ptrdiff_t stride) {
    std::vector<std::uint8_t> encoded;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, ignore);
    png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
    bool done = false;
    if (info != nullptr) {
        png_set_write_fn(png, &encoded, append, flush);
        done = write(png, info, rows, size, stride);
    }
    png_destroy_write_struct(&png, &info);
    if (!done) {
        throw std::runtime_error("libpng cannot write a mask of " + std::to_string(size.width) + "x" +
                                 std::to_string(size.height) + " pixels");
    }
    return encoded;
}

}  // namespace app
