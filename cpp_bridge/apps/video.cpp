#include "video.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include "counted.hpp"
#include "names.hpp"
#include "output_names.hpp"
#include "playlist.hpp"
#include "reasons.hpp"
#include "unplayable.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;

constexpr double kNominalFps = 25;  // where none is announced
constexpr int kAttempts = 64;       // failed reads in a row; a damaged stretch costs a read a packet
constexpr double kRestart = 1.0;    // seconds back by which the clock began again, as where two recordings were joined
constexpr double kWrap = 8589934592.0 / 90000;  // seconds after which the clock of MPEG-TS begins at 0 again: 33 bits
constexpr double kGap = 60.0;       // seconds without a frame that a wrap may lie in
constexpr double kHole = 1.0;       // seconds without a frame after which a segment may be missing
constexpr const char* kNoRanges =
    "; an MP4 whose index (moov) is at its end needs a server that gives byte ranges: use one, or move the index to the front "
    "(ffmpeg -c copy -movflags +faststart)";
constexpr const char* kProtocols = "file,crypto,data";  // a playlist on disk must not reach into the network

// Those that edgeseg/video/images.py reads, with their orientation, depth and transparency.
bool is_picture(const std::string& path) {
    const std::string extension = extension_of(path);
    const char* pictures[] = {".png", ".jpg", ".jpeg", ".jpe",  ".jfif",
                              ".bmp", ".dib", ".webp", ".tif", ".tiff"};
    return std::any_of(std::begin(pictures), std::end(pictures), [&](const char* each) { return extension == each; });
}

void check_file(const std::string& path, const std::string& name) {
    std::error_code failure;
    const auto status = fs::status(path, failure);
    if (failure && failure != std::errc::no_such_file_or_directory && failure != std::errc::not_a_directory &&
        failure != std::errc::too_many_symbolic_link_levels) {
        throw Refusal("cannot read " + name + ": " + failure.message() + "; check the path and its permissions");
    }
    const bool pattern = is_picture(path) && path.find('%') != std::string::npos;
    if (!fs::exists(status) && !pattern) {
        if (path.size() > 7 && lowered(path.substr(0, 7)) == "file://" && path[7] != '/') {
            throw Refusal(name + " names a host, as no local file does; write file:///PATH, or the path alone");
        }
        throw Refusal(name + " does not exist, expected a video file, a camera's number, a URL (rtsp://HOST/PATH) or a "
                             "GStreamer pipeline; check the path");
    }
    if (fs::is_directory(status)) {
        throw Refusal(name + " is a folder, expected a video file; `edgeseg run` reads folders of pictures");
    }
    if (is_picture(path)) {
        throw Refusal(name + (fs::exists(status) ? " is a picture" : " stands for numbered pictures") +
                      ", expected a video file; `edgeseg run` reads pictures");
    }
    if (!fs::is_regular_file(status)) {
        throw Refusal(name + " is a device or pipe, expected a regular file; a camera is its number or /dev/videoN, or a "
                             "link");
    }
    const int handle = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char byte = 0;
    const ssize_t bytes = handle < 0 ? -1 : read(handle, &byte, 1);
    const int error = errno;
    if (handle >= 0) close(handle);
    if (bytes < 0) throw Refusal("cannot read " + name + ": " + std::strerror(error) + "; check the path and its permissions");
    if (bytes == 0) throw Refusal(name + " is empty (0 bytes), expected a video; copy it again");
}

std::uintmax_t size_of(const std::string& path) {
    std::error_code failure;
    const auto bytes = path.empty() ? 0 : fs::file_size(path, failure);
    return failure ? 0 : bytes;
}

// Whether FFmpeg took a new clock for a wrap between two times, as it does with every step back by more than a minute, and
// added 26.5 hours to what comes behind it.
bool is_no_wrap(const char* container, double before, double at) {
    const char* formats[] = {"mpegts", "mpeg", "hls"};
    const auto is_it = [&](const char* each) { return std::strcmp(each, container) == 0; };
    return std::any_of(std::begin(formats), std::end(formats), is_it) && at - before > kGap &&
           std::floor(at / kWrap) != std::floor(before / kWrap);
}

// Whether a file's header has a placeholder where its length would stand: the size of an AVI, the frames of an IVF. So it is
// where the writer could not go back, as into a pipe, or was killed. What FFmpeg takes from it is made up.
bool has_placeholder(const std::string& path) {
    char head[28] = {};
    std::ifstream(path, std::ios::binary).read(head, sizeof head);
    const std::string_view kind(head, 4), unknown("\xff\xff\xff\xff", 4);
    return (kind == "RIFF" && std::string_view(head + 4, 4) == unknown) ||
           (kind == "DKIF" && std::string_view(head + 24, 4) == unknown);
}

std::string seconds_text(const char* format, double seconds) {
    char text[64];
    std::snprintf(text, sizeof text, format, seconds);
    return text;
}

// What a playlist lacks says more than the file that FFmpeg cannot open.
Refusal unplayable(const Request& request, const std::vector<std::string>& sentences) {
    std::string reason;
    for (const std::string& each : sentences) reason += (reason.empty() ? "" : "; ") + each;
    return Refusal(reason.empty() ? request.name + " " + why_unplayable(request.source) : reason);
}

}  // namespace

Video::Video(std::unique_ptr<Container> container, const Request& request, std::string path,
             std::vector<std::string> sentences)
    : container_(std::move(container)), decoder_(*container_, request.name, request.threads), path_(std::move(path)),
      timeout_(request.timeout), bytes_(size_of(path_)), period_([&] {
          fps = container_->rate(decoder_.stream());
          return 1 / (fps > 0 ? fps : kNominalFps);
      }()),
      timestamp_(-period_) {
    name = request.name;
    warnings = std::move(sentences);
    if (!decode(first_)) {
        throw Refusal(ended.how == "lost"
                          ? ended.reason
                          : name + " gave no frame, expected at least one; check that it plays elsewhere");
    }
    if (!has_placeholder(path_)) length_ = container_->length(decoder_.stream(), decoder_.begins);
    width = first_.image.size().width;
    height = first_.image.size().height;
}

bool Video::read(Frame& frame) {
    if (waiting_) {
        waiting_ = false;
        std::swap(frame, first_);
        frame.captured = now() - frame.seconds;
        return true;
    }
    return ended.how.empty() && decode(frame);
}

bool Video::decode(Frame& frame) {
    const double started = now();
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        Decoded decoded;
        try {
            if (!decoder_.read(frame.image, decoded)) break;
        } catch (const FfmpegFailure& error) {
            if (path_.empty() && error.code != AVERROR_INVALIDDATA) {
                lost_ = error.code;
                decoder_.finish();
            } else {
                failed_ = true;
            }
            continue;
        }
        frame.index = index_++;
        frame.timestamp = timestamp_ = goes_on(decoded.time);
        frame.captured = started;
        frame.seconds = now() - started;
        return true;
    }
    warnings.insert(warnings.end(), decoder_.warnings.begin(), decoder_.warnings.end());
    judge_holes();
    if (lost_ && index_ != decoder_.stream()->nb_frames) {  // the connection may well end with the video
        break_off(*lost_);
    } else {
        ended = {"end_of_file", ""};
        judge_end();
    }
    return false;
}

void Video::break_off(int code) {
    const Reason why = loss(code, timeout_);
    cause = why.cause;
    const bool mp4 = std::strncmp(container_->format()->iformat->name, "mov", 3) == 0;
    ended = {"lost", name + " " + why.sentence + (mp4 && index_ == 0 ? kNoRanges : "")};
    warnings.push_back(ended.reason + ": the stream ended there; what came before is kept");
}

// The frame's time since the first frame; it never goes back. One without a time follows the one before.
double Video::goes_on(std::optional<double> at) {
    const double following = timestamp_ + period_;
    if (!at) return following;
    if (!offset_) offset_ = *at - following;
    const double before = timestamp_ + *offset_;
    // A playlist's length is that of all its segments: what would be shown behind it is of another clock.
    const bool ends = container_->is_segmented() && container_->format()->duration > 0;
    const double total = static_cast<double>(container_->format()->duration) / AV_TIME_BASE;
    const bool beyond = ends && *at - before > kHole && *at - *offset_ > total + kHole;
    if (beyond || *at < before - kRestart || is_no_wrap(container_->format()->iformat->name, before, *at)) {
        offset_ = *at - following;
        length_.reset();  // what was announced is that of one clock
    } else if (path_.empty() && container_->is_segmented() && *at - before > std::max(kHole, 3 * period_)) {
        ++holes_;
        hole_seconds_ += *at - before - period_;
    }
    const double shown = *at - *offset_;
    return shown > timestamp_ ? shown : following;
}

// Some containers round their length: 1 % or two frames less is no fault.
void Video::judge_end() {
    const double end = timestamp_ + std::max(period_, decoder_.lasting);  // a screen that stands still is one long frame
    const bool early = length_ && end < *length_ - std::max(2 * period_, *length_ / 100);
    if (index_ > 0 && (failed_ || decoder_.damaged > 0 || early)) {
        const std::string of =
            length_ && *length_ != 0 && end <= *length_ ? seconds_text("of its %.1f s", *length_) : "of an unknown length";
        warnings.push_back(name + " is damaged or ends early: " + counted(index_, "frame") + " could be decoded, " +
                           seconds_text("%.1f s ", end) + of + "; the output holds these");
    }
    if (decoder_.mended > 0) {
        warnings.push_back(name + " is damaged: in " + counted(decoder_.mended, "frame") +
                           " the decoder filled in what it could not read");
    }
    if (!path_.empty() && size_of(path_) > bytes_) {
        warnings.push_back(name + " grew while it was read, and what came late may be missing; `edgeseg run --follow` "
                                  "waits for more");
    }
    if (path_.empty()) return;
    // A walk that would hold up the opening.
    const std::string joined = several(path_, container_->format()->iformat->name, decoder_.position, decoder_.discarded);
    if (!joined.empty()) warnings.push_back(name + " " + joined);
}

// FFmpeg passes over segments that it cannot get; what it says of them holds their URLs.
void Video::judge_holes() {
    if (holes_ == 0) return;
    const std::string stretches = holes_ == 1 ? "a stretch" : std::to_string(holes_) + " stretches";
    warnings.push_back(name + " leaves out " + stretches + " of its time, " + seconds_text("%.1f s", hole_seconds_) +
                       " in all; segments may be missing there that its server did not give");
}

std::unique_ptr<Video> open_file(const Request& request) {
    check_file(request.source, request.name);
    std::vector<std::string> sentences = check_playlist(request.source);
    Entries options{{"protocol_whitelist", kProtocols}};
    options.insert(options.end(), request.options.begin(), request.options.end());
    std::unique_ptr<Container> container;
    try {
        container = std::make_unique<Container>("file:" + request.source, options, 0);
    } catch (const FfmpegFailure&) {
        throw unplayable(request, sentences);
    }
    if (container->format()->nb_streams == 0) throw unplayable(request, sentences);
    return std::make_unique<Video>(std::move(container), request, request.source, std::move(sentences));
}

}  // namespace app
