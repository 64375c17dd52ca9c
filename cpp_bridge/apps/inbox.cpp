#include "inbox.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <new>

#include "source.hpp"

namespace app {
namespace {

constexpr double kPatience = 5.0;                // seconds that a message may take
constexpr int kLongestSide = 1 << 16;
constexpr std::int64_t kMostPixels = 1 << 28;    // FFmpeg decodes no larger pictures
constexpr std::int64_t kMostDamaged = 1 << 30;
constexpr double kLongest = 1e12;                // seconds

// Reads so much until then.
bool receive(int channel, void* to, std::size_t bytes, double until) {
    auto* place = static_cast<char*>(to);
    while (bytes > 0) {
        const double left = until - now();
        if (left <= 0) return false;
        pollfd ready{channel, POLLIN, 0};
        if (poll(&ready, 1, static_cast<int>(std::ceil(1000 * left))) <= 0) continue;  // a signal, or the time is over
        const ssize_t more = recv(channel, place, bytes, MSG_DONTWAIT);
        if (more < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (more <= 0) return false;
        place += more;
        bytes -= static_cast<std::size_t>(more);
    }
    return true;
}

bool within(double value, double low, double high) { return value >= low && value <= high; }  // no NaN is

bool is_message(const Header& header) {
    switch (header.kind) {
        case Sent::opened:
            return within(header.fps, 0, kLongest) && (header.finite == 0 || header.finite == 1);
        case Sent::frame:
            return std::min(header.width, header.height) >= 1 &&
                   std::max(header.width, header.height) <= kLongestSide &&
                   std::int64_t{header.width} * header.height <= kMostPixels && header.damaged >= 0 &&
                   header.damaged <= kMostDamaged && within(header.timestamp, -kLongest, kLongest) &&
                   within(header.captured, -kLongest, kLongest) && within(header.seconds, 0, kLongest) &&
                   within(header.unchanged, 0, kLongest);
        case Sent::warning:
        case Sent::lost:
            return header.bytes >= 0 && header.bytes <= kLongestText;
    }
    return false;
}

}  // namespace

bool receive_message(int channel, Header& header, Picture& image, std::string& text) {
    const double until = now() + kPatience;
    if (!receive(channel, &header, sizeof header, until) || !is_message(header)) return false;
    if (header.kind == Sent::opened) return true;
    if (header.kind != Sent::frame) {
        text.assign(static_cast<std::size_t>(header.bytes), '\0');
        return receive(channel, text.data(), text.size(), until);
    }
    try {
        image.create({header.width, header.height}, 3);
    } catch (const std::bad_alloc&) {
        return false;
    }
    return receive(channel, image.row(0), image.bytes(), until);
}

}  // namespace app
