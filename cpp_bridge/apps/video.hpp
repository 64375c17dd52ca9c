// A video whose length is known, as a file or on a network: every frame, in order, read by whoever asks.
#pragma once

#include "decoder.hpp"
#include "source.hpp"

namespace app {

class Video : public Source {
  public:
    // Takes an open container, and decodes the first frame. `path` is a local file's, "" of those on a network; `sentences`
    // are warnings of it. Throws Refusal: it holds no video, or no frame that can be decoded.
    Video(std::unique_ptr<Container> container, const Request& request, std::string path,
          std::vector<std::string> sentences = {});

    bool read(Frame& frame) override;

    std::string cause;  // why a network's was lost, in one word

  private:
    bool decode(Frame& frame);
    double goes_on(std::optional<double> at);
    void break_off(int code);
    void judge_end();
    void judge_holes();

    std::unique_ptr<Container> container_;
    Decoder decoder_;
    const std::string path_;
    const double timeout_;
    const std::uintmax_t bytes_;
    const double period_;
    std::optional<double> length_;
    Frame first_;
    bool waiting_ = true;  // the first frame is decoded, and not handed over
    bool failed_ = false;
    std::int64_t index_ = 0;
    double timestamp_;
    std::optional<double> offset_;
    std::optional<int> lost_;  // FFmpeg's number, where it broke off
    int holes_ = 0;  // stretches without a frame where segments may be missing, and their seconds in all
    double hole_seconds_ = 0;
};

// Opens a file, whatever its name looks like to FFmpeg. Throws Refusal: it is missing, empty, or no video.
std::unique_ptr<Video> open_file(const Request& request);

}  // namespace app
