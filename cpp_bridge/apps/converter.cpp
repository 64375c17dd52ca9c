#include "converter.hpp"

extern "C" {
#include <libavutil/cpu.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "container.hpp"

namespace app {
namespace {

constexpr int kFlattest = 8;      // aspects of a pixel beyond 1:8 and 8:1 are taken for errors
constexpr int kTolerance = 200;   // square to a 200th: resampling would cost more than it mends
constexpr int kUnspecified = AVCOL_SPC_UNSPECIFIED;
constexpr int kLastMatrix = 17;   // of ITU-T H.273, of which older versions of FFmpeg have names for fewer

// `value * numerator / denominator`, rounded, half to even.
int scaled(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
    const std::int64_t whole = value * numerator / denominator, rest = 2 * (value * numerator % denominator);
    return static_cast<int>(whole + (rest > denominator || (rest == denominator && whole % 2 != 0)));
}

void set(SwsContext* scaler, const char* name, std::int64_t value) {
    if (const int code = av_opt_set_int(scaler, name, value, 0); code < 0) throw FfmpegFailure(code);
}

bool is_rgb(const AVPixFmtDescriptor& format) {
    return (format.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

bool is_grey(const AVPixFmtDescriptor& format) {  // with alpha or without
    return format.nb_components <= 2 && (format.flags & AV_PIX_FMT_FLAG_PAL) == 0;
}

// Black and white at 16 and 235 to the full range (ITU-T H.273, 8.3).
void stretch(Picture& image) {
    std::uint8_t levels[256];
    for (int i = 0; i < 256; ++i) levels[i] = std::uint8_t(std::clamp(std::lround((i - 16) * 255 / 219.0), 0L, 255L));
    for (int y = 0; y < image.size().height; ++y) {
        std::uint8_t* row = image.row(y);
        std::transform(row, row + image.row_bytes(), row, [&](std::uint8_t level) { return levels[level]; });
    }
}

bool has_chroma(const AVPixFmtDescriptor& format) { return format.nb_components >= 3 && !is_rgb(format); }

// Where chroma samples lie on the grid of luma ones, in 256ths of a pixel, as FFmpeg from 8 on reads it from the frame.
void set_chroma_place(SwsContext* scaler, const AVPixFmtDescriptor& format, int place) {
    if (place == AVCHROMA_LOC_UNSPECIFIED) place = AVCHROMA_LOC_CENTER;
    const int position = place - 1;
    const int x = (position & 1) * 128, y = ((position >> 1) ^ static_cast<int>(position < 4)) * 128;
    if (format.log2_chroma_w > 0) set(scaler, "src_h_chr_pos", x * ((1 << format.log2_chroma_w) - 1));
    if (format.log2_chroma_h > 0) set(scaler, "src_v_chr_pos", y * ((1 << format.log2_chroma_h) - 1));
}

// Without a loop for this processor FFmpeg reads 4:2:2 as 4:2:0, every second row of chroma, unless it shall round exactly.
int rounding(AVPixelFormat format) {
    if (format != AV_PIX_FMT_YUV422P && format != AV_PIX_FMT_YUVJ422P) return 0;
#if defined(__x86_64__)
    if ((av_get_cpu_flags() & AV_CPU_FLAG_SSSE3) != 0) return 0;
#endif
    return SWS_ACCURATE_RND;
}

}  // namespace

Size square_size(Size stored, AVRational aspect) {
    const std::int64_t wide = aspect.num, high = aspect.den;
    if (wide <= 0 || high <= 0 || wide * kFlattest < high || high * kFlattest < wide) return stored;
    if (kTolerance * std::abs(wide - high) <= high) return stored;
    if (wide > high) return {scaled(stored.width, wide, high), stored.height};
    return {stored.width, scaled(stored.height, high, wide)};
}

std::optional<int> unknown_matrix(const AVFrame& frame) {
    const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
    const int matrix = frame.colorspace;
    const bool known = matrix != AVCOL_SPC_YCGCO && (matrix <= AVCOL_SPC_BT2020_CL || matrix > kLastMatrix);
    return known || format == nullptr || !has_chroma(*format) ? std::nullopt : std::optional<int>(matrix);
}

void Converter::convert(const AVFrame& frame, Size size, Orientation orientation, Picture& image) {
    Picture& target = orientation.upright() ? image : stored_;
    target.create(size, 3);
    scale(frame, target);
    if (!orientation.upright()) orient(stored_, orientation, image);
}

void Converter::scale(const AVFrame& frame, Picture& image) {
    const auto format = static_cast<AVPixelFormat>(frame.format);
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
    if (description == nullptr) throw FfmpegFailure(AVERROR_INVALIDDATA);
    const bool rgb = is_rgb(*description), chroma = has_chroma(*description);
    const bool named = chroma && frame.colorspace != AVCOL_SPC_RGB;  // luma and chroma that call themselves so name none
    const int matrix = rgb ? AVCOL_SPC_RGB : named ? static_cast<int>(frame.colorspace) : kUnspecified;
    const int range = !chroma || frame.color_range == AVCOL_RANGE_JPEG ? 1 : 0;
    const Kind kind{{frame.width, frame.height}, image.size(), frame.format, matrix, range, frame.chroma_location};
    if (scaler_ == nullptr || !(kind == kind_)) {
        scaler_.reset(sws_alloc_context());
        SwsContext* scaler = scaler_.get();
        if (scaler == nullptr) throw std::bad_alloc();
        set(scaler, "srcw", frame.width);
        set(scaler, "srch", frame.height);
        set(scaler, "src_format", frame.format);
        set(scaler, "src_range", range);
        set(scaler, "dstw", image.size().width);
        set(scaler, "dsth", image.size().height);
        set(scaler, "dst_format", AV_PIX_FMT_BGR24);
        set(scaler, "dst_range", 1);
        set(scaler, "sws_flags", SWS_BILINEAR | rounding(format));
        set_chroma_place(scaler, *description, frame.chroma_location);
        if (const int code = sws_init_context(scaler, nullptr, nullptr); code < 0) {
            scaler_.reset();
            throw FfmpegFailure(code);
        }
        int *ours = nullptr, *theirs = nullptr;
        int full = 0, full_too = 0, brightness = 0, contrast = 0, saturation = 0;
        sws_getColorspaceDetails(scaler, &ours, &full, &theirs, &full_too, &brightness, &contrast, &saturation);
        sws_setColorspaceDetails(scaler, sws_getCoefficients(matrix), full, sws_getCoefficients(AVCOL_SPC_RGB), full_too,
                                 brightness, contrast, saturation);
        kind_ = kind;
    }
    std::uint8_t* rows[] = {image.row(0)};
    const int strides[] = {static_cast<int>(image.stride())};
    const int code = sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, rows, strides);
    if (code < 0) throw FfmpegFailure(code);
    // Of grey FFmpeg's converter takes each range for the full one.
    if (is_grey(*description) && frame.color_range == AVCOL_RANGE_MPEG) stretch(image);
}

}  // namespace app
