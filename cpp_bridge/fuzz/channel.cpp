// libFuzzer: any bytes as what a reader sends to edgeseg-run, and as the request that it gets.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <vector>

#include "inbox.hpp"

namespace {

constexpr int kRoom = 1 << 22;

// All that the other end has sent, which is closed.
void read_messages(const std::uint8_t* data, std::size_t size) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &kRoom, sizeof kRoom);
    const ssize_t sent = send(ends[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(ends[1]);
    if (sent != static_cast<ssize_t>(size)) std::abort();
    app::Header header{};
    app::Picture picture;
    std::string text;
    while (app::receive_message(ends[0], header, picture, text)) {
        const bool finite = std::isfinite(header.fps) || header.kind != app::Sent::opened;
        const bool whole = header.kind != app::Sent::frame ||
                           (picture.size() == app::Size{header.width, header.height} && picture.channels() == 3 &&
                            std::isfinite(header.timestamp) && std::isfinite(header.captured) && header.damaged >= 0);
        if (!finite || !whole || text.size() > static_cast<std::size_t>(app::kLongestText)) std::abort();
    }
    close(ends[0]);
}

void read_request(const std::uint8_t* data, std::size_t size) {
    try {
        const app::Request request = app::Request::decode({data, data + size});
        const app::Request same = app::Request::decode(request.encode());
        if (same.source != request.source || same.options != request.options || same.name != request.name) std::abort();
    } catch (const std::exception&) {  // refused
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    read_messages(data, size);
    read_request(data, size);
    return 0;
}
