// After the first frame of a size the library allocates nothing.
#include "counted.hpp"
#include "edgeseg.h"
#include "expect.hpp"

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
