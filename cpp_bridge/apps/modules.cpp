#include "modules.hpp"

#include <dlfcn.h>

#include <filesystem>

#include "deinterlacer.hpp"

namespace app {

namespace fs = std::filesystem;

std::string find_beside(const std::string& name) {
    std::error_code failure;
    const fs::path folder = fs::read_symlink("/proc/self/exe", failure).parent_path();
    for (const fs::path& path : {folder / name, folder.parent_path() / EDGESEG_MODULES / name}) {
        if (fs::is_regular_file(path, failure)) return path.string();
    }
    return "";
}

std::unique_ptr<Deinterlacer> load_deinterlacer(const AVFrame& frame, AVRational time_base) {
    // It stays loaded: its objects may live to the end.
    static void* const module = [] {
        const std::string path = find_beside(kDeinterlacerModule);
        return path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    }();
    if (module == nullptr) return nullptr;
    const auto make = reinterpret_cast<MakeDeinterlacer>(dlsym(module, kMakeDeinterlacer));
    return std::unique_ptr<Deinterlacer>(make == nullptr ? nullptr : make(frame, time_base));
}

}  // namespace app
