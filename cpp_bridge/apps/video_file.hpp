// A video file: every frame, in order, read by whoever asks.
#pragma once

#include "capture.hpp"
#include "source.hpp"

namespace app {

class VideoFile : public Source {
  public:
    // Throws Refusal: it is not there, or holds no video.
    explicit VideoFile(const Request& request);

    bool read(Frame& frame) override;

  private:
    bool decode(Frame& frame);
    void judge_end();

    cv::VideoCapture capture_;
    Pictures pictures_{capture_, name};
    Frame first_;
    bool waiting_ = true;  // the first frame is decoded, and not handed over
    std::int64_t index_ = 0;
    std::int64_t announced_ = 0;
    double begin_ = 0, last_ = 0;
};

}  // namespace app
