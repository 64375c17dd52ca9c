#include "unplayable.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace app {
namespace {

constexpr std::size_t kLargest = 8 << 20;                                       // bytes of a playlist
constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";  // of Git LFS
constexpr std::string_view kFirst[] = {"ftyp", "free", "mdat", "moov", "skip", "wide"};  // an MP4 or MOV begins with one
constexpr std::string_view kEbml = "\x1a\x45\xdf\xa3", kSegment = "\x18\x53\x80\x67";  // ids of Matroska's two elements
constexpr const char* kSeveralMatroska =
    "is several Matroska files, one behind the other, and FFmpeg decodes all as the first; if their sizes or codecs "
    "differ, give them one by one";
// Formats whose first 16 bytes say what they are, and of which FFmpeg reads one file right, not what follows it.
constexpr std::pair<std::string_view, const char*> kHeaded[] = {
    {"apng", "APNG"}, {"asf", "ASF or WMV file"}, {"nut", "NUT file"}, {"wtv", "WTV file"}};
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

std::string several_of(const std::string& kind) {
    return "is several " + kind + "s, one behind the other, and FFmpeg reads no more than the first right; give them one by one";
}

// How many of the outermost boxes of an MP4 or MOV are of a kind.
std::ptrdiff_t count(const std::vector<Box>& boxes, std::string_view kind) {
    return std::count_if(boxes.begin(), boxes.end(), [&](const Box& box) { return box.kind == kind; });
}

// Whether they are those of several, one behind the other, of which FFmpeg reads the first alone.
bool are_several_mp4s(const std::vector<Box>& boxes) { return count(boxes, "ftyp") > 1 && count(boxes, "moov") > 1; }

// Whether what a file begins with stands in it once more.
bool begins_again(std::ifstream& file) {
    const std::string name = read(file, 0, 16);
    std::string before;
    for (std::uint64_t place = name.size();;) {
        const std::string chunk = read(file, place, 1 << 20);
        if (chunk.empty()) return false;
        before += chunk;
        if (before.find(name) != std::string::npos) return true;
        before.erase(0, before.size() - std::min(before.size(), name.size() - 1));
        place += chunk.size();
    }
}

// Whether another FLV begins behind a tag (Adobe's specification, version 10.1, annex E) and those that follow.
bool holds_several_flvs(std::ifstream& file, std::uint64_t last) {
    for (std::size_t tags = 0; tags < kMostBoxes; ++tags) {
        const std::string tag = read(file, last, 11);
        if (tag.size() < 11) return false;
        if (tag.compare(0, 4, "FLV\x01") == 0) return true;
        last += 15 + number(std::string_view(tag).substr(1, 3));  // with its own length, which stands behind it
    }
    return false;
}

// Whether a Matroska or WebM is followed by another; not seen of one that is live, which tells no length.
bool holds_several_matroska(std::ifstream& file) {
    std::uint64_t place = 0;
    for (const std::string_view kind : {kEbml, kSegment}) {
        const std::string header = read(file, place, 12);
        if (header.size() < 12 || header.compare(0, 4, kind) != 0 || header[4] == 0) return false;
        std::size_t width = 1;  // of the length, of which the first byte tells it (RFC 8794, 4)
        while ((static_cast<unsigned char>(header[4]) & (0x80U >> (width - 1))) == 0) ++width;
        const std::uint64_t unknown = (std::uint64_t{1} << (7 * width)) - 1;
        const std::uint64_t length = number(std::string_view(header).substr(4, width)) & unknown;
        if (length == unknown) return false;
        place += 4 + width + length;
    }
    return read(file, place, 4) == kEbml;
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
    if (are_several_mp4s(boxes_of(file))) return several_of("MP4");
    return "is no video that can be decoded, expected one (MP4, MKV, AVI ...); check that it plays elsewhere";
}

std::string several(const std::string& path, std::string_view format, std::int64_t last, std::int64_t discarded) {
    std::ifstream file(path, std::ios::binary);
    if (format.substr(0, 3) == "mov") {
        const std::vector<Box> boxes = boxes_of(file);
        if (are_several_mp4s(boxes)) return several_of("MP4");
        if (discarded == 0 || count(boxes, "moof") == 0) return "";
        return "has fragments whose times overlap or go back, as where recordings were joined, and FFmpeg leaves out " +
               std::to_string(discarded) + " of their frames; give each recording by itself";
    }
    if (format == "flv") return last >= 0 && holds_several_flvs(file, static_cast<std::uint64_t>(last)) ? several_of("FLV") : "";
    for (const auto& [form, name] : kHeaded) {
        if (format == form) return begins_again(file) ? several_of(name) : "";
    }
    return format.substr(0, 8) == "matroska" && holds_several_matroska(file) ? kSeveralMatroska : "";
}

}  // namespace app
