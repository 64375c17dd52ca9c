// The process that reads a live source, and what it sends: a driver or decoder that hangs or crashes takes no more with
// it, and is ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "picture.hpp"
#include "request.hpp"

namespace app {

// The word that makes a process a reader, of the socket kChannel.
constexpr const char* kReader = "--read-for-edgeseg-run";
constexpr int kChannel = 3;

// The program that reads cameras and pipelines, by OpenCV.
constexpr const char* kOpenCvReader = "edgeseg-run-opencv";

constexpr std::int64_t kLongestText = 1 << 16;

enum class Sent : std::int32_t { opened, frame, warning, lost };

// Goes ahead of what is sent. After `opened` nothing follows, after `frame` the rows of its picture, after the others a text
// of `bytes`: a sentence; or the cause, a line break, and the reason. Without a cause, the source has come to its end.
struct Header {
    Sent kind;
    std::int32_t width, height;
    std::int32_t finite;    // the source has an end, and gives every frame
    std::int64_t bytes;
    std::int64_t damaged;   // pictures since the one before that could not be decoded
    double fps;
    double timestamp;       // on the source's own clock, from 0
    double captured;        // on the clock of `now`
    double seconds;         // spent on decoding
    double unchanged;       // since when the picture is the same, to the last bit
};

// The reader's end. What it sends is false where nobody listens any more.
class Channel {
  public:
    bool open(double fps, bool finite);
    bool warn(const std::string& sentence);
    void lose(const std::string& cause, const std::string& reason);

    // `header` has the times; the picture becomes the one that the next is compared with, and is swapped for its memory.
    bool send(Picture& image, Header header);

  private:
    Picture before_;
    double same_since_ = 0;
};

// The life of a reader: takes the request, and has it read. Returns the exit code.
int serve(const std::function<void(const Request&, Channel&)>& read);

// Reads a stream or a file on a network.
void read_url(const Request& request, Channel& channel);

}  // namespace app
