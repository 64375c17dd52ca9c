// What a reader sends, as its parent takes it. The reader may hang, crash, or send anything: it decodes what comes from
// outside, and nothing of it is believed unseen.
#pragma once

#include <string>

#include "channel.hpp"

namespace app {

// Reads one message from a socket, and what follows it: the picture of a frame, or a text. False where the other end is
// closed or stops in the middle, and of what is no message.
bool receive_message(int channel, Header& header, Picture& image, std::string& text);

}  // namespace app
