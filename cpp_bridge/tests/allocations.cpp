// After the first frame of a size the library allocates nothing: every malloc and every new of the process is counted.
#include <atomic>
#include <cstdlib>
#include <new>

#include "edgeseg.h"
#include "expect.hpp"

namespace {

std::atomic<long> allocations{0};

}  // namespace

#if defined(__has_feature)  // Clang's way to say it
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EDGESEG_SANITIZED
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(EDGESEG_SANITIZED)
constexpr bool kCountsMalloc = false;  // the sanitizers have a malloc of their own
#else
constexpr bool kCountsMalloc = true;
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* malloc(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(size);
}
#endif

[[gnu::noinline]] void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace test;

int main() {
    const long before_one = allocations;
    Bytes* one = new Bytes(1);
    const long of_one = allocations - before_one;  // before a message is allocated
    expect(of_one >= 2, "the counter counts");
    delete one;
    if (kCountsMalloc) {
        const long before_malloc = allocations;
        void* volatile memory = std::malloc(10);
        const long of_malloc = allocations - before_malloc;
        expect(of_malloc == 1, "the counter counts malloc");
        std::free(memory);
    }

    edgeseg::Segmenter model = sampled_segmenter();
    const int sizes[][2] = {{90, 20}, {20, 90}, {640, 480}, {60, 40}};
    const Bytes frame = noise(3 * 640 * 480, 1);
    Bytes mask(640 * 480);
    const auto round = [&] {
        for (const auto& [width, height] : sizes) {
            model.segment({frame.data(), width, height, 3, 3 * width}, {mask.data(), width, height, 1, width});
        }
    };
    round();
    const long before = allocations;
    for (int i = 0; i < 100; ++i) round();
    const long of_frames = allocations - before;
    expect(of_frames == 0, "segment allocates nothing, got " + std::to_string(of_frames));

    const edgeseg_frame broken{frame.data(), 60, 40, 1};
    const edgeseg_mask ids{mask.data(), 60, 40, 60};
    const long before_error = allocations;
    const edgeseg_status status = edgeseg_segment(nullptr, &broken, &ids);
    const long of_error = allocations - before_error;
    expect(status == EDGESEG_USAGE && of_error < 10, "an error costs its message");
    return result("nothing is allocated for a frame");
}
