#include "video_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

namespace app {
namespace {

constexpr double kNominalFps = 25;  // where none is announced
constexpr int kDamaged = 64;        // pictures in a row that may not be decodable

void check_file(const std::string& path, const std::string& name) {
    std::error_code failure;
    const auto status = std::filesystem::status(path, failure);
    if (!std::filesystem::exists(status)) {
        throw Refusal(name + " does not exist, expected a video file, a camera's number, a URL or a GStreamer pipeline; "
                             "check the path");
    }
    if (std::filesystem::is_directory(status)) {
        throw Refusal(name + " is a folder, expected a video file; `edgeseg run` reads folders of pictures");
    }
    if (!std::filesystem::is_regular_file(status)) {
        throw Refusal(name + " is a device or pipe, expected a regular file; a camera is its number or /dev/videoN");
    }
    const auto bytes = std::filesystem::file_size(path, failure);
    if (failure) throw Refusal("cannot read " + name + ": " + failure.message() + "; check its permissions");
    if (bytes == 0) throw Refusal(name + " is empty (0 bytes), expected a video; copy it again");
}

}  // namespace

VideoFile::VideoFile(const Request& request) {
    name = request.name;
    check_file(request.source, name);
    if (!open(capture_, request)) {
        throw Refusal(name + " cannot be read as video; does it play elsewhere, may you read it?");
    }
    fps = announced_fps(capture_);
    announced_ = static_cast<std::int64_t>(std::max(0.0, capture_.get(cv::CAP_PROP_FRAME_COUNT)));
    if (!decode(first_)) throw Refusal(name + " gave no frame, expected at least one; check that it plays elsewhere");
    width = first_.image.cols;
    height = first_.image.rows;
}

bool VideoFile::read(Frame& frame) {
    if (waiting_) {
        waiting_ = false;
        std::swap(frame, first_);
        frame.captured = now() - frame.seconds;
        return true;
    }
    if (!ended.how.empty()) return false;
    if (decode(frame)) return true;
    ended = {"end_of_file", ""};
    judge_end();
    return false;
}

bool VideoFile::decode(Frame& frame) {
    const double started = now();
    for (int attempt = 0; attempt < kDamaged; ++attempt) {
        if (!pictures_.grab()) return false;
        const double at = capture_.get(cv::CAP_PROP_POS_MSEC) / 1000;
        if (!pictures_.retrieve(frame.image)) continue;
        const double period = 1 / (fps > 0 ? fps : kNominalFps);
        if (index_ == 0) begin_ = at;
        const double shown = at - begin_;
        last_ = index_ == 0 ? 0 : shown > last_ ? shown : last_ + period;  // it never goes back
        frame.index = index_++;
        frame.timestamp = last_;
        frame.captured = started;
        frame.seconds = now() - started;
        return true;
    }
    return false;
}

// Some containers round their length: 1 % or two frames less is no fault. OpenCV reads the number of frames from MP4 alone,
// and elsewhere takes it from length and rate: of a variable rate there are fewer, up to the same end.
void VideoFile::judge_end() {
    const std::int64_t tolerance = std::max<std::int64_t>(2, announced_ / 100);
    const double period = 1 / (fps > 0 ? fps : kNominalFps);
    const std::string extension = std::filesystem::path(name).extension().string();
    const bool counted = extension == ".mp4" || extension == ".mov" || extension == ".m4v";
    const auto reached = counted ? index_ : static_cast<std::int64_t>(std::llround(last_ / period)) + 1;
    if (std::max(index_, reached) + tolerance >= announced_) return;
    warnings.push_back(name + " is damaged or ends early: " + std::to_string(index_) + " of its " +
                       std::to_string(announced_) + " frames could be decoded; the output holds these");
}

}  // namespace app
