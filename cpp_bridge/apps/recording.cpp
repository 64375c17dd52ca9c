#include <filesystem>

#include "output_names.hpp"
#include "outputs.hpp"
#include "recovery.hpp"
#include "temporary.hpp"

namespace app {
namespace {

constexpr double kNominalFps = 25;  // where the source announces none

std::string pixels(Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

}  // namespace

Recording::Recording(std::string path, const Source& source, bool overwrite,
                     const std::function<void(const std::string&)>& say)
    : path_(std::move(path)), fps_(source.fps > 0 ? source.fps : kNominalFps), overwrite_(overwrite) {
    check_target(path_, ".mp4 .mkv .webm", overwrite);
    for (const std::string& each : finish_orphans(folder_of(path_), path_)) say(each);
    if (in_work(path_, kPart)) {
        throw Refusal(path_ + " is being written by another process; choose another name, or end that one");
    }
    open({source.width, source.height});
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
    if (image.size() != size_ && written_ == 0) {
        open(image.size());  // those of the size before were all dropped
    } else if (image.size() != size_) {
        const std::string why = "frames of " + pixels(size_) + " pixels became " + pixels(image.size());
        finish();
        std::error_code failure;
        do {
            ++number_;
        } while (!overwrite_ && std::filesystem::exists(nth_name(path_, number_), failure));
        open(image.size());
        warnings.push_back(why + "; they go on in " +
                           std::filesystem::path(file_->target()).filename().string());
    }
    if (written_ == 0) begin_ = seconds_of_source;
    try {
        writer_->write(image, seconds_of_source - begin_);
    } catch (const Refusal& error) {
        salvage(error.what());
    }
    ++written_;
    seconds.add(now() - begin);
}

void Recording::open(Size size) {
    size_ = size;
    written_ = 0;
    writer_.reset();
    file_ = std::make_unique<NewFile>(nth_name(path_, number_), kPart);
    writer_ = std::make_unique<VideoWriter>(file_->path(), file_->target(), size, fps_);
}

void Recording::finish() {
    try {
        writer_->close();
    } catch (const Refusal& error) {
        salvage(error.what());
    }
    name();
}

// Closes the file after its last whole fragment.
void Recording::salvage(const std::string& reason) {
    const std::int64_t whole = writer_->whole();
    const std::string why = reason + "; is there room on the disk? ";
    writer_.reset();  // it may still write what it held back
    if (whole == 0) {
        file_.reset();
        throw Refusal(why + "Nothing was recorded");
    }
    file_->cut(whole);
    name();
    throw Refusal(why + "What was recorded before is in " + paths.back());
}

// Puts the file on the disk and under its name.
void Recording::name() {
    std::string failure;
    try {
        file_->finish(overwrite_);
    } catch (const Refusal& error) {
        failure = std::string(error.what()) +
                  (file_->named() ? "; the recording is in " + file_->target()
                                  : "; it is in " + file_->path() + ", and the next recording in this folder will try again");
    }
    if (file_->named()) {
        paths.push_back(file_->target());
        if (const std::string name = nth_name(path_, number_); paths.back() != name) {
            warnings.push_back(name + " was taken in the meantime; the recording is " + paths.back());
        }
    }
    file_->keep();
    file_.reset();
    if (!failure.empty()) throw Refusal(failure);
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
