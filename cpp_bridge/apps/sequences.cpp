#include "sequences.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace app {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kStart = "\0\0\1\xb3"sv;  // of a sequence header (ISO/IEC 13818-2, 6.2.2.1)
constexpr std::size_t kLatest = 64;                   // bytes of a packet that one begins in, where there is one

// What those of VP8 and Theora in Ogg begin with, as no frame does (Theora specification, 6.1).
constexpr std::string_view kHeaders[] = {"OVP80"sv, "\x80theora"sv, "\x81theora"sv, "\x82theora"sv};

std::string_view bytes_of(const AVPacket& packet) {
    return {reinterpret_cast<const char*>(packet.data), static_cast<std::size_t>(packet.size)};
}

}  // namespace

bool is_header(const AVPacket& packet) {
    const std::string_view bytes = bytes_of(packet);
    return std::any_of(std::begin(kHeaders), std::end(kHeaders),
                       [&](std::string_view start) { return bytes.substr(0, start.size()) == start; });
}

bool Sequences::changes_at(const AVPacket& packet) {
    if ((packet.flags & AV_PKT_FLAG_KEY) == 0 || packet.size <= 0) return false;
    const std::string_view bytes = bytes_of(packet);
    const std::size_t at = bytes.substr(0, kLatest).find(kStart);
    const std::string size(at == bytes.npos ? ""sv : bytes.substr(at + kStart.size(), 3));
    if (size.empty()) return false;
    const std::string before = std::exchange(size_, size);
    return !before.empty() && before != size;
}

}  // namespace app
