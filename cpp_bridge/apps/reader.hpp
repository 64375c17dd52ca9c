// The process that reads a live source, and what it sends: a driver or decoder that hangs or crashes takes no more with
// it, and is ended.
#pragma once

#include <cstdint>

namespace app {

// The word that makes a process of this program a reader, of the socket kChannel.
constexpr const char* kReader = "--read-for-edgeseg-run";
constexpr int kChannel = 3;

enum class Sent : std::int32_t { opened, frame, lost };

// Goes ahead of what is sent. After `opened` nothing follows, after `frame` the rows of its picture, after `lost` a text
// of `bytes`: the cause, a line break, and the reason; without a cause, the source has come to its end.
struct Header {
    Sent kind;
    std::int32_t width, height;
    std::int32_t finite;    // the source has an end, and gives every frame
    std::int64_t bytes;
    std::int64_t damaged;   // pictures since the one before that could not be decoded
    double fps;
    double captured;        // on the clock of `now`
    double seconds;         // spent on decoding
    double unchanged;       // since when the picture is the same, to the last bit
};

// Reads a request from the channel, and sends frames until they end. Returns the exit code.
int read_source();

}  // namespace app
