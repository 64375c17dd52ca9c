#include "decoder.hpp"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/mathematics.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <tuple>
#include <utility>

#include "counted.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr const char* kMostPixels = "180000000";  // of a frame, unless EDGESEG_MAX_PIXELS says otherwise

constexpr int kDark = 64;  // the brightest level, of 255, that 14 bits of 16 can reach

bool same(AVRational one, AVRational other) {
    const bool none = one.num == 0 || one.den == 0, none_either = other.num == 0 || other.den == 0;
    return none || none_either ? none == none_either : av_cmp_q(one, other) == 0;
}

bool is_interlaced(const AVFrame& frame) {
#ifdef AV_FRAME_FLAG_INTERLACED
    return (frame.flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
    return frame.interlaced_frame != 0;
#endif
}

bool is_key(const AVFrame& frame) {
#ifdef AV_FRAME_FLAG_KEY
    return (frame.flags & AV_FRAME_FLAG_KEY) != 0;
#else
    return frame.key_frame != 0;
#endif
}

// A frame carries the arrival of its packet, in microseconds.
void set_arrival(AVCodecContext* context, AVPacket* packet, std::int64_t arrival) {
#ifdef AV_CODEC_FLAG_COPY_OPAQUE
    (void)context;
    if (packet != nullptr) packet->opaque = reinterpret_cast<void*>(static_cast<std::intptr_t>(arrival));
#else
    (void)packet;
    context->reordered_opaque = arrival;
#endif
}

std::int64_t arrival_of(const AVFrame& frame) {
#ifdef AV_CODEC_FLAG_COPY_OPAQUE
    return reinterpret_cast<std::intptr_t>(frame.opaque);
#else
    return frame.reordered_opaque == AV_NOPTS_VALUE ? 0 : frame.reordered_opaque;
#endif
}

std::int64_t duration_of(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return frame.duration;
#else
    return frame.pkt_duration;
#endif
}

bool fits(const AVFrame& one, const AVFrame& other) {
    return one.width == other.width && one.height == other.height && one.format == other.format &&
           one.colorspace == other.colorspace && one.color_range == other.color_range;
}

std::string max_pixels() {
    const char* text = std::getenv("EDGESEG_MAX_PIXELS");
    if (text == nullptr || *text == '\0') return kMostPixels;
    std::string digits = text;
    if (digits.size() >= 16 || digits.find_first_not_of("0123456789") != std::string::npos) {
        throw Refusal("EDGESEG_MAX_PIXELS is '" + digits + "', expected a number of pixels such as " + kMostPixels);
    }
    return digits;
}

}  // namespace

Decoder::Decoder(Container& container, std::string name, int threads) : container_(container), name_(std::move(name)) {
    std::tie(stream_, codec_) = container.best_stream(name_);
    context_.reset(avcodec_alloc_context3(codec_));
    packet_.reset(av_packet_alloc());
    if (context_ == nullptr || packet_ == nullptr) throw std::bad_alloc();
    if (const int code = avcodec_parameters_to_context(context_.get(), stream_->codecpar); code < 0) {
        throw Refusal(name_ + " is no video that can be decoded; check that it plays elsewhere");
    }
    context_->pkt_timebase = stream_->time_base;
    context_->thread_count = threads;
    context_->thread_type = threads > 1 ? FF_THREAD_FRAME | FF_THREAD_SLICE : 0;
#ifdef AV_CODEC_FLAG_COPY_OPAQUE
    context_->flags |= AV_CODEC_FLAG_COPY_OPAQUE;
#endif
    aspect_ = context_->sample_aspect_ratio;
}

bool Decoder::read(Picture& image, Decoded& decoded, double patience) {
    double since = 0;  // the first packet came that gave no frame; silence is no damage
    while (waiting_.empty()) {
        const bool more = next_packet();
        const double started = now();
        if (since == 0) since = started;
        if (started - since > patience) {
            char text[96];
            std::snprintf(text, sizeof text, "sends data, but gave no frame that can be decoded for %.1f s", started - since);
            throw Undecodable(text);
        }
        if (more) {
            if (!drained_) expect(*packet_);
            decode(drained_ ? nullptr : packet_.get(), started);
            av_packet_unref(packet_.get());
        } else if (deinterlacer_ != nullptr) {
            queue_all(deinterlacer_->push(nullptr));
            deinterlacer_.reset();
        } else {
            judge();
            return false;
        }
        seconds_ += now() - started;
    }
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    const double started = now();
    const AVFrame& frame = *next.frame;
    shape(frame);
    if (const std::optional<int> matrix = unknown_matrix(frame)) {
        throw Refusal(name_ + " names the colour matrix " + std::to_string(*matrix) +
                      " (of ITU-T H.273), which FFmpeg's converter does not know; convert it, for instance with ffmpeg -vf "
                      "zscale=matrix=709");
    }
    converter_.convert(frame, size_, turn_, image);
    if (av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format))->comp[0].depth == 16) {
        for (int y = 0; y < image.size().height; ++y) {
            const std::uint8_t* row = image.row(y);
            brightest_ = std::max<int>(brightest_, *std::max_element(row, row + image.row_bytes()));
        }
    }
    const std::int64_t arrival = arrival_of(frame);
    decoded.arrived = arrival > 0 ? static_cast<double>(arrival) / 1e6 : started;
    decoded.seconds = seconds_ + now() - started;
    seconds_ = 0;
    // AVI stores no times of presentation: those that FFmpeg derives go to and fro where frames are reordered.
    const bool timed = context_->has_b_frames == 0 || std::strcmp(container_.format()->iformat->name, "avi") != 0;
    decoded.time.reset();
    if (timed && frame.pts != AV_NOPTS_VALUE) decoded.time = static_cast<double>(frame.pts) * av_q2d(next.time_base);
    lasting = static_cast<double>(duration_of(frame)) * av_q2d(next.time_base);
    return true;
}

void Decoder::finish() {
    if (std::exchange(drained_, true)) return;
    decode(nullptr, now());
}

// The next packet, an empty one that drains the decoder, then none.
bool Decoder::next_packet() {
    while (!drained_) {
        const int code = container_.read(packet_.get());
        if (code == AVERROR_EOF) {
            drained_ = true;
            return true;
        }
        if (code < 0) throw FfmpegFailure(code);
        const bool ours = packet_->stream_index == stream_->index, first = ours && !begins && packet_->pts != AV_NOPTS_VALUE;
        if (first) begins = static_cast<double>(packet_->pts) * av_q2d(stream_->time_base);
        if (ours) return true;
        av_packet_unref(packet_.get());
    }
    return false;
}

// Counts what is not to be shown, and the frame of a packet of HEVC, which holds one; the decoder drops some without an error.
// Those that come before the first key frame, or are shown before it, belong to what was before the file.
void Decoder::expect(const AVPacket& packet) {
    const bool shown = (packet.flags & AV_PKT_FLAG_DISCARD) == 0;
    shows_ = shows_ || shown;
    discarded += shows_ && !shown;
    if (codec_->id != AV_CODEC_ID_HEVC || packet.size == 0 || !shown) return;
    const bool timed = packet.pts != AV_NOPTS_VALUE;
    if (!first_ && (packet.flags & AV_PKT_FLAG_KEY) != 0) first_ = timed ? packet.pts : 0;
    due_ += first_ && (!timed || packet.pts >= *first_);
}

void Decoder::decode(AVPacket* packet, double arrived) {
    if (!opened_) {
        Dictionary options;
        options.set("max_pixels", max_pixels());
        if (avcodec_open2(context_.get(), codec_, options.entries()) < 0) {
            ++damaged;
            return;
        }
        opened_ = true;
    }
    const bool may_change = codec_->id == AV_CODEC_ID_MPEG1VIDEO || codec_->id == AV_CODEC_ID_MPEG2VIDEO;
    if (packet != nullptr && may_change && sequences_.changes_at(*packet)) {
        send(nullptr);
        avcodec_flush_buffers(context_.get());
    }
    set_arrival(context_.get(), packet, static_cast<std::int64_t>(1e6 * arrived));
    send(packet);
}

// What the decoder gives for a packet, or still holds where there is none.
void Decoder::send(AVPacket* packet) {
    int code = avcodec_send_packet(context_.get(), packet);
    std::vector<Owned<AVFrame>> frames;
    while (code >= 0) {
        Owned<AVFrame> frame(av_frame_alloc());
        if (frame == nullptr) throw std::bad_alloc();
        code = avcodec_receive_frame(context_.get(), frame.get());
        if (code >= 0) frames.push_back(std::move(frame));
    }
    if (codec_->id == AV_CODEC_ID_HEVC) due_ -= static_cast<std::int64_t>(frames.size());
    if (packet != nullptr && !frames.empty()) position = std::max(position, packet->pos);
    if (code != AVERROR(EAGAIN) && code != AVERROR_EOF) {
        damaged += packet == nullptr || !is_header(*packet);
        return;
    }
    for (Owned<AVFrame>& each : frames) {
        mended += each->decode_error_flags != 0 || (each->flags & AV_FRAME_FLAG_CORRUPT) != 0;
        queue(std::move(each));
    }
}

// The frame itself, or what the filter has ready once an interlaced one has come.
void Decoder::queue(Owned<AVFrame> frame) {
    if (cannot_deinterlace_ || (deinterlacer_ == nullptr && !is_interlaced(*frame))) {
        waiting_.push_back({std::move(frame), stream_->time_base});
        return;
    }
    if (deinterlacer_ == nullptr || !fits(*frame, *like_)) {
        if (deinterlacer_ != nullptr) queue_all(deinterlacer_->push(nullptr));
        deinterlacer_ = load_deinterlacer(*frame, stream_->time_base);
        if (deinterlacer_ == nullptr) {
            cannot_deinterlace_ = true;
            warn("is interlaced, and edgeseg-run was built without libavfilter, which mends that: its frames are given as "
                 "they are stored");
            waiting_.push_back({std::move(frame), stream_->time_base});
            return;
        }
        like_.reset(av_frame_alloc());
        if (like_ == nullptr) throw std::bad_alloc();
        like_->width = frame->width;
        like_->height = frame->height;
        like_->format = frame->format;
        like_->colorspace = frame->colorspace;
        like_->color_range = frame->color_range;
    }
    queue_all(deinterlacer_->push(frame.get()));
}

void Decoder::queue_all(std::vector<Owned<AVFrame>> frames) {
    for (Owned<AVFrame>& each : frames) waiting_.push_back({std::move(each), deinterlacer_->time_base()});
}

// Size, orientation and dynamic range: what a video says of them changes nowhere but here.
void Decoder::shape(const AVFrame& frame) {
    const Size stored{frame.width, frame.height};
    if (!is_key(frame) && stored == stored_) return;
    stored_ = stored;
    // The container's word first, until the codec changes its own in mid-stream.
    const AVRational current = context_->sample_aspect_ratio;
    const bool unchanged = same(current, aspect_);
    size_ = square_size(stored,
                        unchanged ? av_guess_sample_aspect_ratio(container_.format(), stream_, nullptr) : current);
    turn_ = orientation_of(frame);
    if (frame.color_trc == AVCOL_TRC_SMPTE2084 || frame.color_trc == AVCOL_TRC_ARIB_STD_B67) {
        warn(std::string("is HDR (") + (frame.color_trc == AVCOL_TRC_SMPTE2084 ? "PQ" : "HLG") +
             "): its frames are given as they are stored, paler than a network has learned; convert it to SDR");
    }
}

// What only all frames together show.
void Decoder::judge() {
    warn_of_unused_bits();
    if (due_ > 0) warn("is damaged: FFmpeg left out " + counted(due_, "frame") + ", for lack of frames before");
}

void Decoder::warn_of_unused_bits() {
    if (brightest_ <= 0 || brightest_ > kDark) return;
    int bits = 8;
    while ((brightest_ - 1) >> (bits - 8) != 0) ++bits;
    warn("has 16 bits a sample, of which " + std::to_string(bits) +
         " are used, by the brightest value: its frames are given as they are stored, too dark; stretch them to 16 bits");
}

Orientation Decoder::orientation_of(const AVFrame& frame) {
    const std::uint8_t* matrix = nullptr;
    if (const AVFrameSideData* own = av_frame_get_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX)) matrix = own->data;
#if LIBAVFORMAT_VERSION_MAJOR < 61  // from there on each frame has it
    if (matrix == nullptr) matrix = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
#endif
    if (matrix == nullptr) return {};
    // A point (x, y) of the stored picture is shown at (a x + c y, b x + d y): ISO/IEC 14496-12, 8.2.2; display.h.
    std::int32_t values[9];
    std::memcpy(values, matrix, sizeof values);
    const double a = values[0], b = values[1], c = values[3], d = values[4];
    const double small = std::max({std::abs(a), std::abs(b), std::abs(c), std::abs(d)}) / 64;  // about one degree
    if (std::abs(b) <= small && std::abs(c) <= small && a != 0 && d != 0) return {false, a < 0, d < 0};
    if (std::abs(a) <= small && std::abs(d) <= small && b != 0 && c != 0) return {true, c < 0, b < 0};
    warn("is turned by an angle that is no quarter; its frames are given as they are stored");
    return {};
}

void Decoder::warn(const std::string& what) {
    const std::string warning = name_ + " " + what;
    if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end()) warnings.push_back(warning);
}

}  // namespace app
