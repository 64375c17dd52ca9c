// A file or URL that FFmpeg has opened, and the video in it.
#pragma once

#include <limits>
#include <optional>
#include <stdexcept>

#include "ffmpeg.hpp"
#include "request.hpp"

namespace app {

// What FFmpeg could not do.
struct FfmpegFailure : std::runtime_error {
    explicit FfmpegFailure(int number) : std::runtime_error(words_of(number)), code(number) {}
    int code;
};

// Throws Refusal: FFmpeg has no option of such a name, in no protocol, container or decoder.
void check_options(const Entries& options);

class Container {
  public:
    // `timeout`: seconds that opening may take, and then each packet; 0: any. `format`: by FFmpeg's name; nullptr: the one that
    // it finds. Throws FfmpegFailure.
    Container(const std::string& address, const Entries& options, double timeout, const char* format = nullptr);
    ~Container() { avformat_close_input(&format_); }
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;

    AVFormatContext* format() const { return format_; }

    // Reads the next packet; what FFmpeg returns: below 0 an error, or AVERROR_EOF.
    int read(AVPacket* packet);

    // The video stream with the largest pictures, the first among equals, with its decoder; covers and thumbnails are none.
    // The other streams are no longer read. Throws Refusal: there is none, or no decoder for it; `name` is for messages.
    std::pair<AVStream*, const AVCodec*> best_stream(const std::string& name);

    // Whether frames come in bursts, a segment at a time (HLS, DASH).
    bool is_segmented() const;

    // Seconds of the stream itself, as announced; none where only the whole file's length is known. `begins`: seconds on the
    // container's clock of its first packet; where sound comes long before, FFmpeg takes the file's beginning for it.
    std::optional<double> length(const AVStream* stream, std::optional<double> begins) const;

    // The announced rate; 0 where there is none, or a container's clock instead of one.
    double rate(AVStream* stream) const;

  private:
    static int interrupt(void* self);

    AVFormatContext* format_;
    double timeout_;  // 0: none
    double deadline_ = std::numeric_limits<double>::infinity();
};

}  // namespace app
