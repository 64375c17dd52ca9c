// Why FFmpeg cannot open a file, where its first bytes say more than FFmpeg does.
#pragma once

#include <string>

namespace app {

// The end of a sentence that begins with the file's name; as edgeseg/video/unplayable.py says it.
std::string why_unplayable(const std::string& path);

}  // namespace app
