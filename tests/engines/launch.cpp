// The CUDA kernels for a card that is not there: mask.cu compiled as C++, launched as cuLaunchKernel does, by name, grid
// and the addresses of the arguments. One thread after the other runs.
#include <cstring>
#include <utility>

struct Index {
    unsigned x, y;
};
static thread_local Index threadIdx{0, 0}, blockIdx{0, 0}, blockDim{1, 1};
#define __global__
#include "mask.cu"

namespace {

template <typename... Arguments, std::size_t... Places>
void call(void (*kernel)(Arguments...), void** arguments, std::index_sequence<Places...>) {
    kernel(*static_cast<Arguments*>(arguments[Places])...);
}

template <typename... Arguments>
int run(void (*kernel)(Arguments...), Index grid, void** arguments, int given) {
    if (given != sizeof...(Arguments)) return 1;
    for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y) {
        for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x) {
            for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y) {
                for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) {
                    call(kernel, arguments, std::index_sequence_for<Arguments...>{});
                }
            }
        }
    }
    return 0;
}

}  // namespace

// 0 if the kernel is known and takes so many arguments.
extern "C" int launch(const char* name, unsigned grid_x, unsigned grid_y, unsigned block_x, unsigned block_y,
                      void** arguments, int given) {
    blockDim = {block_x, block_y};
    const Index grid{grid_x, grid_y};
    if (std::strcmp(name, "edgeseg_axis") == 0) return run(edgeseg_axis, grid, arguments, given);
    if (std::strcmp(name, "edgeseg_winners") == 0) return run(edgeseg_winners, grid, arguments, given);
    if (std::strcmp(name, "edgeseg_mask") == 0) return run(edgeseg_mask, grid, arguments, given);
    return 1;
}
