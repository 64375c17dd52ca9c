#include "container.hpp"

extern "C" {
#include <libavutil/opt.h>
}

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "names.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr int kNoVideo = AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS | AV_DISPOSITION_STILL_IMAGE;

// By these FFmpeg also "plays" text files, as a terminal would show them.
bool is_text(const AVCodec* codec) {
    for (const char* each : {"ansi", "bintext", "xbin", "idf"}) {
        if (std::strcmp(codec->name, each) == 0) return true;
    }
    return false;
}

// Of "00:01:02.5".
std::optional<double> seconds_of(const char* text) {
    double seconds = 0;
    for (int more = 2; more >= 0; --more) {
        char* end = nullptr;
        seconds = 60 * seconds + std::strtod(text, &end);
        if (end == text || (more > 0 && *end != ':')) return std::nullopt;
        text = end + 1;
    }
    return seconds;
}

// Formats whose streams tell no length of their own, so that FFmpeg may give them the whole file's.
bool has_one_length(const AVInputFormat* format) {
    for (const char* each : {"asf", "asf_o", "matroska,webm", "nut", "wtv"}) {
        if (std::strcmp(format->name, each) == 0) return true;
    }
    return false;
}

// Whether a stream of MPEG is as long as the whole file, to a tick of its clock: FFmpeg takes its length from its times, or from
// the whole file, as of one or two frames.
bool is_whole(const AVFormatContext& format, const AVStream* stream) {
    const bool mpeg = std::strcmp(format.iformat->name, "mpeg") == 0 || std::strcmp(format.iformat->name, "mpegts") == 0;
    if (!mpeg || stream->duration == AV_NOPTS_VALUE || format.duration == AV_NOPTS_VALUE) return false;
    return std::abs(stream->duration - av_rescale_q(format.duration, AV_TIME_BASE_Q, stream->time_base)) <= 1;
}

// One of a single frame comes last: animated AVIF has a still of full size before its frames.
std::pair<bool, std::int64_t> rank(const AVStream* stream) {
    return {stream->nb_frames != 1, std::int64_t{stream->codecpar->width} * stream->codecpar->height};
}

}  // namespace

void check_options(const Entries& options) {
    for (const auto& each : options) {
        bool known = false;
        for (const AVClass* root : {avformat_get_class(), avcodec_get_class()}) {
            const int everywhere = AV_OPT_SEARCH_CHILDREN | AV_OPT_SEARCH_FAKE_OBJ;
            known = known || av_opt_find(&root, each.first.c_str(), nullptr, 0, everywhere) != nullptr;
        }
        if (known) continue;
        throw Refusal("FFmpeg has no option " + redact(each.first) + ", which --source-option gives; check its spelling");
    }
}

Container::Container(const std::string& address, const Entries& options, double timeout, const char* format)
    : format_(avformat_alloc_context()), timeout_(timeout) {
    if (format_ == nullptr) throw std::bad_alloc();
    format_->flags |= AVFMT_FLAG_GENPTS;
    format_->interrupt_callback = {interrupt, this};
    deadline_ = timeout > 0 ? now() + timeout : deadline_;
    Dictionary given(options);
    const auto kind = format == nullptr ? nullptr : av_find_input_format(format);
    const int opened = avformat_open_input(&format_, address.c_str(), kind, given.entries());
    if (opened < 0) throw FfmpegFailure(opened);
    deadline_ = timeout > 0 ? now() + timeout : deadline_;
    // The decoders that look at the first frames have the options too.
    std::vector<AVDictionary*> each(format_->nb_streams, nullptr);
    for (AVDictionary*& entries : each) {
        for (const auto& [name, value] : options) av_dict_set(&entries, name.c_str(), value.c_str(), 0);
    }
    const int known = avformat_find_stream_info(format_, each.empty() ? nullptr : each.data());
    for (AVDictionary*& entries : each) av_dict_free(&entries);
    if (known < 0) {
        avformat_close_input(&format_);
        throw FfmpegFailure(known);
    }
}

int Container::interrupt(void* self) { return now() > static_cast<const Container*>(self)->deadline_; }

int Container::read(AVPacket* packet) {
    if (timeout_ > 0) deadline_ = now() + timeout_;
    return av_read_frame(format_, packet);
}

std::pair<AVStream*, const AVCodec*> Container::best_stream(const std::string& name) {
    AVStream* best = nullptr;
    const AVCodec* decoder = nullptr;
    bool sound = false, seen = false, first_is_unknown = false;
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
        AVStream* stream = format_->streams[i];
        sound = sound || stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO || (stream->disposition & kNoVideo) != 0) continue;
        const AVCodec* codec = avcodec_find_decoder(stream->codecpar->codec_id);
        if (!seen) first_is_unknown = codec == nullptr;
        seen = true;
        if (codec == nullptr || is_text(codec) || (best != nullptr && rank(stream) <= rank(best))) continue;
        best = stream;
        decoder = codec;
    }
    if (best == nullptr && first_is_unknown) {
        throw Refusal(name + " holds video of a kind that the installed FFmpeg has no decoder for; convert it, for instance "
                             "to H.264 in MP4");
    }
    if (best == nullptr) {
        throw Refusal(name + (sound ? " holds sound, but no video" : " is no video that can be decoded") +
                      ", expected one (MP4, MKV, AVI ...); check that it plays elsewhere");
    }
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
        if (format_->streams[i] != best) format_->streams[i]->discard = AVDISCARD_ALL;
    }
    return {best, decoder};
}

bool Container::is_segmented() const {
    return std::strcmp(format_->iformat->name, "hls") == 0 || std::strcmp(format_->iformat->name, "dash") == 0;
}

std::optional<double> Container::length(const AVStream* stream, std::optional<double> begins) const {
    const bool own = format_->nb_streams == 1 || !(has_one_length(format_->iformat) || is_whole(*format_, stream));
    if (own && stream->duration != AV_NOPTS_VALUE) return static_cast<double>(stream->duration) * av_q2d(stream->time_base);
    if (const AVDictionaryEntry* tag = av_dict_get(stream->metadata, "DURATION", nullptr, 0)) {  // Matroska
        const std::optional<double> seconds = seconds_of(tag->value);
        if (!seconds) return std::nullopt;
        const std::int64_t start = stream->start_time == AV_NOPTS_VALUE ? 0 : stream->start_time;
        return *seconds - begins.value_or(static_cast<double>(start) * av_q2d(stream->time_base));
    }
    if (format_->nb_streams == 1 && format_->duration != AV_NOPTS_VALUE) {
        return static_cast<double>(format_->duration) / AV_TIME_BASE;
    }
    return std::nullopt;
}

double Container::rate(AVStream* stream) const {
    AVRational rate = av_guess_frame_rate(format_, stream, nullptr);
    if (rate.num == 0 || rate.den == 0) rate = stream->avg_frame_rate;
    const double fps = rate.num != 0 && rate.den != 0 ? av_q2d(rate) : 0;
    return fps > 0.01 && fps <= 1000 ? fps : 0;
}

}  // namespace app
