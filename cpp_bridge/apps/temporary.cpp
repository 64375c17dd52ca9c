#include "temporary.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>
#include <vector>

namespace app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDigits = "0123456789abcdef";
constexpr std::size_t kToken = 16;

// The name that a file's own was to become; "" where that is no temporary one.
std::string final_name(const std::string& name, const std::string& kind) {
    const std::string extension = fs::path(name).extension().string();
    const std::string end = "." + kind + extension;
    const std::size_t around = 1 + 1 + kToken + end.size();  // the dots before the stem and the token
    if (extension.empty() || name[0] != '.' || name.size() <= around) return "";
    const std::size_t stem = name.size() - around;
    const std::string token = name.substr(2 + stem, kToken);
    const bool fits = name.compare(name.size() - end.size(), end.size(), end) == 0 && name[1 + stem] == '.';
    return fits && token.find_first_not_of(kDigits) == std::string::npos ? name.substr(1, stem) + extension : "";
}

// A file in a folder, without "./" and "//"; "link/.." stays, for it may be another folder than the one that holds the link.
fs::path in_folder(const fs::path& folder, const fs::path& name) {
    fs::path path;
    for (const fs::path& each : folder) {
        if (each != ".") path /= each;
    }
    return path / name;
}

}  // namespace

Lock lock_file(int handle) {
    if (flock(handle, LOCK_EX | LOCK_NB) == 0) return Lock::taken;
    return errno == EWOULDBLOCK || errno == EACCES ? Lock::busy : Lock::unknown;
}

bool is_at(int handle, const std::string& path) {
    struct stat open {}, named {};
    return fstat(handle, &open) == 0 && lstat(path.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
           open.st_ino == named.st_ino;
}

std::string folder_of(const std::string& path) {
    const std::string folder = fs::path(path).parent_path().string();
    return folder.empty() ? "." : folder;
}

std::string temporary_name(const std::string& target, const std::string& kind) {
    const fs::path named(target);
    std::random_device random;
    std::string token;
    for (std::size_t i = 0; i < kToken; ++i) token += kDigits[random() % 16];
    const std::string name = "." + named.stem().string() + "." + token + "." + kind + named.extension().string();
    return (named.parent_path() / name).string();
}

void visit_temporaries(const std::string& folder, const std::string& kind, const Visit& visit) {
    std::vector<fs::path> names;
    std::error_code failure;
    for (fs::directory_iterator each(folder, failure), end; !failure && each != end; each.increment(failure)) {
        const fs::path name = each->path().filename();
        if (!final_name(name.string(), kind).empty()) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    for (const fs::path& name : names) {
        const fs::path path = in_folder(folder, name);
        const int handle = open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (handle < 0) continue;  // gone, a folder, a link, or somebody else's
        visit(path.string(), in_folder(folder, final_name(name.string(), kind)).string(), handle);
        close(handle);
    }
}

bool in_work(const std::string& target, const std::string& kind) {
    bool found = false;
    const fs::path name = fs::path(target).filename();
    visit_temporaries(folder_of(target), kind, [&](const std::string&, const std::string& final, int handle) {
        found = found || (fs::path(final).filename() == name && lock_file(handle) == Lock::busy);
    });
    return found;
}

}  // namespace app
