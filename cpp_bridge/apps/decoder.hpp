// FFmpeg's decoder: a container's best video as pictures in the shape they are meant to be seen. What the file says about
// itself is kept, as edgeseg/video/decoder.py keeps it: matrix and range of the colours, the shape of the pixels, turned and
// mirrored pictures, the time of each frame, both fields of interlaced ones. A change of size is followed.
#pragma once

#include <cmath>
#include <deque>
#include <optional>

#include "container.hpp"
#include "converter.hpp"
#include "deinterlacer.hpp"
#include "sequences.hpp"

namespace app {

// Packets came, and none of them gave a frame.
struct Undecodable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Decoded {
    std::optional<double> time;  // seconds on the container's clock
    double arrived = 0;          // `now` when its packet came
    double seconds = 0;          // spent on decoding it
};

class Decoder {
  public:
    // `name` is for messages; more than one thread decodes ahead. Throws Refusal: there is no video that can be decoded.
    Decoder(Container& container, std::string name, int threads);

    // Writes the next picture that can be decoded; false at the end. `patience`: seconds that packets may come without one of
    // them giving a frame. Throws FfmpegFailure: the container cannot be read here, the next call tries to go on behind
    // it; Undecodable: the patience is at its end; Refusal: the colours are of a matrix that FFmpeg does not convert.
    bool read(Picture& image, Decoded& decoded, double patience = std::numeric_limits<double>::infinity());

    // Says that no packets come any more: what the decoder still holds is all that `read` gives.
    void finish();

    AVStream* stream() const { return stream_; }

    std::optional<double> begins;       // seconds on the container's clock of the first packet that has a time
    std::int64_t damaged = 0;           // packets that could not be decoded so far
    std::int64_t mended = 0;            // frames in which the decoder filled in what was damaged or missing
    std::int64_t discarded = 0;         // packets, behind the first that is shown, that the container says are not to be shown
    std::int64_t position = -1;         // byte at which the last packet begins that gave a frame
    double lasting = 0;                 // seconds that the picture which was given last is to be shown; 0: not known
    std::vector<std::string> warnings;  // what the video says of itself and cannot be followed

  private:
    struct Waiting {
        Owned<AVFrame> frame;
        AVRational time_base;
    };

    bool next_packet();
    void expect(const AVPacket& packet);
    void decode(AVPacket* packet, double arrived);
    void send(AVPacket* packet);
    void queue(Owned<AVFrame> frame);
    void queue_all(std::vector<Owned<AVFrame>> frames);
    void shape(const AVFrame& frame);
    void judge();
    void warn_of_unused_bits();
    Orientation orientation_of(const AVFrame& frame);
    void warn(const std::string& what);

    Container& container_;
    const std::string name_;
    AVStream* stream_;
    const AVCodec* codec_;
    Owned<AVCodecContext> context_;
    Owned<AVPacket> packet_;
    Sequences sequences_;
    AVRational aspect_;  // of a pixel, as the codec has it at first
    bool opened_ = false, drained_ = false;
    bool shows_ = false;                 // once a packet came that is to be shown
    std::optional<std::int64_t> first_;  // time of the first key frame, of HEVC; leading pictures are shown before it
    std::int64_t due_ = 0;               // frames of HEVC that packets came for and that were not given
    std::deque<Waiting> waiting_;
    std::unique_ptr<Deinterlacer> deinterlacer_;
    Owned<AVFrame> like_;  // what the deinterlacer was made for
    bool cannot_deinterlace_ = false;
    Converter converter_;
    Size stored_, size_;  // of the frames as they are stored, and what is made of it
    Orientation turn_;
    double seconds_ = 0;  // spent on frames that are not yet given
    int brightest_ = 0;   // level, of 255, of frames of 16 bits a sample
};

}  // namespace app
