// UTF-8, as RFC 3629 has it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeseg {

// Bytes of the character that a text, which ends with a zero byte, begins with, and its number; 0 where there is none.
inline std::size_t decode_utf8(const char* text, std::uint32_t& number) {
    const auto first = static_cast<unsigned char>(*text);
    const std::size_t bytes = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4) return 0;
    number = bytes == 1 ? first : first & (0x7Fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0) != 0x80) return 0;  // the zero byte at the end, too
        number = number << 6 | (next & 0x3Fu);
    }
    const bool overlong = (bytes == 3 && number < 0x800) || (bytes == 4 && number < 0x10000);
    return overlong || number > 0x10FFFF || (number >= 0xD800 && number < 0xE000) ? 0 : bytes;
}

}  // namespace edgeseg
