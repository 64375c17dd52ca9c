#include "reader.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <opencv2/core/utils/logger.hpp>

#include "capture.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr int kDamaged = 64;       // pictures in a row that may not be decodable
constexpr off_t kLongestLog = 1 << 16;

// False where nobody listens any more.
bool send_all(const void* data, std::size_t bytes) {
    const auto* from = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t sent = send(kChannel, from, bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        from += sent;
        bytes -= static_cast<std::size_t>(sent);
    }
    return true;
}

bool send_header(Header header) { return send_all(&header, sizeof header); }

void send_lost(const std::string& cause, const std::string& reason) {
    const std::string text = cause + "\n" + reason;
    Header header{};
    header.kind = Sent::lost;
    header.bytes = static_cast<std::int64_t>(text.size());
    if (send_header(header)) send_all(text.data(), text.size());
}

// What FFmpeg and OpenCV print, which is the one place where they say why something failed.
class Log {
  public:
    Log() : file_(memfd_create("edgeseg-log", MFD_CLOEXEC)) {
        fcntl(file_, F_SETFL, O_APPEND);
        dup2(file_, STDOUT_FILENO);
        dup2(file_, STDERR_FILENO);
    }

    // Months of warnings must not fill the memory.
    void trim() {
        struct stat facts {};
        if (fstat(file_, &facts) == 0 && facts.st_size > kLongestLog) ftruncate(file_, 0);
    }

    bool says(const char* words) const {
        std::fflush(stdout);
        std::string text(static_cast<std::size_t>(kLongestLog), '\0');
        const ssize_t bytes = pread(file_, text.data(), text.size(), 0);
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, bytes)));
        return text.find(words) != std::string::npos;
    }

  private:
    int file_;
};

struct Reason {
    const char* words;  // of FFmpeg
    const char* cause;
    const char* sentence;
};

constexpr Reason kReasons[] = {
    {"401 Unauthorized", "unauthorised", "asks for user and password, or refuses these; give them by --credentials FILE"},
    {"403 Forbidden", "unauthorised", "refuses this user and password; give others by --credentials FILE"},
    {"404 Not Found", "no_such_stream", "has no such stream (404); check the path behind the host's name"},
    {"Connection refused", "refused",
     "refused the connection: nothing listens at that port; check host and port, and whether it is on"},
    {"No route to host", "unreachable",
     "cannot be reached: no host answers at that address; is it on, does the network lead there?"},
    {"Network is unreachable", "unreachable", "cannot be reached: the network does not lead there"},
    {"Failed to resolve hostname", "unknown_host",
     "has a host that is not known here; check its spelling and the network's name server"},
    {"rotocol not found", "unsupported", "begins with what FFmpeg does not speak; check its spelling (rtsp://, http://)"},
    {"certificate", "no_video",
     "has a certificate that is not one of those that are trusted; for one of your own give --ca FILE"},
    {"Connection timed out", "timeout", "did not answer; is it there, does the network reach it?"},
    {"Invalid data found", "no_video", "answers, but sends no video that can be decoded; does it play elsewhere?"},
};

void refuse(const Request& request, const Log& log, double waited) {
    const Kind kind = kind_of(request.source);
    if (kind == Kind::camera) {
        return send_lost("unavailable", request.name + " cannot be opened, expected a video; does another program use "
                                                       "it, is it a camera?");
    }
    if (kind == Kind::pipeline) {
        const bool wrong = log.says("cannot find appsink");  // OpenCV says no more
        return send_lost(wrong ? "unsupported" : "unavailable",
                         request.name + (wrong ? " is no pipeline that ends in an appsink" : " did not start") +
                             "; check it with gst-launch-1.0");
    }
    for (const Reason& each : kReasons) {
        if (log.says(each.words)) return send_lost(each.cause, request.name + " " + each.sentence);
    }
    if (waited >= 0.95 * request.timeout) {
        return send_lost("timeout", request.name + " did not answer; is it there, does the network reach it?");
    }
    send_lost("no_video", request.name + " answers, but sends no video; does it play elsewhere?");
}

// Sends every frame; why there are no more.
void stream(cv::VideoCapture& capture, const Request& request, Log& log) {
    Pictures pictures(capture, request.name);
    cv::Mat image, before;
    double same_since = 0, last = now();
    std::int64_t damaged = 0;
    while (damaged < kDamaged) {
        if (!pictures.grab()) {
            if (now() - last >= 0.95 * request.timeout) {
                return send_lost("timeout", request.name + " gave no frame for " + std::to_string(static_cast<int>(
                                                               request.timeout)) + " s");
            }
            if (kind_of(request.source) != Kind::pipeline) {
                return send_lost("closed", request.name + " closed the connection");
            }
            if (log.says(" reported: ")) return send_lost("unavailable", request.name + " failed: one of its elements did");
            return send_lost("", "");  // it came to its end
        }
        Header header{};
        header.kind = Sent::frame;
        header.captured = last = now();
        log.trim();
        try {
            if (!pictures.retrieve(image)) {
                ++damaged;
                continue;
            }
        } catch (const Refusal& error) {
            return send_lost("unsupported", error.what());
        }
        header.width = image.cols;
        header.height = image.rows;
        header.damaged = damaged;
        header.seconds = now() - header.captured;
        damaged = 0;
        const std::size_t bytes = image.total() * image.elemSize();
        if (before.size() != image.size() || std::memcmp(before.data, image.data, bytes) != 0) same_since = last;
        header.unchanged = last - same_since;
        if (!send_header(header) || !send_all(image.data, bytes)) return;
        cv::swap(before, image);
    }
    send_lost("damaged", request.name + " gave " + std::to_string(kDamaged) + " pictures in a row that cannot be decoded");
}

std::string line() {
    std::string text;
    for (char each = 0; recv(kChannel, &each, 1, 0) == 1 && each != '\n';) text += each;
    return text;
}

}  // namespace

int read_source() {
    // Ctrl-C reaches all processes of a terminal: the parent decides when this one ends, which it does with the parent.
    for (const int number : {SIGINT, SIGHUP, SIGTERM}) signal(number, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Log log;
    setenv("OPENCV_FFMPEG_LOGLEVEL", "24", 1);  // warnings: a server's refusal is one
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_WARNING);
    try {
        const Request request = Request::from_json(nlohmann::json::parse(line()));
        cv::VideoCapture capture;
        const double begin = now();
        if (!open(capture, request)) {
            refuse(request, log, now() - begin);
            return 0;
        }
        Header header{};
        header.kind = Sent::opened;
        header.fps = announced_fps(capture);
        header.finite = kind_of(request.source) == Kind::pipeline && capture.get(cv::CAP_PROP_FRAME_COUNT) > 0;
        if (send_header(header)) stream(capture, request, log);
        return 0;
    } catch (const std::exception&) {  // its words may hold the URL
        send_lost("crashed", "the process that reads the source failed with an unforeseen error");
        return 70;
    }
}

}  // namespace app
