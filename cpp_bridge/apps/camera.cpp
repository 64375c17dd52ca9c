#include "camera.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "names.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kVideo = 81;  // of Linux's device numbers (its documentation, admin-guide/devices.txt)
constexpr int kMostLinks = 40;

bool is_number(const std::string& text) {
    return !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string::npos;
}

// What a name means when all links are followed, those to a device that is not there too.
std::string device_of(const std::string& name) {
    std::error_code failure;
    fs::path path = name;
    for (int links = 0; links < kMostLinks && fs::is_symlink(path, failure); ++links) {
        path = path.parent_path() / fs::read_symlink(path, failure);
    }
    std::string device = fs::weakly_canonical(path, failure).string();
    if (device.rfind("//", 0) == 0) device.erase(0, 1);  // which POSIX leaves alone
    return device;
}

bool lies_in(const std::string& path, const std::string& folder) { return path.rfind(folder + "/", 0) == 0; }

// As containers may call theirs.
bool is_device(const std::string& name) {
    struct stat facts {};
    return stat(name.c_str(), &facts) == 0 && S_ISCHR(facts.st_mode) && major(facts.st_rdev) == kVideo;
}

// Where udev makes such names, in /dev/v4l/by-id or elsewhere below /dev, they go with their cameras.
bool is_absent(const std::string& name) {
    const std::string device = device_of(name);
    std::error_code failure;
    return lies_in(device, "/dev") && !lies_in(device, "/dev/shm") &&
           !fs::exists(fs::symlink_status(device, failure));
}

// "found video0, video1"
std::string found() {
    std::vector<std::string> names;
    std::error_code failure;
    for (const auto& each : fs::directory_iterator("/dev", failure)) {
        const std::string name = each.path().filename().string();
        if (name.rfind("video", 0) == 0) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    std::string listed;
    for (const std::string& each : names) listed += (listed.empty() ? "" : ", ") + each;
    return "found " + (listed.empty() ? "no camera at all" : listed);
}

}  // namespace

std::optional<int> camera_number(const std::string& name) {
    if (is_number(name)) return std::stoi(name);
    const std::string device = device_of(name), folder = "/dev/video";
    if (device.rfind(folder, 0) != 0 || !is_number(device.substr(folder.size()))) return std::nullopt;
    return std::stoi(device.substr(folder.size()));
}

bool is_camera(const std::string& name) { return camera_number(name) || is_device(name) || is_absent(name); }

std::string camera_name(const std::string& source) {
    const std::optional<int> number = camera_number(source);
    return "camera " + (number ? std::to_string(*number) : redact(source));
}

std::string absence(const std::string& source) {
    const std::optional<int> number = camera_number(source);
    const std::string device = number ? "/dev/video" + std::to_string(*number) : "such device";
    std::error_code failure;
    if (number ? fs::exists(device, failure) : !is_absent(source)) return "";
    const std::string file = number ? std::to_string(*number) : "";
    const bool there = !file.empty() && fs::exists(file, failure);
    return camera_name(source) + " is not there: no " + device + "; " + found() +
           (there ? "; the file of that name is ./" + file : "");
}

}  // namespace app
