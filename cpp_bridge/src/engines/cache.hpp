// The user's cache folder, which Python and this library share; edgeseg/cache.py says more. What lies there is a program,
// so that every file has a seal: HMAC-SHA256 of its name and content, with a key that lies beside it for its owner alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace edgeseg::cache {

using Content = std::vector<std::uint8_t>;

constexpr std::uint64_t kLargest = std::uint64_t{1} << 36;  // bytes of a file there

// Where it lies, by the environment; it need not exist.
std::filesystem::path folder();

// Keeps a file for the next start, under its seal; where that cannot be, it is made again next time.
void keep(const std::string& name, std::string_view content);

// What `keep` wrote; empty where there is nothing that verifies. What does not is deleted.
Content recall(const std::string& name);

// Deletes a file that is of no use.
void forget(const std::string& name);

// Whether this seal was given for this content of the file, with the key of its folder.
bool is_sealed(const std::filesystem::path& file, std::string_view content, const std::string& seal);

}  // namespace edgeseg::cache
