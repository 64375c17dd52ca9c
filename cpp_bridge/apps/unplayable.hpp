// Why FFmpeg cannot open a file, where its first bytes say more than FFmpeg does.
#pragma once

#include <string>
#include <string_view>

namespace app {

// The end of a sentence that begins with the file's name; as edgeseg/video/unplayable.py says it.
std::string why_unplayable(const std::string& path);

// What is to be said of a file that FFmpeg opened as `format`, if it is several, one behind the other; else empty.
std::string several(const std::string& path, std::string_view format);

}  // namespace app
