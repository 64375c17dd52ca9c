// TensorRT's runtime for one small network. A plan is 28 bytes, as a true one begins, and a line for each tensor:
//
//     input frame 5 1 40 60 3       its type, and sides of which -1 is open
//     output logits 0 1 3 20 30
//
// Logit c of a place is byte c % 3 of the pixel that lies there, and half as much more as c / 3 is.
#include <NvInferRuntime.h>

#include <cstring>
#include <map>
#include <sstream>
#include <thread>

#include "stand_in.hpp"

using namespace nvinfer1;
using stand_in::counts;

namespace {

constexpr std::size_t kHeader = 28;
constexpr std::int64_t kLongestOpenSide = 2048;  // what the plan's profile goes up to

struct Tensor {
    std::string name;
    bool input;
    DataType type;
    Dims shape;
};

std::int64_t count(const Dims& shape) {
    std::int64_t product = 1;
    for (int i = 0; i < shape.nbDims; ++i) product *= shape.d[i];
    return product;
}

// Calls that NVIDIA does not promise to be safe from two threads at once.
class Alone {
  public:
    explicit Alone(const char* what) {
        if (++inside_ > 1) stand_in::complain(std::string("two threads at once: ") + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ~Alone() { --inside_; }

  private:
    static inline std::atomic<int> inside_{0};
};

bool succeeds(ILogger* logger, const char* function) {
    if (stand_in::enter(function, cudaErrorUnknown) == cudaSuccess) return true;
    cudaGetLastError();  // what failed was TensorRT
    logger->log(ILogger::Severity::kERROR, (std::string(function) + " was told to fail").c_str());
    logger->log(ILogger::Severity::kWARNING, "not the reason");
    return false;
}

struct Runtime : IRuntime {
    ILogger* logger;
    std::atomic<int> engines{0};

    explicit Runtime(ILogger* for_all) : logger(for_all) { ++counts().runtimes; }
    ~Runtime() noexcept override {
        if (engines != 0) stand_in::complain("a runtime is freed before its engine");
        logger->log(ILogger::Severity::kVERBOSE, "a runtime is freed");
        --counts().runtimes;
    }
};

struct Engine : ICudaEngine {
    Runtime& runtime;
    ILogger* logger;
    const int card = stand_in::current_card();
    std::vector<Tensor> tensors;
    std::atomic<int> contexts{0};

    Engine(Runtime& of, std::vector<Tensor> all) : runtime(of), logger(of.logger), tensors(std::move(all)) {
        ++runtime.engines;
        ++counts().engines;
    }
    ~Engine() noexcept override {
        if (contexts != 0) stand_in::complain("an engine is freed before its contexts");
        logger->log(ILogger::Severity::kVERBOSE, "an engine is freed");
        --runtime.engines;
        --counts().engines;
    }
    const Tensor& tensor(bool input) const {
        for (const Tensor& each : tensors) {
            if (each.input == input) return each;
        }
        return tensors.front();
    }
};

struct Context : IExecutionContext {
    Engine& engine;
    Dims frame, logits;
    std::map<std::string, void*> places;
    bool ran = false;
    std::atomic<bool> busy{false};

    explicit Context(Engine& of) : engine(of), frame(of.tensor(true).shape), logits(of.tensor(false).shape) {
        ++engine.contexts;
        ++counts().contexts;
    }
    ~Context() noexcept override {
        const Alone alone("a context is freed");
        --engine.contexts;
        --counts().contexts;
    }

    void compute() const {
        const auto* from = static_cast<const std::uint8_t*>(places.at(engine.tensor(true).name));
        auto* to = static_cast<float*>(places.at(engine.tensor(false).name));
        const std::int64_t height = frame.d[1], width = frame.d[2], rows = logits.d[2], columns = logits.d[3];
        for (std::int64_t c = 0; c < logits.d[1]; ++c) {
            for (std::int64_t y = 0; y < rows; ++y) {
                for (std::int64_t x = 0; x < columns; ++x) {
                    const std::uint8_t* pixel = from + 3 * (y * height / rows * width + x * width / columns);
                    *to++ = static_cast<float>(pixel[c % 3]) + 0.5F * static_cast<float>(c / 3);
                }
            }
        }
    }
};

Engine& self(const ICudaEngine& engine) { return const_cast<Engine&>(static_cast<const Engine&>(engine)); }
Context& self(const IExecutionContext& context) { return const_cast<Context&>(static_cast<const Context&>(context)); }

const Tensor& named(const ICudaEngine& engine, const char* name) {
    for (const Tensor& each : self(engine).tensors) {
        if (each.name == name) return each;
    }
    stand_in::complain(std::string("no tensor has the name ") + name);
    return self(engine).tensors.front();
}

}  // namespace

extern "C" std::int32_t getInferLibVersion() noexcept { return stand_in::version(); }

extern "C" void* createInferRuntime_INTERNAL(void* logger, std::int32_t version) noexcept {
    auto* speaks = static_cast<ILogger*>(logger);
    if (version != stand_in::version() || !succeeds(speaks, "createInferRuntime")) {
        return reinterpret_cast<void*>(0x238);  // as TensorRT's lean library 10.15 does, and not a null pointer
    }
    return static_cast<IRuntime*>(new Runtime(speaks));
}

ICudaEngine* IRuntime::deserializeCudaEngine(void const* blob, std::size_t size) noexcept {
    auto& runtime = static_cast<Runtime&>(*this);
    if (!succeeds(runtime.logger, "deserializeCudaEngine")) return nullptr;
    std::istringstream lines(std::string(static_cast<const char*>(blob) + kHeader, size - kHeader));
    std::vector<Tensor> tensors;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string mode;
        int type = 0;
        Tensor tensor{};
        words >> mode >> tensor.name >> type;
        tensor.input = mode == "input";
        tensor.type = static_cast<DataType>(type);
        while (words >> tensor.shape.d[tensor.shape.nbDims]) ++tensor.shape.nbDims;
        tensors.push_back(tensor);
    }
    ++counts().deserialised;
    return new Engine(runtime, std::move(tensors));
}

std::int32_t ICudaEngine::getNbIOTensors() const noexcept { return static_cast<std::int32_t>(self(*this).tensors.size()); }
char const* ICudaEngine::getIOTensorName(std::int32_t index) const noexcept {
    return self(*this).tensors.at(static_cast<std::size_t>(index)).name.c_str();
}
DataType ICudaEngine::getTensorDataType(char const* tensorName) const noexcept { return named(*this, tensorName).type; }
TensorIOMode ICudaEngine::getTensorIOMode(char const* tensorName) const noexcept {
    return named(*this, tensorName).input ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
}

IExecutionContext* ICudaEngine::createExecutionContext(ExecutionContextAllocationStrategy) noexcept {
    const Alone alone("a context is made");
    if (!succeeds(self(*this).logger, "createExecutionContext")) return nullptr;
    return new Context(self(*this));
}

bool IExecutionContext::setInputShape(char const* tensorName, Dims const& dims) noexcept {
    Context& context = self(*this);
    if (!succeeds(context.engine.logger, "setInputShape")) return false;
    const Dims& of_plan = named(context.engine, tensorName).shape;
    if (dims.nbDims != of_plan.nbDims) return false;
    for (int i = 0; i < dims.nbDims; ++i) {
        if (of_plan.d[i] == -1 ? dims.d[i] > kLongestOpenSide : dims.d[i] != of_plan.d[i]) return false;
    }
    context.frame = dims;
    for (int i = 2; i < context.logits.nbDims; ++i) {
        if (context.engine.tensor(false).shape.d[i] == -1) context.logits.d[i] = dims.d[i - 1] / 2;
    }
    return true;
}

Dims IExecutionContext::getTensorShape(char const* tensorName) const noexcept {
    return named(self(*this).engine, tensorName).input ? self(*this).frame : self(*this).logits;
}

bool IExecutionContext::setTensorAddress(char const* tensorName, void* data) noexcept {
    Context& context = self(*this);
    if (!succeeds(context.engine.logger, "setTensorAddress")) return false;
    const Tensor& tensor = named(context.engine, tensorName);
    const std::int64_t bytes = tensor.input ? count(context.frame) : 4 * count(context.logits);
    if (reinterpret_cast<std::uintptr_t>(data) % 256 != 0) stand_in::complain("a tensor's memory is not aligned");
    if (!stand_in::on_card(data, static_cast<std::size_t>(bytes))) stand_in::complain("a tensor's memory is too small");
    context.places[tensor.name] = data;
    return true;
}

bool IExecutionContext::enqueueV3(cudaStream_t stream) noexcept {
    Context& context = self(*this);
    if (context.busy.exchange(true)) stand_in::complain("two threads at once: a context runs");
    ++counts().enqueues;
    const bool captures = stand_in::is_capturing(stream);
    bool done = succeeds(context.engine.logger, captures ? "enqueueV3 in a capture" : "enqueueV3");
    done = done && stand_in::current_card() == context.engine.card && context.places.size() == 2;
    done = done && (context.ran || !captures);  // the first time it allocates, which no capture may
    done = done && stand_in::enqueue(stream, [&context] { context.compute(); }) == cudaSuccess;
    context.ran = context.ran || done;
    context.busy = false;
    return done;
}
