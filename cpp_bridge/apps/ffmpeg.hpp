// FFmpeg's objects, each freed by its owner.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace app {

struct Free {
    void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
    void operator()(AVFrame* frame) const { av_frame_free(&frame); }
    void operator()(AVPacket* packet) const { av_packet_free(&packet); }
    void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};

template <typename T>
using Owned = std::unique_ptr<T, Free>;

class Dictionary {
  public:
    Dictionary() = default;
    // Of pairs of a name and a value.
    template <typename Pairs>
    explicit Dictionary(const Pairs& pairs) {
        for (const auto& [name, value] : pairs) set(name, value);
    }
    ~Dictionary() { av_dict_free(&entries_); }
    Dictionary(const Dictionary&) = delete;
    Dictionary& operator=(const Dictionary&) = delete;

    void set(const char* name, const char* value) { av_dict_set(&entries_, name, value, 0); }
    void set(const std::string& name, const std::string& value) { set(name.c_str(), value.c_str()); }
    AVDictionary** entries() { return &entries_; }

  private:
    AVDictionary* entries_ = nullptr;
};

// FFmpeg's words for an error.
inline std::string words_of(int code) {
    char text[AV_ERROR_MAX_STRING_SIZE] = {};
    av_strerror(code, text, sizeof text);
    return text;
}

}  // namespace app
