#include "output_names.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "source.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTimeFormat = "%Y-%m-%dT%H-%M-%S";
constexpr std::size_t kLongestName = 4096;  // that the system knows

[[noreturn]] void refuse_braces(const std::string& path) {
    throw Refusal("the output " + path + " has something in braces that is not the time; write {time:" + kTimeFormat +
                  "} for the time, {{ and }} for braces");
}

// The absolute path, links followed as far as they lead.
fs::path real(const std::string& path) {
    std::error_code failure;
    fs::path whole = fs::absolute(path, failure);  // a relative path to nothing would stay one
    if (failure) whole = path;                     // the working directory is gone
    const fs::path found = fs::weakly_canonical(whole, failure);
    return failure ? whole.lexically_normal() : found;
}

std::string with_stem(const std::string& path, const std::string& behind) {
    const fs::path named(path);
    return (named.parent_path() / (named.stem().string() + behind + named.extension().string())).string();
}

bool is_there(const std::string& path) {
    std::error_code failure;
    return fs::exists(fs::symlink_status(path, failure));
}

}  // namespace

std::string expand_time(const std::string& path, std::tm now) {
    std::string expanded;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const bool twice = path.compare(i, 2, "{{") == 0 || path.compare(i, 2, "}}") == 0;
        if (twice || (path[i] != '{' && path[i] != '}')) {
            expanded += path[i];
            if (twice) ++i;
            continue;
        }
        const std::size_t end = path[i] == '{' ? path.find('}', i) : std::string::npos;
        if (end == std::string::npos) refuse_braces(path);
        const std::string inside = path.substr(i + 1, end - i - 1);
        if (inside != "time" && inside.rfind("time:", 0) != 0) refuse_braces(path);
        const std::string format = inside.size() > 5 ? inside.substr(5) : kTimeFormat;
        char text[kLongestName];
        if (format.find('{') != std::string::npos || std::strftime(text, sizeof text, format.c_str(), &now) == 0) {
            refuse_braces(path);
        }
        expanded += text;
        i = end;
    }
    return expanded;
}

void check_outputs(const std::string& source, const std::string& out, const std::string& masks) {
    const fs::path original = real(source);
    if (!out.empty() && !masks.empty() && real(out) == real(masks)) {
        throw Refusal("--out and --masks both name " + out + ", a file and a folder; give one of them another name");
    }
    if (!out.empty() && real(out) == original) {
        throw Refusal("the output " + out + " is the source itself and would replace it; give it another name");
    }
    if (!masks.empty() && real(masks) == original) {
        throw Refusal("masks in " + masks + " would replace what is read; give them another folder");
    }
}

void check_target(const std::string& path, const std::string& extensions, bool overwrite) {
    const std::string extension = extension_of(path);
    if (extension.empty() || (" " + extensions + " ").find(" " + extension + " ") == std::string::npos) {
        throw Refusal("cannot write " + path + ": it ends in " + (extension.empty() ? "no extension" : extension) +
                      ", expected one of " + extensions);
    }
    std::error_code failure;
    const auto status = fs::status(path, failure);
    if (fs::is_directory(status)) {
        throw Refusal("cannot write " + path + ": it is a folder; give the name of a file in it");
    }
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        throw Refusal("cannot write " + path + ": it is a device or pipe; give the name of a file");
    }
    const std::string parent = fs::path(path).parent_path().string(), folder = parent.empty() ? "." : parent;
    if (!fs::is_directory(folder, failure)) {
        throw Refusal("cannot write into " + folder + ": no such folder; make it first");
    }
    if (access(folder.c_str(), W_OK | X_OK) != 0) {
        throw Refusal("cannot write into " + folder + ": no permission; choose another folder");
    }
    if (!overwrite && is_there(path)) {
        throw Refusal(path + " already exists; choose another name, put the time into it (" +
                      fs::path(with_stem(path, "-{time:%H-%M-%S}")).filename().string() + "), or add --overwrite");
    }
}

std::string extension_of(const std::string& path) {
    std::string extension = fs::path(path).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
    return extension;
}

std::string nth_name(const std::string& path, int number) {
    return number == 1 ? path : with_stem(path, "-" + std::to_string(number));
}

std::string free_name(const std::string& path, const std::string& spare) {
    const fs::path spared = fs::path(spare).filename();  // by its name alone: a folder has many spellings
    const auto is_taken = [&](const std::string& name) { return fs::path(name).filename() == spared || is_there(name); };
    std::string name = path;
    for (int number = 1; is_taken(name); ++number) name = with_stem(path, ".recovered-" + std::to_string(number));
    return name;
}

}  // namespace app
