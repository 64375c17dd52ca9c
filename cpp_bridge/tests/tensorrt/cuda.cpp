// CUDA's runtime: errors, cards, and what the tests tell it. Signatures here, in memory.cpp, streams.cpp and kernels.cpp are
// those of cuda_runtime_api.h, which declares every function.
#include <mutex>
#include <set>

#include "stand_in.hpp"

using stand_in::enter;

namespace {

constexpr int kVersion = 100700;

struct Switches {
    std::mutex mutex;
    int cards = 1, countdown = 0, version = kVersion;
    bool failed = false;
    std::set<std::string, std::less<>> refused;
    std::vector<std::string> complaints;
} switches;

thread_local int current = 0;
thread_local cudaError_t last = cudaSuccess;

}  // namespace

namespace stand_in {

Counts& counts() {
    static Counts only;
    return only;
}

void set_cards(int count) {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    switches.cards = count;
}

void set_version(int version) {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    switches.version = version;
}

int version() {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    return switches.version;
}

void fail_call(int number) {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    switches.countdown = number;
    switches.failed = false;
}

bool call_failed() {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    return switches.failed;
}

void refuse(const std::string& function) {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    switches.refused.insert(function);
}

void reset() {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    switches.cards = 1;
    switches.version = kVersion;
    switches.countdown = 0;
    switches.refused.clear();
    Counts& all = counts();
    for (std::atomic<int>* each : {&all.allocations, &all.enqueues, &all.captures, &all.launches, &all.pageable,
                                   &all.deserialised}) {
        *each = 0;
    }
    last = cudaSuccess;
}

void complain(const std::string& complaint) {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    switches.complaints.push_back(complaint);
}

std::vector<std::string> complaints() {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    return switches.complaints;
}

cudaError_t enter(const char* function, cudaError_t failure) {
    const std::lock_guard<std::mutex> mine(switches.mutex);
    if (switches.cards == 0) return answer(cudaErrorNoDevice);
    if (switches.refused.count(function) != 0) return answer(failure);
    if (switches.countdown == 0 || --switches.countdown != 0) return cudaSuccess;
    switches.failed = true;
    return answer(failure);
}

cudaError_t answer(cudaError_t code) {
    if (code != cudaSuccess) last = code;
    return code;
}

int current_card() { return current; }

}  // namespace stand_in

extern "C" {

const char* cudaGetErrorString(cudaError_t code) {
    switch (code) {
        case cudaSuccess: return "no error";
        case cudaErrorNoDevice: return "no CUDA-capable device is detected";
        case cudaErrorMemoryAllocation: return "out of memory";
        default: return "an error of the stand-in";
    }
}

cudaError_t cudaGetLastError() {
    const cudaError_t code = last;
    last = cudaSuccess;
    return code;
}

cudaError_t cudaGetDeviceCount(int* count) {
    *count = switches.cards;
    return enter("cudaGetDeviceCount", cudaErrorUnknown);
}

cudaError_t cudaGetDevice(int* card) {
    *card = current;
    return enter("cudaGetDevice", cudaErrorUnknown);
}

cudaError_t cudaSetDevice(int card) {
    const cudaError_t code = enter("cudaSetDevice", cudaErrorUnknown);
    if (code == cudaSuccess) current = card;
    return code;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    *value = attribute == cudaDevAttrComputeCapabilityMajor ? 8 : 7;
    return enter("cudaDeviceGetAttribute", cudaErrorInvalidDevice);
}

}  // extern "C"
