// Where the newest frame of a live source waits for whoever asks next. All in it may be used by several threads.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "source.hpp"

namespace app {

class Mailbox {
  public:
    // Replaces the frame that waits. The frame's memory becomes that of an older one, to be used again.
    void put(Frame& frame, std::int64_t damaged);

    // Waits until there is room, for sources that give every frame; false where it was closed.
    bool await_room();

    // No more frames come; the cause in a word, and why.
    void finish(const std::string& cause, const std::string& reason);

    enum class Found { frame, finished, closed, nothing };

    // Waits for a frame, and leaves it there.
    Found await(double seconds);

    // The frame, as soon as there is one; what was in `frame` is used again.
    Found take(Frame& frame);

    void close();
    bool closed() const;
    Skipped skipped() const;
    std::string cause() const;
    std::string reason() const;
    Size size() const;  // of the frame that waits

  private:
    mutable std::mutex mutex_;
    std::condition_variable change_;
    std::optional<Frame> newest_;
    Frame spare_;
    Skipped skipped_;
    bool asked_ = false;  // from then on a replaced frame is a drop
    bool finished_ = false, closed_ = false;
    std::string cause_, reason_;
};

}  // namespace app
