#include "sequences.hpp"

#include <string_view>
#include <utility>

namespace app {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kStart = "\0\0\1\xb3"sv;  // of a sequence header (ISO/IEC 13818-2, 6.2.2.1)
constexpr std::size_t kLatest = 64;                   // bytes of a packet that one begins in, where there is one

}  // namespace

bool Sequences::changes_at(const AVPacket& packet) {
    if ((packet.flags & AV_PKT_FLAG_KEY) == 0 || packet.size <= 0) return false;
    const std::string_view bytes(reinterpret_cast<const char*>(packet.data), static_cast<std::size_t>(packet.size));
    const std::size_t at = bytes.substr(0, kLatest).find(kStart);
    const std::string size(at == bytes.npos ? ""sv : bytes.substr(at + kStart.size(), 3));
    if (size.empty()) return false;
    const std::string before = std::exchange(size_, size);
    return !before.empty() && before != size;
}

}  // namespace app
