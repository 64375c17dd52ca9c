// edgeseg-run-opencv: reads cameras and GStreamer pipelines for edgeseg-run, by OpenCV's videoio. It is a program of its own,
// which is started where it is needed: OpenCV brings along hundreds of libraries.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <utility>

#include "camera.hpp"
#include "channel.hpp"
#include "clock.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr int kDamaged = 64;       // pictures in a row that may not be decodable
constexpr off_t kLongestLog = 1 << 16;

// What OpenCV and GStreamer print, which is the one place where they say why something failed.
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
        if (fstat(file_, &facts) == 0 && facts.st_size > kLongestLog) (void)!ftruncate(file_, 0);
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

// The announced rate; 0 where there is none, or a clock's rate instead.
double announced_fps(const cv::VideoCapture& capture) {
    const double fps = capture.get(cv::CAP_PROP_FPS);
    return fps > 0.01 && fps <= 1000 ? fps : 0;
}

// False where the picture cannot be decoded. Throws Refusal where it is neither grey nor blue, green, red in bytes: a
// pipeline's appsink gives what the elements before it make, and OpenCV hands out planes of YUV, or a JPEG's bytes, as one
// channel of another height.
bool retrieve(cv::VideoCapture& capture, const std::string& name, Picture& image) {
    static cv::Mat decoded;
    if (!capture.retrieve(decoded) || decoded.empty()) return false;
    const bool grey =
        decoded.type() == CV_8UC1 && decoded.rows == static_cast<int>(capture.get(cv::CAP_PROP_FRAME_HEIGHT));
    if (!grey && decoded.type() != CV_8UC3) {
        throw Refusal(name + " gives no pictures in BGR or grey of 8 bits, expected one of these; end the pipeline with "
                             "videoconvert ! video/x-raw,format=BGR ! appsink");
    }
    image.create({decoded.cols, decoded.rows}, 3);
    cv::Mat target(decoded.rows, decoded.cols, CV_8UC3, image.row(0), static_cast<std::size_t>(image.stride()));
    if (grey) {
        cv::cvtColor(decoded, target, cv::COLOR_GRAY2BGR);
    } else {
        decoded.copyTo(target);
    }
    return true;
}

void refuse(const Request& request, Kind kind, const Log& log, Channel& channel) {
    if (kind == Kind::camera) {
        return channel.lose("unavailable", request.name + " cannot be opened, expected a video; does another program use "
                                                          "it, is it a camera?");
    }
    const bool wrong = log.says("cannot find appsink");  // OpenCV says no more
    channel.lose(wrong ? "unsupported" : "unavailable",
                 request.name + (wrong ? " is no pipeline that ends in an appsink" : " did not start") +
                     "; check it with gst-launch-1.0");
}

// The source has given its last frame.
void end(const Request& request, Kind kind, const Log& log, double silence, Channel& channel) {
    if (silence >= 0.95 * request.timeout) {
        const std::string seconds = std::to_string(static_cast<int>(request.timeout));
        return channel.lose("timeout", request.name + " gave no frame for " + seconds + " s");
    }
    if (kind == Kind::camera) return channel.lose("closed", request.name + " closed the connection");
    if (log.says(" reported: ")) {
        return channel.lose("unavailable", request.name + " failed: one of its elements did");
    }
    channel.lose("", "");
}

void read(const Request& request, Channel& channel) {
    Log log;
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_WARNING);
    const Kind kind = kind_of(request.source);
    cv::VideoCapture capture;
    const std::string missing = kind == Kind::camera ? absence(request.source) : "";
    if (!missing.empty()) return channel.lose("unavailable", missing);
    const std::optional<int> number = camera_number(request.source);
    const bool opened = number ? capture.open(*number, cv::CAP_V4L2)
                               : capture.open(request.source, kind == Kind::camera ? cv::CAP_V4L2 : cv::CAP_GSTREAMER);
    if (!opened) return refuse(request, kind, log, channel);
    const bool finite = kind == Kind::pipeline && capture.get(cv::CAP_PROP_FRAME_COUNT) > 0;
    bool listening = channel.open(announced_fps(capture), finite);
    Clock clock(request.name, kind == Kind::camera);
    Picture image;
    std::int64_t damaged = 0;
    for (double last = now(); listening && damaged < kDamaged;) {
        if (!capture.grab()) return end(request, kind, log, now() - last, channel);
        Header header{};
        header.captured = last = now();
        log.trim();
        const double time = capture.get(cv::CAP_PROP_POS_MSEC) / 1000;
        if (!retrieve(capture, request.name, image)) {
            ++damaged;
            continue;
        }
        header.timestamp = clock.at(time, header.captured);
        header.damaged = std::exchange(damaged, 0);
        header.seconds = now() - header.captured;
        listening = channel.send(image, header);
        for (const std::string& each : clock.warnings) channel.warn(each);
        clock.warnings.clear();
    }
    channel.lose("damaged", request.name + " gave " + std::to_string(kDamaged) +
                                " pictures in a row that cannot be decoded");
}

}  // namespace
}  // namespace app

int main(int count, char** arguments) {
    if (count != 2 || std::strcmp(arguments[1], app::kReader) != 0) {
        std::fputs("error: edgeseg-run-opencv reads cameras and pipelines for edgeseg-run, which starts it\n", stderr);
        return 2;
    }
    return app::serve([](const app::Request& request, app::Channel& channel) {
        try {
            app::read(request, channel);
        } catch (const app::Refusal& error) {
            channel.lose("unsupported", error.what());
        }
    });
}
