// What begins anew within a stream, as edgeseg/video/sequences.py finds it. Where MPEG-1 and MPEG-2 change their size,
// FFmpeg's decoder forgets the last frame, which it holds back. Where several Ogg streams stand one behind the other, their
// headers come among the frames.
#pragma once

#include <string>

#include "ffmpeg.hpp"

namespace app {

// Whether a packet that gives no frame is the header of a stream in Ogg, and not damaged.
bool is_header(const AVPacket& packet);

// Follows the size in the sequence headers of one stream.
class Sequences {
  public:
    // Whether the pictures have another size from this packet on.
    bool changes_at(const AVPacket& packet);

  private:
    std::string size_;  // width and height as they are stored, 12 bits each
};

}  // namespace app
