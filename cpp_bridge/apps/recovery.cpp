#include "recovery.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "ffmpeg.hpp"
#include "new_file.hpp"
#include "output_names.hpp"
#include "source.hpp"
#include "temporary.hpp"

namespace app {
namespace {

// Bytes of an MP4 file up to the end of its last whole fragment, a `moof` box with its `mdat` (ISO 14496-12).
std::int64_t whole_boxes(int handle) {
    struct stat about {};
    fstat(handle, &about);
    std::int64_t end = 0;
    std::array<unsigned char, 8> header{};
    for (std::int64_t at = 0; pread(handle, header.data(), header.size(), at) == 8;) {
        const std::int64_t size = std::int64_t{header[0]} << 24 | header[1] << 16 | header[2] << 8 | header[3];
        if (size < 8 || size > about.st_size - at) break;
        at += size;
        if (std::memcmp(&header[4], "moof", 4) != 0) end = at;  // alone it points at pictures that are not there
    }
    return end;
}

// Whether a packet can be read. The demuxer is not guessed: a playlist would lead elsewhere. Throws Refusal: that cannot be
// known now, as the disk cannot be read or memory is short.
bool has_picture(int handle, const char* demuxer) {
    char first = 0;  // to FFmpeg a broken disk and a broken header are the same error, EIO
    if (pread(handle, &first, 1, 0) < 0) throw Refusal(std::strerror(errno));
    const std::string path = "file:/proc/self/fd/" + std::to_string(handle);
    AVFormatContext* format = nullptr;
    int code = avformat_open_input(&format, path.c_str(), av_find_input_format(demuxer), nullptr);
    bool found = false;
    const Owned<AVPacket> packet(av_packet_alloc());
    while (code >= 0 && !found && (code = av_read_frame(format, packet.get())) >= 0) {
        const AVStream* stream = format->streams[packet->stream_index];
        found = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && packet->size > 0;
        av_packet_unref(packet.get());
    }
    avformat_close_input(&format);
    if (!found && code != AVERROR_EOF && code != AVERROR_INVALIDDATA && code != AVERROR(EIO)) throw Refusal(words_of(code));
    return found;
}

}  // namespace

std::vector<std::string> finish_orphans(const std::string& folder, const std::string& spare) {
    std::vector<std::string> sentences;
    visit_temporaries(folder, kPart, [&](const std::string& path, const std::string& target, int handle) {
        const std::string extension = extension_of(target);
        const bool mp4 = extension == ".mp4";
        if (!mp4 && extension != ".mkv" && extension != ".webm") return;
        if (lock_file(handle) != Lock::taken || !is_at(handle, path)) return;
        try {
            if (mp4 && ftruncate(handle, whole_boxes(handle)) != 0) throw Refusal(std::strerror(errno));
            if (!has_picture(handle, mp4 ? "mp4" : "matroska")) {
                unlink(path.c_str());
                return;
            }
            if (fsync(handle) != 0 && errno != EINVAL) throw Refusal(std::strerror(errno));
            const std::string name = give_free_name(path, target, spare);
            sentences.push_back("a recording was left unfinished; it is " + name + " now, playable to its last second");
        } catch (const Refusal& error) {
            sentences.push_back(path + ", which was left unfinished, cannot be finished: " + error.what());
        }
    });
    return sentences;
}

}  // namespace app
