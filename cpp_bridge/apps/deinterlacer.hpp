// Progressive frames from interlaced ones, by FFmpeg's bwdif filter. It is a module of its own, which is loaded with the first
// interlaced frame: libavfilter brings along thirty libraries.
#pragma once

#include <memory>
#include <vector>

#include "ffmpeg.hpp"

namespace app {

// Passes frames of one size and format through; those that say they are interlaced become progressive. Each frame leaves
// one later than it came, for the filter looks at its neighbours.
class Deinterlacer {
  public:
    virtual ~Deinterlacer() = default;

    // Takes a frame, or none for the end, and gives those that are ready.
    virtual std::vector<Owned<AVFrame>> push(AVFrame* frame) = 0;

    // Of the frames that it gives.
    virtual AVRational time_base() const = 0;
};

// The module's one function: nullptr where the filter cannot be made for frames like this one.
using MakeDeinterlacer = Deinterlacer* (*)(const AVFrame& frame, AVRational time_base);
constexpr const char* kMakeDeinterlacer = "edgeseg_make_deinterlacer";
constexpr const char* kDeinterlacerModule = "libedgeseg-deinterlacer.so";

// nullptr where the module is not there.
std::unique_ptr<Deinterlacer> load_deinterlacer(const AVFrame& frame, AVRational time_base);

}  // namespace app
