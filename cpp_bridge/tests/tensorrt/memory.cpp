// Memory of the card and pinned memory, both the host's, and copies between them.
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "stand_in.hpp"

using stand_in::answer;
using stand_in::counts;
using stand_in::enter;

namespace {

constexpr std::size_t kAlignment = 256;

struct Blocks {
    std::mutex mutex;
    std::map<const char*, std::size_t> sizes;

    bool hold(const void* memory, std::size_t bytes) {
        const std::lock_guard<std::mutex> mine(mutex);
        auto next = sizes.upper_bound(static_cast<const char*>(memory));
        if (next == sizes.begin()) return false;
        --next;
        return static_cast<const char*>(memory) + bytes <= next->first + next->second;
    }
} card_memory, pinned_memory;

cudaError_t give(const char* function, Blocks& blocks, std::atomic<int>& alive, void** memory, std::size_t bytes) {
    if (const cudaError_t code = enter(function, cudaErrorMemoryAllocation); code != cudaSuccess) return code;
    if (stand_in::breaks_capture()) return answer(cudaErrorStreamCaptureUnsupported);
    *memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    std::memset(*memory, 0xA5, bytes);  // never zeros by luck
    const std::lock_guard<std::mutex> mine(blocks.mutex);
    blocks.sizes[static_cast<const char*>(*memory)] = bytes;
    ++alive;
    ++counts().allocations;
    return cudaSuccess;
}

cudaError_t take(Blocks& blocks, std::atomic<int>& alive, void* memory) {
    if (memory == nullptr) return cudaSuccess;
    const std::lock_guard<std::mutex> mine(blocks.mutex);
    if (blocks.sizes.erase(static_cast<const char*>(memory)) == 0) {
        stand_in::complain("memory is freed that was not given");
        return answer(cudaErrorInvalidValue);
    }
    std::free(memory);
    --alive;
    return cudaSuccess;
}

void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    const void* there = kind == cudaMemcpyHostToDevice ? to : from;
    if (!card_memory.hold(there, bytes)) return stand_in::complain("a copy outlives its memory");
    std::memcpy(to, from, bytes);
}

}  // namespace

bool stand_in::on_card(const void* memory, std::size_t bytes) { return card_memory.hold(memory, bytes); }

extern "C" {

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
    return give("cudaMalloc", card_memory, counts().memory, memory, bytes);
}
cudaError_t cudaFree(void* memory) { return take(card_memory, counts().memory, memory); }

cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned int) {
    return give("cudaHostAlloc", pinned_memory, counts().pinned, memory, bytes);
}
cudaError_t cudaFreeHost(void* memory) { return take(pinned_memory, counts().pinned, memory); }

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    if (const cudaError_t code = enter("cudaMemcpy", cudaErrorInvalidValue); code != cudaSuccess) return code;
    if (!card_memory.hold(kind == cudaMemcpyHostToDevice ? to : from, bytes)) return answer(cudaErrorInvalidValue);
    std::memcpy(to, from, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    if (const cudaError_t code = enter("cudaMemcpyAsync", cudaErrorInvalidValue); code != cudaSuccess) return code;
    const bool up = kind == cudaMemcpyHostToDevice;
    if (!card_memory.hold(up ? to : from, bytes)) return answer(cudaErrorInvalidValue);
    const bool pinned = pinned_memory.hold(up ? from : to, bytes);
    if (!pinned) ++counts().pageable;  // allowed, but the host waits for it
    return stand_in::enqueue(stream, [=] {
        if (pinned && !pinned_memory.hold(up ? from : to, bytes)) return stand_in::complain("a copy outlives its memory");
        copy(to, from, bytes, kind);
    });
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
    if (const cudaError_t code = enter("cudaMemsetAsync", cudaErrorInvalidValue); code != cudaSuccess) return code;
    if (!card_memory.hold(memory, bytes)) return answer(cudaErrorInvalidValue);
    return stand_in::enqueue(stream, [=] { std::memset(memory, value, bytes); });
}

}  // extern "C"
