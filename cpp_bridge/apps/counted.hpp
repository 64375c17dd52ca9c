// Numbers of things in sentences.
#pragma once

#include <cstdint>
#include <string>

namespace app {

// "1 frame", "3 frames": of a noun whose plural ends in "s".
inline std::string counted(std::int64_t number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

}  // namespace app
