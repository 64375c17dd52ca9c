// HLS playlists on disk (RFC 8216): FFmpeg waits for ever at the end of a live one, and follows circles of them.
#pragma once

#include <string>
#include <vector>

namespace app {

// Refuses a playlist that has no end, or that names one which is no plain list of segments, as edgeseg/video/playlist.py
// does. `path` is a regular file that can be read. Gives a sentence for each list of segments of which some are not there:
// FFmpeg passes over them. Throws Refusal.
std::vector<std::string> check_playlist(const std::string& path);

}  // namespace app
