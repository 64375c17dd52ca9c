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

constexpr std::size_t kChunk = 1 << 20;  // bytes that are read at once

[[noreturn]] void fail() { throw Refusal(std::strerror(errno)); }

// Bytes that were read, fewer than asked for at the end of the file alone. Throws Refusal: a broken disk has no end there.
std::size_t read_at(int handle, void* data, std::size_t bytes, std::int64_t at) {
    std::size_t done = 0;
    while (done < bytes) {
        const ssize_t more = pread(handle, static_cast<char*>(data) + done, bytes - done, at + static_cast<std::int64_t>(done));
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) fail();
        if (more == 0) break;
        done += static_cast<std::size_t>(more);
    }
    return done;
}

// Throws Refusal: some of it cannot be read. FFmpeg has one error, EIO, for a broken disk and a broken header.
void read_all(int handle) {
    std::vector<char> chunk(kChunk);
    std::int64_t at = 0;
    std::size_t bytes = 0;
    do {
        bytes = read_at(handle, chunk.data(), chunk.size(), at);
        at += static_cast<std::int64_t>(bytes);
    } while (bytes == chunk.size());
}

// A pipe of such a name would be read until somebody writes into it.
bool is_regular(int handle) {
    struct stat about {};
    return fstat(handle, &about) == 0 && S_ISREG(about.st_mode);
}

// Bytes of an MP4 file up to the end of its last whole fragment, a `moof` box with its `mdat` (ISO 14496-12). Throws Refusal.
std::int64_t whole_boxes(int handle) {
    struct stat about {};
    if (fstat(handle, &about) != 0) fail();
    std::int64_t end = 0;
    std::array<unsigned char, 8> header{};
    for (std::int64_t at = 0; about.st_size - at >= 8 && read_at(handle, header.data(), header.size(), at) == header.size();) {
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
        if (!is_regular(handle) || lock_file(handle) != Lock::taken || !is_at(handle, path)) return;
        try {
            if (mp4 && ftruncate(handle, whole_boxes(handle)) != 0) fail();
            if (!has_picture(handle, mp4 ? "mp4" : "matroska")) {
                read_all(handle);
                if (unlink(path.c_str()) != 0) fail();
                return;
            }
            if (fsync(handle) != 0 && errno != EINVAL) fail();
            const std::string name = give_free_name(path, target, spare);
            sentences.push_back("a recording was left unfinished; it is " + name + " now, playable to its last second");
        } catch (const Refusal& error) {
            sentences.push_back(path + ", which was left unfinished, cannot be finished: " + error.what());
        }
    });
    return sentences;
}

}  // namespace app
