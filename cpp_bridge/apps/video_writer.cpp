#include "video_writer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <vector>

#include "output_names.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr int kFragment = 1;  // seconds after which a key frame begins the next one, however slow the frames come

// As edgeseg/video/encoders.py and video_file.py have them.
struct Muxer {
    const char* extension;
    const char* muxer;
    int ticks;  // a second
    std::vector<std::pair<const char*, const char*>> muxer_options;
    std::vector<const char*> encoders;
};

const std::array<Muxer, 3>& muxers() {
    static const std::array<Muxer, 3> known{{
        {".mp4", "mp4", 90000, {{"movflags", "frag_keyframe+empty_moov+default_base_moof"}}, {"libx264", "libopenh264"}},
        {".mkv", "matroska", 1000, {{"cluster_time_limit", "1000"}}, {"libx264", "libopenh264"}},
        {".webm", "webm", 1000, {{"cluster_time_limit", "1000"}}, {"libvpx-vp9"}},
    }};
    return known;
}

using Options = std::vector<std::pair<const char*, const char*>>;

Options options_of(const std::string& encoder) {
    if (encoder == "libx264") return {{"preset", "superfast"}, {"crf", "20"}};
    if (encoder == "libopenh264") return {{"rc_mode", "quality"}};
    return {{"deadline", "realtime"}, {"cpu-used", "8"}, {"lag-in-frames", "0"}, {"row-mt", "1"}, {"b", "0"}, {"crf", "32"}};
}

const Muxer& muxer_of(const std::string& path) {
    const std::string extension = extension_of(path);
    const auto& known = muxers();
    return *std::find_if(known.begin(), known.end() - 1, [&](const Muxer& each) { return extension == each.extension; });
}

}  // namespace

void VideoWriter::FreeOutput::operator()(AVFormatContext* format) const {
    avio_closep(&format->pb);
    avformat_free_context(format);
}

VideoWriter::VideoWriter(const std::string& path, std::string name, Size size, double fps)
    : name_(std::move(name)), size_(size) {
    try {
        open(path, fps);
    } catch (...) {
        closed_ = true;
        throw;
    }
}

// What was written stays, whatever its end says.
VideoWriter::~VideoWriter() {
    try {
        close();
    } catch (const Refusal&) {
    }
}

void VideoWriter::open(const std::string& path, double fps) {
    const std::string url = "file:" + path;  // a colon in a name makes no protocol
    const Muxer& kind = muxer_of(path);
    AVFormatContext* format = nullptr;
    checked(avformat_alloc_output_context2(&format, nullptr, kind.muxer, url.c_str()));
    format_.reset(format);
    const AVCodec* codec = nullptr;
    for (const char* each : kind.encoders) {
        if (codec == nullptr) codec = avcodec_find_encoder_by_name(each);
    }
    if (codec == nullptr) {
        throw Refusal("cannot write " + name_ + ": this machine's FFmpeg has no encoder for it; try .mkv, .mp4 or .webm");
    }
    encoder_.reset(avcodec_alloc_context3(codec));
    encoder_->width = size_.width + size_.width % 2;
    encoder_->height = size_.height + size_.height % 2;
    encoder_->time_base = {1, kind.ticks};
    encoder_->framerate = av_d2q(fps, 1001000);
    encoder_->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder_->color_range = AVCOL_RANGE_MPEG;
    encoder_->colorspace = AVCOL_SPC_SMPTE170M;  // swscale's own matrix
    encoder_->color_primaries = AVCOL_PRI_SMPTE170M;
    encoder_->color_trc = AVCOL_TRC_SMPTE170M;
    encoder_->max_b_frames = 0;  // packets leave in order
    encoder_->gop_size = std::clamp(static_cast<int>(std::lround(std::min(fps, 300.0))), 1, 300);
    encoder_->thread_count = 2;
    if (std::string(codec->name) == "libopenh264") {  // it knows no constant quality
        encoder_->bit_rate = std::llround(0.15 * encoder_->width * encoder_->height * std::min(fps, 60.0));
    }
    if ((format->oformat->flags & AVFMT_GLOBALHEADER) != 0) encoder_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    ticks_ = std::max<std::int64_t>(1, std::llround(kind.ticks / fps));
    Dictionary encoder_options(options_of(codec->name));
    checked(avcodec_open2(encoder_.get(), codec, encoder_options.entries()));
    AVStream* stream = avformat_new_stream(format, nullptr);
    stream->time_base = encoder_->time_base;
    stream->avg_frame_rate = encoder_->framerate;
    checked(avcodec_parameters_from_context(stream->codecpar, encoder_.get()));

    frame_.reset(av_frame_alloc());
    frame_->format = encoder_->pix_fmt;
    frame_->width = encoder_->width;
    frame_->height = encoder_->height;
    checked(av_frame_get_buffer(frame_.get(), 0));
    packet_.reset(av_packet_alloc());
    scaler_.reset(sws_getContext(encoder_->width, encoder_->height, AV_PIX_FMT_BGR24, encoder_->width, encoder_->height,
                                 AV_PIX_FMT_YUV420P, SWS_BICUBIC, nullptr, nullptr, nullptr));
    if (scaler_ == nullptr) throw Refusal("cannot write " + name_ + ": frames of that size cannot be converted");
    checked(avio_open(&format->pb, url.c_str(), AVIO_FLAG_WRITE));
    Options muxer_options = kind.muxer_options;
    muxer_options.emplace_back("flush_packets", "1");
    Dictionary options(muxer_options);
    checked(avformat_write_header(format, options.entries()));
    avio_flush(format->pb);
    checked(format->pb->error);
    header_ = whole_ = avio_tell(format->pb);
}

// An odd side gains a copy of the last row or column.
const Picture& VideoWriter::even(const Picture& image) {
    const Size size{size_.width + size_.width % 2, size_.height + size_.height % 2};
    if (size == size_) return image;
    even_.create(size, 3);
    for (int y = 0; y < size.height; ++y) {
        std::uint8_t* row = even_.row(y);
        std::memcpy(row, image.row(std::min(y, size_.height - 1)), image.row_bytes());
        if (size.width != size_.width) std::memcpy(row + image.row_bytes(), row + image.row_bytes() - 3, 3);
    }
    return even_;
}

void VideoWriter::write(const Picture& image, double seconds) {
    const Picture& whole = even(image);
    checked(av_frame_make_writable(frame_.get()));  // the encoder may still hold the last one
    const std::uint8_t* planes[] = {whole.row(0)};
    const int strides[] = {static_cast<int>(whole.stride())};
    checked(sws_scale(scaler_.get(), planes, strides, 0, whole.size().height, frame_->data, frame_->linesize));
    frame_->pts = last_ = std::max(last_ + 1, static_cast<std::int64_t>(std::llround(seconds * encoder_->time_base.den)));
    const bool key = last_ == 0 || last_ - key_ >= kFragment * encoder_->time_base.den;
    if (key) key_ = last_;
    frame_->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    checked(avcodec_send_frame(encoder_.get(), frame_.get()));
    drain();
}

void VideoWriter::drain() {
    for (;;) {
        const int code = avcodec_receive_packet(encoder_.get(), packet_.get());
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
        checked(code);
        if (packet_->duration == 0) packet_->duration = ticks_;  // until the next one, or as the last
        packet_->stream_index = 0;
        av_packet_rescale_ts(packet_.get(), encoder_->time_base, format_->streams[0]->time_base);
        checked(av_write_frame(format_.get(), packet_.get()));
        whole_ = avio_tell(format_->pb);
        av_packet_unref(packet_.get());
    }
}

void VideoWriter::close() {
    if (closed_ || failed_) return;
    closed_ = true;
    checked(avcodec_send_frame(encoder_.get(), nullptr));
    drain();
    checked(av_write_trailer(format_.get()));
    checked(avio_closep(&format_->pb));
}

int VideoWriter::checked(int code) {
    if (code >= 0) return code;
    failed_ = true;
    throw Refusal("cannot write " + name_ + ": " + words_of(code));
}

}  // namespace app
