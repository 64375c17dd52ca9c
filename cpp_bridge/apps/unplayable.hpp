// Why FFmpeg cannot open a file, where its first bytes say more than FFmpeg does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace app {

// The end of a sentence that begins with the file's name; as edgeseg/video/unplayable.py says it.
std::string why_unplayable(const std::string& path);

// What is to be said of a file that FFmpeg opened as `format`, if it is several, or its times are those of several; else empty.
// `last`: byte at which a packet of the video begins, near its end; `discarded`: packets of it, behind the first that is shown,
// that FFmpeg says are not to be shown.
std::string several(const std::string& path, std::string_view format, std::int64_t last, std::int64_t discarded);

}  // namespace app
