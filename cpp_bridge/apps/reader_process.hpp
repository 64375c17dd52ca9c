// A reader as its parent sees it.
#pragma once

#include <sys/types.h>

#include <string>

#include "inbox.hpp"

namespace app {

class ReaderProcess {
  public:
    // Throws std::system_error where no process can be started; Refusal where the program that reads such sources is not there.
    explicit ReaderProcess(const Request& request);
    // Lets it say goodbye to its server for a second, then ends it.
    ~ReaderProcess();
    ReaderProcess(const ReaderProcess&) = delete;
    ReaderProcess& operator=(const ReaderProcess&) = delete;

    // Readable where something was sent.
    int channel() const { return channel_; }

    // Reads one message, as `receive_message` does.
    bool receive(Header& header, Picture& image, std::string& text) {
        return receive_message(channel_, header, image, text);
    }

    // Ends it at once. How it had ended before, if it had: "ended with exit code 1", "was ended by signal 11".
    std::string kill();

  private:
    bool wait_for(double seconds);

    pid_t pid_ = -1;
    int channel_ = -1;
    int status_ = 0;
};

}  // namespace app
