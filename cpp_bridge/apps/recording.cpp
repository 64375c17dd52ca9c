#include <cmath>
#include <filesystem>
#include <opencv2/imgproc.hpp>

#include "outputs.hpp"

namespace app {
namespace {

constexpr double kNominalFps = 25;  // where the source announces none
constexpr double kLongestGap = 10;  // seconds that are filled with copies; beyond, a new file goes on

int fourcc(const std::string& path) {
    const std::string extension = std::filesystem::path(path).extension().string();
    if (extension == ".webm") return cv::VideoWriter::fourcc('V', 'P', '9', '0');
    if (extension == ".mkv") return cv::VideoWriter::fourcc('H', '2', '6', '4');
    return cv::VideoWriter::fourcc('a', 'v', 'c', '1');
}

}  // namespace

Recording::Recording(std::string path, const Source& source, bool overwrite)
    : path_(std::move(path)), fps_(source.fps > 0 ? source.fps : kNominalFps), overwrite_(overwrite) {
    check_target(path_, ".mp4 .mkv .webm", overwrite);
    open({source.width, source.height}, 0);
}

// What was recorded is never thrown away: a file whose end could not be written stays under its own name.
Recording::~Recording() {
    try {
        close();
    } catch (const Refusal&) {
    }
}

void Recording::write(const cv::Mat& image, double seconds_of_source) {
    const double begin = now();
    const bool first = number_ == 1 && written_ == 0;
    if (first) begin_ = seconds_of_source;
    const auto place = static_cast<std::int64_t>(std::llround((seconds_of_source - begin_) * fps_));
    const bool gap = static_cast<double>(place - written_) > kLongestGap * fps_;
    if (image.size() != size_ || gap) {
        const std::string why = gap ? "no frame came for " + std::to_string(std::lround(
                                                                 static_cast<double>(place - written_) / fps_)) + " s"
                                    : "frames of " + std::to_string(size_.width) + "x" + std::to_string(size_.height) +
                                          " pixels became " + std::to_string(image.cols) + "x" +
                                          std::to_string(image.rows);
        if (written_ > 0) finish();
        open(image.size(), seconds_of_source);
        warnings.push_back(why + "; the recording goes on in " +
                           std::filesystem::path(file_->target()).filename().string());
    }
    const auto slot = static_cast<std::int64_t>(std::llround((seconds_of_source - begin_) * fps_));
    if (slot < written_) {
        ++left_out_;
    } else {
        while (written_ > 0 && written_ < slot) {
            append(last_);
            ++repeated_;
        }
        append(image);
        image.copyTo(last_);
    }
    seconds.add(now() - begin);
}

void Recording::append(const cv::Mat& image) {
    if (size_.width % 2 == 0 && size_.height % 2 == 0) {
        writer_.write(image);
    } else {  // video has even sides
        cv::copyMakeBorder(image, even_, 0, size_.height % 2, 0, size_.width % 2, cv::BORDER_REPLICATE);
        writer_.write(even_);
    }
    ++written_;
}

void Recording::open(cv::Size size, double at) {
    std::error_code failure;
    do {
        ++number_;
    } while (number_ > 1 && !overwrite_ && std::filesystem::exists(nth_name(path_, number_), failure));
    size_ = size;
    begin_ = at;
    written_ = 0;
    file_ = std::make_unique<NewFile>(nth_name(path_, number_));
    const cv::Size even{size.width + size.width % 2, size.height + size.height % 2};
    if (!writer_.open(file_->path(), cv::CAP_FFMPEG, fourcc(path_), fps_, even)) {
        throw Refusal("cannot write " + path_ + ": this machine's OpenCV has no encoder for it; try .mkv, .mp4 or .webm");
    }
}

void Recording::finish() {
    writer_.release();
    try {
        if (std::filesystem::file_size(file_->path()) == 0) throw Refusal("cannot write " + path_ + ": nothing arrived");
        file_->finish();
    } catch (const Refusal& error) {
        const std::string path = file_->path();
        file_->keep();
        file_.reset();
        throw Refusal(std::string(error.what()) + "; what was recorded is in " + path);
    }
    paths.push_back(file_->target());
    file_.reset();
}

void Recording::close() {
    if (file_ == nullptr) return;
    if (written_ > 0) {
        finish();
    } else {
        writer_.release();
        file_.reset();
    }
    const std::string name = std::filesystem::path(path_).filename().string();
    if (repeated_ > 0) {
        warnings.push_back(name + " has a constant rate: " + std::to_string(repeated_) + " frames are shown twice, where "
                           "none had come");
    }
    if (left_out_ > 0) {
        warnings.push_back(name + " has a constant rate: " + std::to_string(left_out_) + " frames are not in it, that "
                           "came sooner");
    }
}

}  // namespace app
