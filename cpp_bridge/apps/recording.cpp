#include <filesystem>

#include "output_names.hpp"
#include "outputs.hpp"

namespace app {
namespace {

constexpr double kNominalFps = 25;  // where the source announces none

std::string pixels(Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

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

void Recording::write(const Picture& image, double seconds_of_source) {
    const double begin = now();
    if (image.size() != size_) {
        const std::string why = "frames of " + pixels(size_) + " pixels became " + pixels(image.size());
        if (written_ > 0) finish();
        open(image.size(), seconds_of_source);
        warnings.push_back(why + "; they go on in " +
                           std::filesystem::path(file_->target()).filename().string());
    }
    if (written_ == 0) begin_ = seconds_of_source;
    writer_->write(image, seconds_of_source - begin_);
    ++written_;
    seconds.add(now() - begin);
}

void Recording::open(Size size, double at) {
    std::error_code failure;
    do {
        ++number_;
    } while (number_ > 1 && !overwrite_ && std::filesystem::exists(nth_name(path_, number_), failure));
    size_ = size;
    begin_ = at;
    written_ = 0;
    writer_.reset();
    file_ = std::make_unique<NewFile>(nth_name(path_, number_));
    writer_ = std::make_unique<VideoWriter>(file_->path(), file_->target(), size, fps_);
}

void Recording::finish() {
    try {
        writer_->close();
        if (std::filesystem::file_size(file_->path()) == 0) throw Refusal("cannot write " + path_ + ": nothing arrived");
        file_->finish(overwrite_);
    } catch (const Refusal& error) {
        const std::string path = file_->path();
        file_->keep();
        file_.reset();
        throw Refusal(std::string(error.what()) + "; what was recorded is in " + path);
    }
    paths.push_back(file_->target());
    if (const std::string name = nth_name(path_, number_); paths.back() != name) {
        warnings.push_back(name + " was taken in the meantime; the recording is " + paths.back());
    }
    file_.reset();
}

void Recording::close() {
    if (file_ == nullptr) return;
    if (written_ > 0) {
        finish();
    } else {
        file_.reset();
    }
}

}  // namespace app
