// Files from outside, read whole: regular ones alone, of a size that is known before the first byte is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edgeseg {

constexpr std::uint64_t kLargestModel = 2147483647;           // protobuf's limit for a message
constexpr std::uint64_t kLargestText = 8 * 1024 * 1024;       // bundle.json

// Throws std::system_error: it cannot be read, is larger than `limit`, or is no regular file, which is not waited for.
std::vector<std::uint8_t> read_file(const std::string& path, std::uint64_t limit);

// SHA-256 in hexadecimal.
std::string sha256_of(const std::vector<std::uint8_t>& content);

}  // namespace edgeseg
