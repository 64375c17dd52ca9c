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

// The next picture: blue, green, red, where the source's is grey too; in square pixels, enlarged in one direction where the
// video's are not.
class Pictures {
  public:
    // `name` is the source's, for messages.
    Pictures(cv::VideoCapture& capture, const std::string& name) : capture_(capture), name_(name) {}
    // False at the end.
    bool grab() { return capture_.grab(); }
    // False where it cannot be decoded. Throws Refusal where it is neither grey nor blue, green, red in bytes.
    bool retrieve(cv::Mat& image);

  private:
    bool retrieve_colours(cv::Mat& image);

    cv::VideoCapture& capture_;
    const std::string& name_;
    cv::Mat decoded_, stored_;
};

// The announced rate; 0 where there is none, or a clock's rate instead.
double announced_fps(const cv::VideoCapture& capture);

}  // namespace app
