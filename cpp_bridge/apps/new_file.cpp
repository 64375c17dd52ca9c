#include "new_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "output_names.hpp"
#include "source.hpp"
#include "temporary.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int error) {
    throw Refusal("cannot write " + path + ": " + std::strerror(error) +
                  "; choose a folder that exists and can be written, with room on its disk");
}

void sync(int handle, const std::string& path) {
    if (fsync(handle) != 0 && errno != EINVAL) fail(path, errno);  // EINVAL: of file systems that cannot
}

// Puts a folder's names on the disk, where they can be: one that this user may not read can be written, but not synced.
void sync_folder(const std::string& folder) {
    const int handle = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0 && errno == EACCES) return;
    if (handle < 0) fail(folder, errno);
    try {
        sync(handle, folder);
    } catch (const Refusal&) {
        close(handle);
        throw;
    }
    close(handle);
}

// Renames a file in one step to a name that nothing else has; false where it is taken.
bool rename_to_free(const std::string& from, const std::string& to) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (errno == EEXIST) return false;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) fail(to, errno);
    std::error_code failure;  // the file system or the kernel cannot
    if (fs::exists(fs::symlink_status(to, failure))) return false;
    if (rename(from.c_str(), to.c_str()) != 0) fail(to, errno);
    return true;
}

}  // namespace

std::string give_free_name(const std::string& path, const std::string& target, const std::string& spare) {
    std::string name = free_name(target, spare);
    while (!rename_to_free(path, name)) name = free_name(target, spare);  // another took it in between
    return name;
}

NewFile::NewFile(std::string target, const char* kind) : target_(std::move(target)) {
    for (;;) {
        path_ = temporary_name(target_, kind);
        handle_ = open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (handle_ < 0) fail(target_, errno);
        // A process that sweeps here may have been between the two calls.
        if (lock_file(handle_) != Lock::busy && is_at(handle_, path_)) return;
        close(handle_);
    }
}

NewFile::~NewFile() {
    if (!named_ && !kept_) unlink(path_.c_str());
    if (handle_ >= 0) close(handle_);
}

void NewFile::cut(std::int64_t length) {
    if (ftruncate(handle_, length) != 0) return;
}

void NewFile::finish(bool replace) {
    sync(handle_, path_);
    if (replace) {
        if (rename(path_.c_str(), target_.c_str()) != 0) fail(target_, errno);
    } else {
        target_ = give_free_name(path_, target_, "");
    }
    named_ = true;
    sync_folder(folder_of(target_));
}

}  // namespace app
