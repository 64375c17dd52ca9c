#include "playlist.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <unordered_set>
#include <vector>

#include "names.hpp"
#include "source.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

constexpr const char* kStart = "#EXTM3U";          // by which FFmpeg knows a playlist; it must come first
constexpr std::uintmax_t kLargest = 8 << 20;       // bytes of one
constexpr std::size_t kMost = 64;                  // that a master playlist may name; FFmpeg opens them all
constexpr std::size_t kMostListed = 5;             // names of segments
constexpr std::size_t kLongestName = 80;           // of one that is shown, in quotes

bool begins(const std::string& text, const std::string& with) { return text.rfind(with, 0) == 0; }

// The lines of a playlist as FFmpeg has them, empty ones left out; nothing of a file that is none. A line ends with \n, \r or
// a zero, blanks behind it do not count, and with a blank before it a tag is none.
std::optional<Lines> lines_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string start(std::string(kStart).size(), '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    if (!file || start != kStart) return std::nullopt;
    std::error_code failure;
    const std::uintmax_t bytes = fs::file_size(path, failure);
    if (failure || bytes > kLargest) {
        throw Refusal("cannot read " + redact(path) + ": it is a playlist of " + std::to_string(bytes) +
                      " bytes, expected at most " + std::to_string(kLargest));
    }
    file.seekg(0);
    std::string text(static_cast<std::size_t>(bytes), '\0');
    file.read(text.data(), static_cast<std::streamsize>(bytes));
    Lines lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find_first_of(std::string("\n\r\0", 3), begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        if (const std::size_t last = line.find_last_not_of(" \t\v\f"); last != std::string::npos) {
            lines.push_back(line.substr(0, last + 1));
        }
        begin = end + 1;
    }
    return lines;
}

bool names_playlists(const Lines& lines) {
    return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
        return begins(line, "#EXT-X-STREAM-INF:") || begins(line, "#EXT-X-MEDIA:");
    });
}

bool has_segments(const Lines& lines) {
    return std::any_of(lines.begin(), lines.end(), [](const std::string& line) { return begins(line, "#EXTINF:"); });
}

// What a line of a playlist names, itself or as the URI of one of two tags; "" where it names nothing.
std::string name_in(const std::string& line, const char* tag, const char* other) {
    if (line[0] != '#') return line;
    if (!begins(line, tag) && !begins(line, other)) return "";
    const std::string mark = "URI=\"";
    const std::size_t place = line.rfind(mark);
    if (place == std::string::npos) return "";
    const std::size_t begin = place + mark.size(), end = line.find('"', begin);
    return end == std::string::npos ? "" : line.substr(begin, end - begin);
}

bool has_scheme(const std::string& name) {
    static const std::regex scheme("^[A-Za-z][A-Za-z0-9+.-]*:");
    return std::regex_search(name.substr(0, 64), scheme);
}

std::string without_file(const std::string& name) { return begins(name, "file:") ? name.substr(5) : name; }

void check_segments(const std::string& path, const Lines& lines, Lines& sentences) {
    if (std::find(lines.begin(), lines.end(), "#EXT-X-ENDLIST") == lines.end()) {
        throw Refusal(redact(path) + " is a live playlist, which has no end (#EXT-X-ENDLIST); give the URL that it is "
                                     "served at, or wait until it is complete");
    }
    Lines needed, absent;  // without a key or a header FFmpeg reads no segment
    std::unordered_set<std::string> seen;
    for (const std::string& line : lines) {
        std::error_code failure;
        const std::string name = name_in(line, "#EXT-X-KEY:", "#EXT-X-MAP:");
        if (name.empty() || !seen.insert(name).second || has_scheme(without_file(name))) continue;
        const fs::path place = fs::path(path).parent_path() / without_file(name);
        if (!fs::exists(fs::symlink_status(place, failure))) (line[0] == '#' ? needed : absent).push_back(redact(name));
    }
    absent.insert(absent.begin(), needed.begin(), needed.end());
    if (absent.empty()) return;
    std::string listed;
    for (std::size_t i = 0; i < std::min(absent.size(), kMostListed); ++i) listed += (i > 0 ? ", " : "") + absent[i];
    if (absent.size() > kMostListed) listed += " and " + std::to_string(absent.size() - kMostListed) + " more";
    const std::string said = redact(path) + " names " + std::to_string(absent.size()) +
                             (absent.size() == 1 ? " file that is" : " files that are") +
                             " not there, whose frames are missing: " + listed;
    if (std::find(sentences.begin(), sentences.end(), said) == sentences.end()) sentences.push_back(said);
}

}  // namespace

Lines check_playlist(const std::string& path) {
    Lines sentences;
    const std::optional<Lines> lines = lines_of(path);
    if (!lines) return sentences;
    const bool master = names_playlists(*lines);
    // FFmpeg plays segments of a master playlist too.
    if (!master || has_segments(*lines)) check_segments(path, *lines, sentences);
    if (!master) return sentences;
    Lines names;
    for (const std::string& line : *lines) {
        std::string name = name_in(line, "#EXT-X-MEDIA:", "#EXT-X-I-FRAME-STREAM-INF:");
        if (!name.empty()) names.push_back(std::move(name));
    }
    if (names.size() > kMost) {
        throw Refusal(redact(path) + " names " + std::to_string(names.size()) + " playlists, expected at most " +
                      std::to_string(kMost) + "; give one of them");
    }
    for (const std::string& name : names) {
        const std::string shown = ("'" + redact(name) + "'").substr(0, kLongestName);
        const std::string file = without_file(name);
        if (has_scheme(file)) {
            throw Refusal(redact(path) + " names " + shown + ", which is no file; give the URL that it is served at");
        }
        const fs::path inner = fs::path(path).parent_path() / file;
        std::error_code failure;
        const auto named = fs::is_regular_file(inner, failure) ? lines_of(inner.string()) : std::nullopt;
        if (!named) continue;
        if (names_playlists(*named)) {
            throw Refusal(redact(path) + " names " + shown + ", which names playlists itself; give that, or one of those");
        }
        check_segments(inner.string(), *named, sentences);
    }
    return sentences;
}

}  // namespace app
