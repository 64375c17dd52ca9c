#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "runtime.hpp"

namespace edgeseg {

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
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("flags", 0) != 0) continue;
        std::istringstream flags(line);
        for (std::string flag; flags >> flag;) {
            if (flag == "avx512_vnni" || flag == "avx_vnni") return true;
        }
        return false;
    }
    return false;
#else
    return true;
#endif
}

}  // namespace edgeseg
