// Where MPEG-1 and MPEG-2 change their size, as edgeseg/video/sequences.py finds it: FFmpeg's decoder forgets there the last
// frame, which it holds back.
#pragma once

#include <string>

#include "ffmpeg.hpp"

namespace app {

// Follows the size in the sequence headers of one stream.
class Sequences {
  public:
    // Whether the pictures have another size from this packet on.
    bool changes_at(const AVPacket& packet);

  private:
    std::string size_;  // width and height as they are stored, 12 bits each
};

}  // namespace app
