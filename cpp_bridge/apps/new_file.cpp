#include "new_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "source.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int error) {
    throw Refusal("cannot write " + path + ": " + std::strerror(error) +
                  "; choose a folder that exists and can be written, with room on its disk");
}

std::string token() {
    std::random_device random;
    std::string text;
    for (int i = 0; i < 16; ++i) text += "0123456789abcdef"[random() % 16];
    return text;
}

void sync(const std::string& path, int flags) {
    const int handle = open(path.c_str(), flags | O_CLOEXEC);
    const bool done = handle >= 0 && (fsync(handle) == 0 || errno == EINVAL);  // of file systems that cannot
    const int error = errno;
    if (handle >= 0) close(handle);
    if (!done) fail(path, error);
}

std::string folder_of(const std::string& path) {
    const std::string folder = fs::path(path).parent_path().string();
    return folder.empty() ? "." : folder;
}

}  // namespace

NewFile::NewFile(std::string target) : target_(std::move(target)) {
    const fs::path named(target_);
    path_ = (named.parent_path() / ("." + named.stem().string() + "." + token() + ".tmp" + named.extension().string()))
                .string();
    handle_ = open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (handle_ < 0) fail(target_, errno);
    flock(handle_, LOCK_EX | LOCK_NB);
}

NewFile::~NewFile() {
    if (!named_) unlink(path_.c_str());
    if (handle_ >= 0) close(handle_);
}

void NewFile::finish() {
    sync(path_, O_RDONLY);
    if (rename(path_.c_str(), target_.c_str()) != 0) fail(target_, errno);
    named_ = true;
    sync(folder_of(target_), O_RDONLY | O_DIRECTORY);
}

void check_target(const std::string& path, const std::string& extensions, bool overwrite) {
    std::string extension = fs::path(path).extension().string();
    if (extension.empty() || (" " + extensions + " ").find(" " + extension + " ") == std::string::npos) {
        throw Refusal("cannot write " + path + ": it ends in " + (extension.empty() ? "no extension" : extension) +
                      ", expected one of " + extensions);
    }
    std::error_code failure;
    const auto status = fs::symlink_status(path, failure);
    if (fs::is_directory(fs::status(path, failure))) {
        throw Refusal("cannot write " + path + ": it is a folder; give the name of a file in it");
    }
    if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_symlink(status)) {
        throw Refusal("cannot write " + path + ": it is a device or pipe; give the name of a file");
    }
    const std::string folder = folder_of(path);
    if (!fs::is_directory(folder, failure)) {
        throw Refusal("cannot write into " + folder + ": no such folder; make it first");
    }
    if (access(folder.c_str(), W_OK | X_OK) != 0) {
        throw Refusal("cannot write into " + folder + ": no permission; choose another folder");
    }
    if (!overwrite && fs::exists(status)) {
        throw Refusal(path + " is there already and is not replaced unasked; choose another name, or add --overwrite");
    }
}

std::string nth_name(const std::string& path, int number) {
    const fs::path named(path);
    if (number == 1) return path;
    return (named.parent_path() / (named.stem().string() + "-" + std::to_string(number) + named.extension().string()))
        .string();
}

}  // namespace app
