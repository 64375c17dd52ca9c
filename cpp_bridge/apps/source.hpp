// What a source of frames is, as edgeseg/video/source.py says it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "life.hpp"
#include "picture.hpp"

namespace app {

// Seconds on a clock that never goes back; a child process reads the same.
inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What the user has to mend: exit code 2, with this sentence.
struct Refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A signal came while a source was awaited.
struct Interrupted {};

// One picture. A live source skips the numbers of the frames it dropped.
struct Frame {
    std::int64_t index = 0;
    Picture image;         // blue, green, red
    double timestamp = 0;  // seconds on the source's own clock, from 0
    double captured = 0;   // `now` when it arrived (live), or when reading it began
    double seconds = 0;    // spent on decoding it
};

// Why there are no more frames: "end_of_file", "interrupted", "lost" or "stopped", and a reason where there is one.
struct Ended {
    std::string how;
    std::string reason;
};

// Frames of a live source that arrived and were never handed over, by cause.
struct Skipped {
    std::int64_t before_start = 0;
    std::int64_t replaced = 0;
    std::int64_t at_end = 0;
    std::int64_t damaged = 0;
};

// An iterator over frames, read once; opening it has found the first one. One thread at a time reads.
class Source {
  public:
    virtual ~Source() = default;

    // Writes the next frame, into the memory that it has where the size is the same. False at the end.
    virtual bool read(Frame& frame) = 0;

    // Wakes whoever reads a live source. Another thread may call it.
    virtual void close() {}

    // One sentence for each thing that went wrong and did not end the work.
    virtual std::vector<std::string> all_warnings() const { return warnings; }

    virtual Skipped skipped() const { return {}; }
    virtual std::optional<Connection> connection() const { return std::nullopt; }

    std::string name;  // without credentials
    bool live = false;
    double fps = 0;    // 0 where none is announced
    int width = 0;     // of the first frame
    int height = 0;
    Ended ended;

  protected:
    std::vector<std::string> warnings;
};

}  // namespace app
