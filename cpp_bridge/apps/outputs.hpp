// What becomes of the results: a recording of the overlays, and masks. One that fails does not stop the other.
#pragma once

#include <memory>
#include <opencv2/videoio.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "new_file.hpp"
#include "pipeline.hpp"
#include "timing.hpp"

namespace app {

// Overlays as video at a constant rate. Each frame stands where its time says: one that is late is preceded by copies of
// the one before, one too many for the rate is left out; both are counted. After a long gap, or where frames change
// their size, a new file goes on.
class Recording {
  public:
    // Throws Refusal: the file cannot be written.
    Recording(std::string path, const Source& source, bool overwrite);
    ~Recording();

    // Throws Refusal; what was recorded before stays.
    void write(const cv::Mat& image, double seconds);
    void close();

    std::vector<std::string> paths, warnings;
    Histogram seconds;

  private:
    void open(cv::Size size, double at);
    void finish();
    void append(const cv::Mat& image);

    std::string path_;
    double fps_;
    bool overwrite_;
    int number_ = 0;
    cv::Size size_;
    cv::Mat even_, last_;
    std::unique_ptr<NewFile> file_;
    cv::VideoWriter writer_;
    double begin_ = 0;
    std::int64_t written_ = 0, repeated_ = 0, left_out_ = 0;
};

// Class ids as grey PNG, 000042.png, in a folder of one run.
class Masks {
  public:
    // Throws Refusal: the folder cannot be made, or holds something and `overwrite` is not set.
    Masks(std::string folder, bool overwrite);
    ~Masks();

    void write(const cv::Mat& mask, std::int64_t index);

    const std::string& folder() const { return folder_; }
    bool written() const { return written_; }
    std::vector<std::string> warnings() const;
    Histogram seconds;

  private:
    std::string folder_;
    bool is_new_ = false, written_ = false;
    std::set<std::string> earlier_;
};

}  // namespace app
