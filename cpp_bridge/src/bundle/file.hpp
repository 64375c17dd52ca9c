// Files from outside, read whole: regular ones alone, of a size that is known before the first byte is read.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace edgeseg {

constexpr std::uint64_t kLargestModel = 2147483647;           // protobuf's limit for a message
constexpr std::uint64_t kLargestText = 8 * 1024 * 1024;       // bundle.json

// Why a file cannot be read, in a few words.
struct Unreadable : std::system_error {
    Unreadable(int code, std::string words)
        : std::system_error(code, std::generic_category()), reason(std::move(words)) {}
    std::string reason;
};

// Throws Unreadable: it cannot be read, is larger than `limit`, or is no regular file, which is not waited for.
std::vector<std::uint8_t> read_file(const std::string& path, std::uint64_t limit);

// Two lower-case digits a byte.
std::string hexadecimal(const unsigned char* bytes, std::size_t count);

// SHA-256 in hexadecimal.
std::string sha256_of(const std::vector<std::uint8_t>& content);

}  // namespace edgeseg
