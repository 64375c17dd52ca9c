#include "capture.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <opencv2/imgproc.hpp>

#include "names.hpp"

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

bool Pictures::retrieve(cv::Mat& image) {
    const double high = capture_.get(cv::CAP_PROP_SAR_DEN);
    const double aspect = high > 0 ? capture_.get(cv::CAP_PROP_SAR_NUM) / high : 1;
    if (!(aspect >= kFlattest && aspect <= kTallest) || std::abs(aspect - 1) <= kTolerance) {
        return capture_.retrieve(image) && !image.empty();
    }
    if (!capture_.retrieve(stored_) || stored_.empty()) return false;
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
