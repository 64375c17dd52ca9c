// The card's masks: src/engines/tensorrt/mask.cu compiled as C++, and cudaLaunchKernel, which runs its kernels' threads one
// after the other.
#include <cuda_runtime_api.h>

#include <map>
#include <tuple>
#include <utility>

#include "stand_in.hpp"

// Each thread of the host has a card's thread of its own.
static thread_local uint3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0};
static thread_local dim3 blockDim;
#undef __global__
#define __global__
#include "engines/tensorrt/mask.cu"

namespace {

using Binding = std::function<stand_in::Work(void** places)>;

// The call with the arguments that lie at `places`, which are copied as CUDA copies them.
template <typename... Parameters, std::size_t... Each>
Binding binding(void (*kernel)(Parameters...), std::index_sequence<Each...>) {
    return [kernel](void** places) -> stand_in::Work {
        return [kernel, arguments = std::tuple<Parameters...>(*static_cast<Parameters*>(places[Each])...)] {
            std::apply(kernel, arguments);
        };
    };
}

template <typename... Parameters>
std::pair<const void* const, Binding> entry(void (*kernel)(Parameters...)) {
    return {reinterpret_cast<const void*>(kernel), binding(kernel, std::index_sequence_for<Parameters...>())};
}

const std::map<const void*, Binding>& kernels() {
    static const std::map<const void*, Binding> all{entry(edgeseg_axis), entry(edgeseg_winners), entry(edgeseg_mask)};
    return all;
}

void run_grid(const stand_in::Work& thread, dim3 grid, dim3 block) {
    blockDim = block;
    for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y) {
        for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x) {
            for (threadIdx.y = 0; threadIdx.y < block.y; ++threadIdx.y) {
                for (threadIdx.x = 0; threadIdx.x < block.x; ++threadIdx.x) thread();
            }
        }
    }
}

}  // namespace

extern "C" cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** places, std::size_t,
                                        cudaStream_t stream) {
    if (const cudaError_t code = stand_in::enter("cudaLaunchKernel", cudaErrorLaunchOutOfResources); code != cudaSuccess) {
        return code;
    }
    const bool right = grid.x > 0 && grid.y > 0 && grid.z == 1 && block.x * block.y <= 1024 && block.z == 1;
    if (!right || kernels().count(kernel) == 0) return cudaErrorInvalidConfiguration;
    return stand_in::enqueue(stream, [thread = kernels().at(kernel)(places), grid, block] { run_grid(thread, grid, block); });
}
