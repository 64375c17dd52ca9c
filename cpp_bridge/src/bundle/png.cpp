#include "png.hpp"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <stdexcept>
#include <string>

namespace edgeseg {
namespace {

struct Source {
    const std::uint8_t* at;
    std::size_t left;
};

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
    auto* source = static_cast<Source*>(png_get_io_ptr(png));
    if (count > source->left) png_error(png, "it ends too early");
    std::memcpy(out, source->at, count);
    source->at += count;
    source->left -= count;
}

void ignore_warning(png_structp, png_const_charp) {}

[[noreturn]] void jump(png_structp png, png_const_charp) { png_longjmp(png, 1); }

// libpng leaves by longjmp: nothing that has a destructor may live in here.
bool decode(Source* source, bool colour, std::uint8_t** rows) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, jump, ignore_warning);
    png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
    if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_read_struct(&png, &info, nullptr);
        return false;
    }
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // all but those that a picture needs
    png_set_read_fn(png, source, read_bytes);
    png_read_info(png, info);
    if (colour) png_set_bgr(png);
    png_read_image(png, rows);
    png_read_end(png, nullptr);
    png_destroy_read_struct(&png, &info, nullptr);
    return true;
}

std::uint32_t big_endian(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

}  // namespace

std::vector<std::uint8_t> decode_png(const std::vector<std::uint8_t>& content, Size size, int channels) {
    // The signature, then the first chunk (ISO/IEC 15948, 5.2 and 11.2.2).
    static const std::uint8_t begin[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    if (content.size() < 33 || !std::equal(std::begin(begin), std::end(begin), content.begin())) {
        throw std::invalid_argument("it is no PNG");
    }
    const std::uint8_t* header = content.data() + sizeof begin;
    const std::uint32_t width = big_endian(header), height = big_endian(header + 4);
    if (width != static_cast<std::uint32_t>(size.width) || height != static_cast<std::uint32_t>(size.height)) {
        throw std::invalid_argument("it is " + std::to_string(width) + "x" + std::to_string(height) + ", expected " +
                                    std::to_string(size.width) + "x" + std::to_string(size.height));
    }
    if (header[8] != 8 || header[9] != (channels == 3 ? 2 : 0) || header[12] != 0) {
        throw std::invalid_argument(std::string("it is not ") + (channels == 3 ? "RGB" : "grey") +
                                    " with 8 bits a sample, without interlace");
    }
    const std::size_t row = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(channels);
    std::vector<std::uint8_t> samples(row * static_cast<std::size_t>(size.height));
    std::vector<std::uint8_t*> rows(static_cast<std::size_t>(size.height));
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = samples.data() + y * row;
    Source source{content.data(), content.size()};
    if (!decode(&source, channels == 3, rows.data())) throw std::invalid_argument("it is a damaged PNG");
    return samples;
}

}  // namespace edgeseg
