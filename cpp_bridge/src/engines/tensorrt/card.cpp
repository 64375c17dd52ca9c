#include "card.hpp"

#include <exception>
#include <utility>

#include "edgeseg/error.hpp"

namespace edgeseg::card {

void check(cudaError_t code, const char* what) {
    if (code == cudaSuccess) return;
    cudaGetLastError();  // it is told here, and must not be found by whoever asks next
    throw Error(ErrorKind::engine, std::string("the card cannot ") + what + ": " + cudaGetErrorString(code) +
                                       "; are driver and card there, is enough of its memory free?");
}

std::string capability() {
    int major = 0, minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "be asked for its kind");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "be asked for its kind");
    return std::to_string(major) + "." + std::to_string(minor);
}

cudaError_t FirstCard::use() noexcept {
    const cudaError_t code = cudaGetDevice(&previous_);
    if (code != cudaSuccess || previous_ == 0) return code;
    return cudaSetDevice(0);
}

FirstCard::FirstCard(const std::nothrow_t&) noexcept {
    if (use() != cudaSuccess) cudaGetLastError();
}

FirstCard::~FirstCard() {
    if (previous_ != 0 && cudaSetDevice(previous_) != cudaSuccess) cudaGetLastError();
}

// Non-blocking: the default stream, which other libraries may use, is not waited for.
Stream::Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "open a stream"); }
Stream::~Stream() { cudaStreamDestroy(stream_); }
void Stream::synchronise() const { check(cudaStreamSynchronize(stream_), "finish its work"); }
void Stream::drain() const noexcept {
    cudaStreamSynchronize(stream_);
    cudaGetLastError();
}

Memory::Memory(std::size_t bytes) : bytes_(bytes) { check(cudaMalloc(&data_, bytes), "give memory"); }
Memory::~Memory() { cudaFree(data_); }

Pinned::Pinned(std::size_t bytes) : bytes_(bytes) {
    check(cudaHostAlloc(&data_, bytes, cudaHostAllocDefault), "pin memory");
}
Pinned::~Pinned() { cudaFreeHost(data_); }

Repeated::Repeated(const Stream& stream, std::function<void()> enqueue) : stream_(stream), enqueue_(std::move(enqueue)) {}

Repeated::~Repeated() {
    if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
}

void Repeated::launch() {
    if (ran_ && graph_ == nullptr && without_graph_.empty()) capture();
    if (graph_ != nullptr) {
        check(cudaGraphLaunch(graph_, stream_.get()), "launch a graph");
    } else {
        enqueue_();
    }
    ran_ = true;
}

void Repeated::capture() {
    // What other threads do with the card meanwhile is no matter.
    cudaError_t code = cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal);
    if (code != cudaSuccess) {
        without_graph_ = cudaGetErrorString(code);
        cudaGetLastError();  // it is known now, and no failure of what runs next
        return;
    }
    try {
        enqueue_();
    } catch (const std::exception& error) {  // whatever is not allowed in a capture
        without_graph_ = error.what();
    }
    cudaGraph_t graph = nullptr;
    code = cudaStreamEndCapture(stream_.get(), &graph);  // one that is left open would block the stream for ever
    if (code == cudaSuccess && without_graph_.empty()) code = cudaGraphInstantiateWithFlags(&graph_, graph, 0);
    if (graph != nullptr) cudaGraphDestroy(graph);
    if (code != cudaSuccess && without_graph_.empty()) without_graph_ = cudaGetErrorString(code);
    if (!without_graph_.empty()) {
        graph_ = nullptr;
        cudaGetLastError();
    }
}

}  // namespace edgeseg::card
