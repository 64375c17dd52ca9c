#include "unplayable.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

namespace app {
namespace {

constexpr std::size_t kLargest = 8 << 20;                                       // bytes of a playlist
constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";  // of Git LFS
constexpr std::string_view kFirst[] = {"ftyp", "free", "mdat", "moov", "skip", "wide"};  // an MP4 or MOV begins with one
constexpr std::size_t kMostBoxes = 1 << 18;  // that are looked at: 36 hours of fragments of a second have that many

std::string read(std::ifstream& file, std::uint64_t place, std::size_t size) {
    std::string bytes(size, '\0');
    file.clear();
    file.seekg(static_cast<std::streamoff>(place));
    file.read(bytes.data(), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

std::uint64_t number(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char each : bytes) value = value << 8 | static_cast<unsigned char>(each);
    return value;
}

struct Box {
    std::string kind;
    std::uint64_t end;
};

std::uint64_t length_of(std::ifstream& file) {
    file.clear();
    file.seekg(0, std::ios::end);
    return static_cast<std::uint64_t>(std::max<std::streamoff>(0, file.tellg()));
}

// The outermost boxes of an MP4 or MOV; none of another file.
std::vector<Box> boxes_of(std::ifstream& file) {
    const std::uint64_t length = length_of(file);
    std::vector<Box> boxes;
    for (std::uint64_t place = 0; boxes.size() < kMostBoxes;) {
        const std::string header = read(file, place, 16);
        const std::string_view bytes = header;
        const std::string_view kind = bytes.size() < 8 ? std::string_view() : bytes.substr(4, 4);
        if (place == 0 && std::find(std::begin(kFirst), std::end(kFirst), kind) == std::end(kFirst)) break;
        std::uint64_t size = number(bytes.substr(0, 4));
        if (size == 1) size = bytes.size() < 8 ? 0 : number(bytes.substr(8));
        place += std::min(size, UINT64_MAX - place);
        boxes.push_back({std::string(kind), place});
        if (size < 8 || place >= length) break;  // 0 is a box that goes on to the end
    }
    return boxes;
}

// Whether it is an MP4 or MOV that ends before its `moov` box does (ISO/IEC 14496-12, 4.2 and 8.2.1).
bool lacks_index(std::ifstream& file) {
    const std::vector<Box> boxes = boxes_of(file);
    const auto index = std::find_if(boxes.begin(), boxes.end(), [](const Box& box) { return box.kind == "moov"; });
    if (index != boxes.end()) return index->end > length_of(file);
    return !boxes.empty() && boxes.size() < kMostBoxes;
}

}  // namespace

std::string why_unplayable(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (read(file, 0, kPointer.size()) == kPointer) {
        return "is a pointer of Git LFS, no video; fetch the file itself, git lfs pull";
    }
    const std::string line = read(file, 0, 4);
    if (line == "v=0\n" || line == "v=0\r") {  // RFC 8866, 5.1
        return "is a description of a stream (SDP), no video; give the stream's own URL, or serve the description and give "
               "http://HOST/NAME.sdp";
    }
    const std::string text = read(file, 0, kLargest);
    if (text.rfind("#EXTM3U", 0) == 0 && text.find("#EXT-X-KEY:") != std::string::npos) {
        return "is encrypted and cannot be read with its key; where that is the right one, --source-option "
               "allowed_extensions=ALL lets FFmpeg open it by whatever name";
    }
    if (lacks_index(file)) {
        return "has no whole index (moov), as happens where a recording or a copy breaks off; copy it again, or try a "
               "tool that repairs MP4, such as untrunc";
    }
    if (holds_several(path)) return kSeveral;
    return "is no video that can be decoded, expected one (MP4, MKV, AVI ...); check that it plays elsewhere";
}

bool holds_several(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<Box> boxes = boxes_of(file);
    const auto count = [&](const char* kind) {
        return std::count_if(boxes.begin(), boxes.end(), [&](const Box& box) { return box.kind == kind; });
    };
    return count("ftyp") > 1 && count("moov") > 1;
}

}  // namespace app
