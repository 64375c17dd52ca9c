#include "capture.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <opencv2/imgproc.hpp>

#include "names.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr double kFlattest = 0.125, kTallest = 8.0;  // aspects of a pixel beyond these are taken for errors
constexpr double kTolerance = 0.005;                 // resampling costs more than so little mends

}  // namespace

Kind kind_of(const std::string& source) {
    if (camera_number(source)) return Kind::camera;
    std::error_code failure;  // a name can be too long for a file, as pipelines are
    if (std::filesystem::exists(source, failure)) return Kind::file;
    if (source.find(" ! ") != std::string::npos) return Kind::pipeline;
    return is_url(source) ? Kind::url : Kind::file;
}

nlohmann::json Request::to_json() const {
    return {{"source", source}, {"name", name}, {"timeout", timeout}, {"options", options}};
}

Request Request::from_json(const nlohmann::json& json) {
    return {json.at("source"), json.at("name"), json.at("timeout"), json.at("options")};
}

bool open(cv::VideoCapture& capture, const Request& request) {
    const Kind kind = kind_of(request.source);
    if (kind == Kind::camera) return capture.open(*camera_number(request.source), cv::CAP_V4L2);
    if (kind == Kind::pipeline) return capture.open(request.source, cv::CAP_GSTREAMER);
    if (!request.options.empty()) setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", request.options.c_str(), 1);
    if (kind == Kind::file) return capture.open(request.source, cv::CAP_FFMPEG);
    const int milliseconds = static_cast<int>(1000 * request.timeout);
    return capture.open(request.source, cv::CAP_FFMPEG,
                        {cv::CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv::CAP_PROP_READ_TIMEOUT_MSEC, milliseconds});
}

// A pipeline's appsink gives what the elements before it make: OpenCV hands out planes of YUV, or a JPEG's bytes, as one
// channel of another height.
bool Pictures::retrieve_colours(cv::Mat& image) {
    if (!capture_.retrieve(decoded_) || decoded_.empty()) return false;
    if (decoded_.type() == CV_8UC3) {
        cv::swap(image, decoded_);
        return true;
    }
    if (decoded_.type() != CV_8UC1 || decoded_.rows != static_cast<int>(capture_.get(cv::CAP_PROP_FRAME_HEIGHT))) {
        throw Refusal(name_ + " gives no pictures in BGR or grey of 8 bits, expected one of these; end the pipeline with "
                              "videoconvert ! video/x-raw,format=BGR ! appsink");
    }
    cv::cvtColor(decoded_, image, cv::COLOR_GRAY2BGR);
    return true;
}

bool Pictures::retrieve(cv::Mat& image) {
    const double high = capture_.get(cv::CAP_PROP_SAR_DEN);
    const double aspect = high > 0 ? capture_.get(cv::CAP_PROP_SAR_NUM) / high : 1;
    if (!(aspect >= kFlattest && aspect <= kTallest) || std::abs(aspect - 1) <= kTolerance) {
        return retrieve_colours(image);
    }
    if (!retrieve_colours(stored_)) return false;
    cv::Size size = stored_.size();
    if (aspect > 1) {
        size.width = static_cast<int>(std::nearbyint(size.width * aspect));
    } else {
        size.height = static_cast<int>(std::nearbyint(size.height / aspect));
    }
    cv::resize(stored_, image, size);
    return true;
}

double announced_fps(const cv::VideoCapture& capture) {
    const double fps = capture.get(cv::CAP_PROP_FPS);
    return fps > 0.01 && fps <= 1000 ? fps : 0;
}

}  // namespace app
