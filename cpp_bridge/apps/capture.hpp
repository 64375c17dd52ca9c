// OpenCV's videoio: what it opens, and square pixels.
#pragma once

#include <nlohmann/json.hpp>
#include <opencv2/videoio.hpp>
#include <string>

namespace app {

enum class Kind { file, camera, url, pipeline };

// What a name means. What is there on disk under it comes first, whatever the name looks like.
Kind kind_of(const std::string& source);

// A source to be opened.
struct Request {
    std::string source;
    std::string name;  // for messages
    double timeout = 10.0;
    std::string options;  // of FFmpeg, as OpenCV takes them: "rtsp_transport;tcp|tls_verify;1"

    nlohmann::json to_json() const;
    static Request from_json(const nlohmann::json& json);
};

// False where it cannot be opened.
bool open(cv::VideoCapture& capture, const Request& request);

// The next picture in square pixels, enlarged in one direction where the video's are not. False at the end.
class Pictures {
  public:
    explicit Pictures(cv::VideoCapture& capture) : capture_(capture) {}
    bool grab() { return capture_.grab(); }
    bool retrieve(cv::Mat& image);

  private:
    cv::VideoCapture& capture_;
    cv::Mat stored_;
};

// The announced rate; 0 where there is none, or a clock's rate instead.
double announced_fps(const cv::VideoCapture& capture);

}  // namespace app
