// Why a stream on a network could not be opened, or broke off, as edgeseg/video/network.py says it.
#pragma once

#include <string>

namespace app {

struct Reason {
    std::string cause;     // in one word
    std::string sentence;  // that goes on after the source's name
};

// Why it could not be opened. `code` is FFmpeg's; `verified`: its server shows a certificate that is checked.
Reason refusal(int code, const std::string& url, bool verified);

// What else may have been in the way, to follow that sentence: FFmpeg asks the environment for a proxy.
std::string through_proxy(const std::string& url);

// Why one that was open broke off.
Reason loss(int code, double timeout);

}  // namespace app
