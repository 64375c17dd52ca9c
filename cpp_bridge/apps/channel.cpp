#include "channel.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "source.hpp"

namespace app {
namespace {

bool send_all(const void* data, std::size_t bytes) {
    const auto* from = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t sent = ::send(kChannel, from, bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        from += sent;
        bytes -= static_cast<std::size_t>(sent);
    }
    return true;
}

bool send_text(Sent kind, const std::string& whole) {
    const std::string text = whole.substr(0, kLongestText);
    Header header{};
    header.kind = kind;
    header.bytes = static_cast<std::int64_t>(text.size());
    return send_all(&header, sizeof header) && send_all(text.data(), text.size());
}

Request request() {
    std::uint64_t bytes = 0;
    std::vector<std::uint8_t> message;
    if (recv(kChannel, &bytes, sizeof bytes, MSG_WAITALL) == static_cast<ssize_t>(sizeof bytes)) {
        message.resize(bytes);
        recv(kChannel, message.data(), message.size(), MSG_WAITALL);
    }
    return Request::decode(message);
}

}  // namespace

bool Channel::open(double fps, bool finite) {
    Header header{};
    header.kind = Sent::opened;
    header.fps = fps;
    header.finite = finite;
    return send_all(&header, sizeof header);
}

bool Channel::warn(const std::string& sentence) { return send_text(Sent::warning, sentence); }

void Channel::lose(const std::string& cause, const std::string& reason) { send_text(Sent::lost, cause + "\n" + reason); }

bool Channel::send(Picture& image, Header header) {
    if (!(image == before_)) same_since_ = header.captured;
    header.kind = Sent::frame;
    header.width = image.size().width;
    header.height = image.size().height;
    header.unchanged = header.captured - same_since_;
    if (!send_all(&header, sizeof header) || !send_all(image.row(0), image.bytes())) return false;
    std::swap(before_, image);
    return true;
}

int serve(const std::function<void(const Request&, Channel&)>& read) {
    // Ctrl-C reaches all processes of a terminal: the parent decides when this one ends, which it does with the parent.
    for (const int number : {SIGINT, SIGHUP, SIGTERM}) signal(number, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Channel channel;
    try {
        read(request(), channel);
        return 0;
    } catch (const std::exception&) {  // its words may hold the URL
        channel.lose("crashed", "the process that reads the source failed with an unforeseen error");
        return 70;
    }
}

}  // namespace app
