// Frames as a video file, each at its own time, by FFmpeg: H.264 in .mp4 and .mkv, VP9 in .webm, as `edgeseg run` has them.
// MP4 is written as fragments and Matroska as clusters of a second, so that what a killed run left plays as far as it goes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ffmpeg.hpp"
#include "picture.hpp"

namespace app {

class VideoWriter {
  public:
    // `path`, a file whatever its name looks like, is written; messages call it `name`. An odd side gains a row or column, a
    // copy of the last: 4:2:0 colour comes in pairs. `fps` is for the header alone. Throws Refusal.
    VideoWriter(const std::string& path, std::string name, Size size, double fps);
    ~VideoWriter();

    // A BGR image of that size, shown at `seconds` from the start, or just after the one before. Throws Refusal.
    void write(const Picture& image, double seconds);

    // Ends the file; after a failure it is left as it is. Throws Refusal.
    void close();

    // Bytes up to the end of the last whole fragment that is in the file; 0 while it holds no picture.
    std::int64_t whole() const { return whole_ > header_ ? whole_ : 0; }

  private:
    struct FreeOutput {
        void operator()(AVFormatContext* format) const;
    };

    void open(const std::string& path, double fps);
    const Picture& even(const Picture& image);
    void drain();
    int checked(int code);  // Throws Refusal where FFmpeg gave an error.

    std::string name_;
    Size size_;
    Picture even_;
    std::unique_ptr<AVFormatContext, FreeOutput> format_;
    Owned<AVCodecContext> encoder_;
    Owned<AVFrame> frame_;
    Owned<AVPacket> packet_;
    Owned<SwsContext> scaler_;
    std::int64_t header_ = 0, whole_ = 0;  // bytes
    std::int64_t last_ = -1, key_ = 0;  // times of the last frame, and of the last one that begins a fragment
    std::int64_t ticks_ = 1;  // of a frame
    bool failed_ = false, closed_ = false;
};

}  // namespace app
