// Why FFmpeg cannot open a file, where its first bytes say more than FFmpeg does.
#pragma once

#include <string>

namespace app {

// The end of a sentence that begins with the file's name; as edgeseg/video/unplayable.py says it.
std::string why_unplayable(const std::string& path);

constexpr const char* kSeveral =
    "is several MP4s, one behind the other, and FFmpeg reads no more than the first right; give them one by one";

// Whether a file is several MP4s, one behind the other, of which FFmpeg reads the first alone.
bool holds_several(const std::string& path);

}  // namespace app
