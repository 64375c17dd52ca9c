#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "../bundle/file.hpp"
#include "runtime.hpp"

namespace edgeseg {
namespace {

// What Linux says of the first core; nothing where it does not tell.
std::string cpuinfo(const std::string& field) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || line.rfind(field, 0) != 0) continue;
        if (line.find_first_not_of(" \t", field.size()) != colon) continue;
        const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
        return begin == std::string::npos ? "" : line.substr(begin);
    }
    return "";
}

}  // namespace

int available_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    std::string quota;
    long long period = 0;
    if (file >> quota >> period && quota != "max" && period > 0) {
        std::istringstream number(quota);
        long long share = 0;
        if (number >> share) cores = std::max(1, std::min(cores, static_cast<int>((share + period - 1) / period)));
    }
    return cores;
}

int most_threads() { return std::max(64, 4 * static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))); }

bool sums_int8_exactly() {
#if defined(__x86_64__)
    std::istringstream flags(cpuinfo("flags"));
    for (std::string flag; flags >> flag;) {
        if (flag == "avx512_vnni" || flag == "avx_vnni") return true;
    }
    return false;
#else
    return true;
#endif
}

std::string processor() {
    const std::string flags = cpuinfo("flags"), features = flags.empty() ? cpuinfo("Features") : flags;
    const std::vector<std::uint8_t> bytes(features.begin(), features.end());
    return cpuinfo("model name") + " " + sha256_of(bytes).substr(0, 8);
}

}  // namespace edgeseg
