// Streams and files on a network, as edgeseg/video/network.py reads them.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "address.hpp"
#include "channel.hpp"
#include "clock.hpp"
#include "reasons.hpp"
#include "video.hpp"

namespace app {
namespace {

constexpr int kAttempts = 64;        // reads in a row that may fail on damaged data
constexpr double kPatience = 0.8;    // of the time-out, in which data may come that gives no frame
constexpr double kCatchUp = 2.0;     // how much faster than their pace late frames of a segmented stream are given
constexpr double kOutOfStep = 2.0;   // seconds that they may be early or late before the pace is counted anew

// Frames that come in bursts, a segment at a time, are given at the pace of their time stamps.
class Pace {
  public:
    // Waits until a frame is due. Late ones follow each other faster, so that none is lost.
    void keep(double at) {
        const double time = now();
        if (!begun_ || std::abs(anchor_ + at - time) > kOutOfStep) {
            begun_ = true;
            anchor_ = time - at;
        } else {
            const double due = std::max(anchor_ + at, last_given_ + (at - last_at_) / kCatchUp);
            if (due > time) usleep(static_cast<useconds_t>(1e6 * std::min(due - time, kOutOfStep + 1)));
        }
        last_at_ = at;
        last_given_ = now();
    }

  private:
    bool begun_ = false;
    double anchor_ = 0, last_at_ = 0, last_given_ = 0;
};

// Whether all that will come is known, by its bytes, unless they are those of a playlist, or such as cameras make up, or by a
// length that is that of all. That of live FLV is 0, as FFmpeg and OBS push it; that of live MP4 is what has come so far:
// fragments, of a stream that tells no number of frames.
bool has_end(const AVFormatContext& format) {
    const std::string name = format.iformat->name;
    const bool counts = name != "hls" && name != "dash" && name != "mpjpeg" && name != "mjpeg";
    if (counts && avio_size(format.pb) >= 0) return true;
    if (format.duration == AV_NOPTS_VALUE || avio_size(format.pb) >= 0) return format.duration != AV_NOPTS_VALUE;
    const bool counted = std::any_of(format.streams, format.streams + format.nb_streams,
                                     [](const AVStream* stream) { return stream->nb_frames > 0; });
    return format.duration > 0 && (counted || std::strncmp(format.iformat->name, "mov", 3) != 0);
}

bool is_verified(const Request& request) {
    return is_encrypted(request.source) &&
           std::none_of(request.options.begin(), request.options.end(),
                        [](const auto& each) { return each.first == "tls_verify" && each.second == "0"; });
}

// FFmpeg reads parts of MJPEG only where their type is image/jpeg; others are then read as JPEGs in a row.
bool lacks_pictures(const AVFormatContext& format) {
    return std::strcmp(format.iformat->name, "mpjpeg") == 0 && format.streams[0]->codecpar->width == 0;
}

std::unique_ptr<Container> open(const Request& request, Channel& channel) {
    const double begin = now();
    try {
        auto container = std::make_unique<Container>(request.source, request.options, request.timeout);
        if (!lacks_pictures(*container->format())) return container;
        container.reset();
        Entries options{{"analyzeduration", "1"}};  // the first picture says all
        options.insert(options.end(), request.options.begin(), request.options.end());
        return std::make_unique<Container>(request.source, options, request.timeout, "mjpeg");
    } catch (const FfmpegFailure& error) {
        if (now() - begin >= 0.9 * request.timeout) {  // whatever FFmpeg makes of a reading that it broke off
            char text[96];
            std::snprintf(text, sizeof text, " did not answer within %g s; is it there, does it send?", request.timeout);
            channel.lose("timeout", request.name + text + through_proxy(request.source));
        } else {
            const Reason why = refusal(error.code, request.source, is_verified(request));
            channel.lose(why.cause, request.name + " " + why.sentence + through_proxy(request.source));
        }
        return nullptr;
    }
}

// Every frame of a video that has an end.
void read_whole(std::unique_ptr<Container> container, const Request& request, Channel& channel) {
    if (request.reconnect) {
        return channel.lose("unsupported", request.name + " is no live source: it has an end; read it without --reconnect");
    }
    Video video(std::move(container), request, "");
    Frame frame;
    bool listening = channel.open(video.fps, true);
    while (listening && video.read(frame)) {
        Header header{};
        header.timestamp = frame.timestamp;
        header.captured = frame.captured;
        header.seconds = frame.seconds;
        listening = channel.send(frame.image, header);
    }
    for (const std::string& each : video.all_warnings()) channel.warn(each);
    channel.lose(video.cause, video.ended.reason);
}

// The frames of a live stream as they come, until there are no more.
void read_live(Container& container, const Request& request, Channel& channel) {
    const bool timed = (container.format()->iformat->flags & AVFMT_NOTIMESTAMPS) == 0, paced = container.is_segmented();
    Decoder decoder(container, request.name, 1);
    Clock clock(request.name, timed);
    Pace pace;
    Picture image;
    Decoded decoded;
    bool listening = channel.open(timed ? container.rate(decoder.stream()) : 0, false);
    std::int64_t damaged = 0, mended = 0;
    for (int attempt = 0; listening && attempt < kAttempts;) {
        try {
            if (!decoder.read(image, decoded, kPatience * request.timeout)) {
                return channel.lose("closed", request.name + " gave no more frames");
            }
        } catch (const FfmpegFailure& error) {
            ++attempt;
            if (error.code == AVERROR_INVALIDDATA) continue;
            const Reason why = loss(error.code, request.timeout);
            return channel.lose(why.cause, request.name + " " + why.sentence);
        } catch (const Undecodable& error) {
            return channel.lose("damaged", request.name + " " + error.what());
        }
        attempt = 0;
        if (paced && decoded.time) pace.keep(*decoded.time);
        Header header{};
        header.timestamp = clock.at(decoded.time, decoded.arrived);
        header.captured = decoded.arrived;
        header.seconds = decoded.seconds;
        header.damaged = decoder.damaged - std::exchange(damaged, decoder.damaged);
        listening = channel.send(image, header);
        if (std::exchange(mended, decoder.mended) == 0 && decoder.mended > 0) {  // once: a stream may go on for months
            channel.warn(request.name +
                         " sends frames that are damaged or lack a part: the decoder fills in what it cannot read");
        }
        for (auto* warnings : {&clock.warnings, &decoder.warnings}) {
            for (const std::string& each : *warnings) channel.warn(each);
        }
        clock.warnings.clear();
        decoder.warnings.clear();
    }
    channel.lose("damaged", request.name + " sends data that cannot be read as video");
}

}  // namespace

void read_url(const Request& request, Channel& channel) {
    std::unique_ptr<Container> container = open(request, channel);
    if (container == nullptr) return;
    if (container->is_segmented() && is_verified(request)) {
        channel.warn(request.name + ": FFmpeg verified the playlist's server, but not those of its segments");
    }
    try {
        if (has_end(*container->format())) return read_whole(std::move(container), request, channel);
        read_live(*container, request, channel);
    } catch (const Refusal& error) {
        channel.lose("no_video", error.what());
    }
}

}  // namespace app
