// Stands in for the card, for CUDA's runtime (cuda.cpp, kernels.cpp) and for TensorRT's (runtime.cpp), so that the engine
// tensorrt runs from end to end without them: it shows that the engine's own steps are right, not that NVIDIA's are. Memory
// of the card is the host's, work waits in its stream until somebody synchronises, a plan names a small network, and
// every call can be told to fail. What NVIDIA's documentation forbids is a complaint here.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace stand_in {

// What the engine has asked for and not given back, and what it did since the last `reset`.
struct Counts {
    std::atomic<int> memory{0}, pinned{0}, streams{0}, graphs{0};  // alive
    std::atomic<int> runtimes{0}, engines{0}, contexts{0};         // alive
    std::atomic<int> allocations{0}, enqueues{0}, captures{0}, launches{0}, pageable{0}, deserialised{0};

    bool none_alive() const {
        return memory + pinned + streams + graphs + runtimes + engines + contexts == 0;
    }
};
Counts& counts();

// Cards of the machine, 1 by default, of compute capability 8.7.
void set_cards(int count);

// What TensorRT calls itself: 10.7.0 by default.
void set_version(int version);
int version();

// The call of that number from now on fails, counted over all that can; 0: none does.
void fail_call(int number);
bool call_failed();  // whether it was reached

// Every call of that function fails.
void refuse(const std::string& function);

// Nothing fails any more, and what was done is forgotten, not what is alive.
void reset();

void complain(const std::string& complaint);
std::vector<std::string> complaints();

// For the other half of this stand-in.
using Work = std::function<void()>;
cudaError_t enter(const char* function, cudaError_t failure);  // success, or what it was told to answer
cudaError_t answer(cudaError_t code);                          // which cudaGetLastError finds
int current_card();
bool breaks_capture();  // of this thread, if it has one: for what no capture may hold
cudaError_t enqueue(cudaStream_t stream, Work work);
bool is_capturing(cudaStream_t stream);
bool on_card(const void* memory, std::size_t bytes);

}  // namespace stand_in
