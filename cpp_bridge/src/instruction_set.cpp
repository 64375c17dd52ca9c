#include "edgeseg/instruction_set.hpp"

#include <atomic>
#include <stdexcept>

#include "loops.hpp"

namespace edgeseg {
namespace {

std::vector<const Loops*> supported() {
    std::vector<const Loops*> found{&baseline_loops};
#ifdef EDGESEG_X86
    if (__builtin_cpu_supports("avx2")) {
        found.push_back(&avx2_loops);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
            found.push_back(&avx512_loops);
        }
    }
#endif
    return found;
}

std::atomic<const Loops*>& current() {
    static std::atomic<const Loops*> chosen{supported().back()};
    return chosen;
}

}  // namespace

const Loops& loops() { return *current().load(std::memory_order_relaxed); }

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const Loops* level : supported()) names.emplace_back(level->name);
    return names;
}

std::string instruction_set() { return loops().name; }

void set_instruction_set(const std::string& name) {
    for (const Loops* level : supported()) {
        if (name == level->name) {
            current().store(level, std::memory_order_relaxed);
            return;
        }
    }
    throw std::invalid_argument("this processor does not run the instruction set " + name +
                                "; choose one of instruction_sets()");
}

}  // namespace edgeseg
