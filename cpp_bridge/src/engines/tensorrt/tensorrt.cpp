// TensorRT 10.3 to 11, on the first card, whichever is the caller's current one (CUDA_VISIBLE_DEVICES says which is first):
// a plan that `edgeseg compile` or Python has built and kept, checked before it is deserialised (plan.hpp). A request has a
// stream, an execution context and pinned memory of its own; the frame goes up and the mask comes down (mask.hpp), and both
// are one CUDA graph where the driver can capture it.
#include <NvInferRuntime.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "../runtime.hpp"
#include "edgeseg/error.hpp"
#include "mask.hpp"
#include "plan.hpp"

namespace edgeseg {
namespace {

static_assert(NV_TENSORRT_MAJOR >= 10, "this engine is written for TensorRT 10.3 or later");

constexpr std::size_t kSizes = 4;  // sizes of masks that a request keeps memory for
constexpr std::size_t kLongestReasons = 500;
constexpr int kLongestLogits = 16384;  // a side: the longest of a network's input

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::engine, message); }

// Keeps complaints: TensorRT answers with a null pointer, and says why here alone, the cause first and then what came of it.
class Logger : public nvinfer1::ILogger {
  public:
    void log(Severity severity, const char* message) noexcept override {
        if (severity > Severity::kERROR) return;
        try {
            const std::lock_guard<std::mutex> mine(mutex_);
            if (reasons_.size() < kLongestReasons) reasons_ += (reasons_.empty() ? "" : "; ") + std::string(message);
        } catch (...) {  // no memory for the message
        }
    }

    // Takes them: they are not the reasons of another failure later.
    std::string reasons() {
        const std::lock_guard<std::mutex> mine(mutex_);
        const std::string reasons = std::exchange(reasons_, "");
        return reasons.empty() ? "no reason given" : reasons;
    }

  private:
    std::mutex mutex_;
    std::string reasons_;
};

// One for all, as TensorRT takes the first of a process; never freed, for a segmenter in a program's global variable is
// freed after whatever was made later, and speaks while it is.
Logger& logger() {
    static Logger& only = *new Logger;
    return only;
}

// Of the library that was loaded, "10.3.0". Another major version has other tables of virtual functions.
std::string version() {
    const int number = getInferLibVersion();  // 100300 is 10.3.0; up to 9.x it was 9300
    if (number / 10000 != NV_TENSORRT_MAJOR) {
        fail("libedgeseg was built for TensorRT " + std::to_string(NV_TENSORRT_MAJOR) + ", and the library that is loaded " +
             "calls itself " + std::to_string(number) + "; build libedgeseg with its header");
    }
    return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}

// What TensorRT made, or nothing. A failure is a null pointer, or one that was moved from null to its base class: so the lean
// library, of 10.15 (0x238) as of 11.4 (0x228), answers createInferRuntime where there is no driver.
template <typename Object>
std::unique_ptr<Object> made(Object* answer) {
    constexpr std::uintptr_t page = 4096;
    return std::unique_ptr<Object>(reinterpret_cast<std::uintptr_t>(answer) < page ? nullptr : answer);
}

struct Loaded {
    std::unique_ptr<nvinfer1::IRuntime> runtime;
    std::unique_ptr<nvinfer1::ICudaEngine> engine;  // freed before its runtime
    std::string input, output;
};

class TensorRtRequest : public Request {
  public:
    // `contexts` is held while a context comes or goes: an engine makes one at a time.
    TensorRtRequest(const Loaded& loaded, std::mutex& contexts, int width, int height) : contexts_(contexts) {
        {
            const std::lock_guard<std::mutex> mine(contexts_);
            context_ = made(loaded.engine->createExecutionContext());
        }
        if (context_ == nullptr) fail("TensorRT gives no execution context: " + logger().reasons());
        nvinfer1::Dims shape{};
        shape.nbDims = 4;
        const std::array<int, 4> sides{1, height, width, 3};
        std::copy(sides.begin(), sides.end(), shape.d);
        if (!context_->setInputShape(loaded.input.c_str(), shape)) {
            fail("the plan does not take frames of " + std::to_string(width) + "x" + std::to_string(height) + ": " +
                 logger().reasons() + "; compile the bundle again");
        }
        const nvinfer1::Dims logits = context_->getTensorShape(loaded.output.c_str());
        const auto is_side = [](std::int64_t side) { return side >= 1 && side <= kLongestLogits; };
        if (logits.nbDims != 4 || logits.d[0] != 1 || !std::all_of(logits.d + 1, logits.d + 4, is_side)) {
            fail("the plan gives no logits (1, C, h, w); export and compile the bundle again");
        }
        classes_ = static_cast<int>(logits.d[1]);
        rows_ = static_cast<int>(logits.d[2]);
        columns_ = static_cast<int>(logits.d[3]);
        const std::size_t frame = 3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
        const std::size_t answer = sizeof(float) * static_cast<std::size_t>(classes_) * static_cast<std::size_t>(rows_) *
                                   static_cast<std::size_t>(columns_);
        frame_.emplace(frame);
        frame_on_card_.emplace(frame);
        logits_.emplace(answer);
        logits_on_card_.emplace(answer);
        if (!context_->setTensorAddress(loaded.input.c_str(), frame_on_card_->as<void>()) ||
            !context_->setTensorAddress(loaded.output.c_str(), logits_on_card_->as<void>())) {
            fail("TensorRT refuses the memory of frame and logits: " + logger().reasons());
        }
        to_logits_.emplace(stream_, [this] {
            enqueue_network();
            card::check(cudaMemcpyAsync(logits_->as<void>(), logits_on_card_->as<void>(), logits_->bytes(),
                                        cudaMemcpyDeviceToHost, stream_.get()),
                        "copy logits");
        });
    }

    ~TensorRtRequest() override {
        const card::FirstCard current(std::nothrow);
        masks_.clear();
        to_logits_.reset();
        const std::lock_guard<std::mutex> mine(contexts_);
        context_.reset();
    }

    std::uint8_t* input() override { return frame_->as<std::uint8_t>(); }

    Logits run() override {
        const card::FirstCard current;
        finish(*to_logits_);
        return {logits_->as<float>(), classes_, rows_, columns_};
    }

    bool mask(const Rect& rect, const Image& mask) override {
        const card::FirstCard current;
        auto found = std::find_if(masks_.begin(), masks_.end(), [&](const std::unique_ptr<OneSize>& each) {
            return each->mask.fits(mask.width, mask.height, rect);
        });
        if (found == masks_.end()) {
            if (masks_.size() == kSizes) masks_.erase(masks_.begin());
            masks_.push_back(std::make_unique<OneSize>(*this, mask.width, mask.height, rect));
            found = masks_.end() - 1;
        }
        finish((*found)->work);
        (*found)->mask.read(mask);
        return true;
    }

  private:
    struct OneSize {
        card::Mask mask;
        card::Repeated work;

        OneSize(TensorRtRequest& of, int width, int height, const Rect& rect)
            : mask(of.stream_, of.logits_on_card_->as<float>(), of.classes_, of.rows_, of.columns_, width, height, rect),
              work(of.stream_, [this, &of] {
                  of.enqueue_network();
                  mask.enqueue(of.stream_);
              }) {}
    };

    // Whatever happens, nothing is under way in memory that is written or freed next.
    void finish(card::Repeated& work) {
        stream_.enqueue([&] { work.launch(); });
        stream_.synchronise();
    }

    void enqueue_network() {
        card::check(cudaMemcpyAsync(frame_on_card_->as<void>(), frame_->as<void>(), frame_->bytes(),
                                    cudaMemcpyHostToDevice, stream_.get()),
                    "copy a frame");
        if (!context_->enqueueV3(stream_.get())) fail("TensorRT refuses to run the plan: " + logger().reasons());
    }

    std::mutex& contexts_;
    card::Stream stream_;
    std::unique_ptr<nvinfer1::IExecutionContext> context_;
    int classes_ = 0, rows_ = 0, columns_ = 0;
    std::optional<card::Pinned> frame_, logits_;
    std::optional<card::Memory> frame_on_card_, logits_on_card_;
    std::optional<card::Repeated> to_logits_;
    std::vector<std::unique_ptr<OneSize>> masks_;
};

class TensorRt : public Engine {
  public:
    explicit TensorRt(Loaded loaded) : loaded_(std::move(loaded)) {}
    ~TensorRt() override {
        const card::FirstCard current(std::nothrow);
        loaded_.engine.reset();
        loaded_.runtime.reset();
    }

    std::string name() const override { return "tensorrt"; }
    int threads() const override { return 1; }  // the card does the work

    std::unique_ptr<Request> request(int width, int height) override {
        const card::FirstCard current;
        return std::make_unique<TensorRtRequest>(loaded_, contexts_, width, height);
    }

  private:
    Loaded loaded_;
    std::mutex contexts_;
};

// Finds the names of frame and logits.
void find_tensors(Loaded& loaded, const std::string& path) {
    const nvinfer1::ICudaEngine& engine = *loaded.engine;
    int inputs = 0, outputs = 0;
    bool right = engine.getNbIOTensors() == 2;
    for (int i = 0; right && i < 2; ++i) {
        const char* name = engine.getIOTensorName(i);
        const bool input = engine.getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT;
        right = engine.getTensorDataType(name) == (input ? nvinfer1::DataType::kUINT8 : nvinfer1::DataType::kFLOAT);
        ++(input ? inputs : outputs);
        (input ? loaded.input : loaded.output) = name;
    }
    if (!right || inputs != 1 || outputs != 1) {
        fail("the plan of " + path + " is not one of a uint8 frame and float logits; export and compile the bundle again");
    }
}

}  // namespace

std::shared_ptr<Engine> open_tensorrt(const Model& model, int) {
    const card::FirstCard current;
    const std::string capability = card::capability();
    const std::vector<std::uint8_t> plan = read_plan(model.path, model.sha256, capability, version());
    Loaded loaded;
    loaded.runtime = made(nvinfer1::createInferRuntime(logger()));
    if (loaded.runtime == nullptr) fail("TensorRT does not start: " + logger().reasons());
    loaded.engine = made(loaded.runtime->deserializeCudaEngine(plan.data(), plan.size()));
    if (loaded.engine == nullptr) {
        fail("TensorRT refuses the plan of " + model.path + " on this card (compute capability " + capability +
             "): " + logger().reasons());
    }
    find_tensors(loaded, model.path);
    return std::make_shared<TensorRt>(std::move(loaded));
}

}  // namespace edgeseg
