// Streams, whose work waits until somebody synchronises, and graphs.
#include "stand_in.hpp"

using stand_in::answer;
using stand_in::counts;
using stand_in::enter;
using stand_in::Work;

struct CUstream_st {
    int card = 0;
    std::vector<Work> work;
    std::vector<Work> captured;
    bool capturing = false;
    cudaError_t state = cudaSuccess;  // of the capture
};
struct CUgraph_st {
    std::vector<Work> nodes;
};
struct CUgraphExec_st {
    std::vector<Work> nodes;
    int card = 0;
};

namespace {

thread_local CUstream_st* capture = nullptr;  // the one that this thread has begun

void run(std::vector<Work>& work) {
    for (const Work& each : work) each();
    work.clear();
}

}  // namespace

namespace stand_in {

cudaError_t enqueue(cudaStream_t stream, Work work) {
    if (stream == nullptr) {
        complain("work goes to the default stream");
        return answer(cudaErrorInvalidResourceHandle);
    }
    if (stream->card != current_card()) return answer(cudaErrorInvalidResourceHandle);
    if (stream->capturing && stream->state != cudaSuccess) return answer(stream->state);
    (stream->capturing ? stream->captured : stream->work).push_back(std::move(work));
    return cudaSuccess;
}

bool is_capturing(cudaStream_t stream) { return stream->capturing; }

bool breaks_capture() {
    if (capture == nullptr) return false;
    capture->state = cudaErrorStreamCaptureInvalidated;
    return true;
}

}  // namespace stand_in

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
    if (const cudaError_t code = enter("cudaStreamCreateWithFlags", cudaErrorUnknown); code != cudaSuccess) return code;
    *stream = new CUstream_st{};
    (*stream)->card = stand_in::current_card();
    ++counts().streams;
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    run(stream->work);
    if (stream->capturing) stand_in::complain("a stream is destroyed in a capture");
    delete stream;
    --counts().streams;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (stream->capturing) {
        stream->state = cudaErrorStreamCaptureInvalidated;
        return answer(cudaErrorStreamCaptureUnsupported);
    }
    run(stream->work);
    return enter("cudaStreamSynchronize", cudaErrorIllegalAddress);  // of work that was given long ago
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    if (const cudaError_t code = enter("cudaStreamBeginCapture", cudaErrorUnknown); code != cudaSuccess) return code;
    if (!stream->work.empty()) stand_in::complain("a capture begins while work waits");
    stream->capturing = true;
    stream->state = cudaSuccess;
    stream->captured.clear();
    capture = stream;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    stream->capturing = false;
    capture = nullptr;
    *graph = nullptr;
    if (stream->state != cudaSuccess) return answer(cudaErrorStreamCaptureInvalidated);
    if (const cudaError_t code = enter("cudaStreamEndCapture", cudaErrorUnknown); code != cudaSuccess) return code;
    *graph = new CUgraph_st{std::move(stream->captured)};
    ++counts().captures;
    ++counts().graphs;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    --counts().graphs;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
    const cudaError_t code = enter("cudaGraphInstantiateWithFlags", cudaErrorUnknown);
    if (code != cudaSuccess) return code;
    *made = new CUgraphExec_st{graph->nodes, stand_in::current_card()};
    ++counts().graphs;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    if (const cudaError_t code = enter("cudaGraphLaunch", cudaErrorUnknown); code != cudaSuccess) return code;
    if (graph->card != stand_in::current_card()) return answer(cudaErrorInvalidResourceHandle);
    ++counts().launches;
    return stand_in::enqueue(stream, [graph] {
        for (const Work& each : graph->nodes) each();
    });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    delete graph;
    --counts().graphs;
    return cudaSuccess;
}

}  // extern "C"
