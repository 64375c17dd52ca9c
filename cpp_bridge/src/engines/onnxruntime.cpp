// ONNX Runtime, on the CPU, with the settings of edgeseg/engines/onnxruntime.py. Its header is needed to compile, its
// library only to run: EDGESEG_ONNXRUNTIME names the file, else the system looks for libonnxruntime.so.1. So the one
// of the Python package serves too (onnxruntime/capi/), which comes without a header.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include "../bundle/spec_json.hpp"
#include "edgeseg/error.hpp"
#include "runtime.hpp"

namespace edgeseg {
namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::engine, message); }

std::string first_line(const std::exception& error) {
    const std::string text = error.what();
    return text.substr(0, std::min(text.find('\n'), std::size_t{300}));
}

// Loads the library; it stays for as long as the process lives. Returns its version.
std::string load_library() {
    // Newer versions write a device id into the user's cache and report to their maker; they ask this when loaded.
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);
    const char* named = std::getenv("EDGESEG_ONNXRUNTIME");
    const std::string file = named == nullptr || *named == '\0' ? "libonnxruntime.so.1" : named;
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* reason = dlerror();
        fail("ONNX Runtime cannot be loaded (" + std::string(reason == nullptr ? file : reason) +
             "); install it, or set EDGESEG_ONNXRUNTIME to the file libonnxruntime.so.*");
    }
    using GetBase = const OrtApiBase* (*)();
    const auto get_base = reinterpret_cast<GetBase>(dlsym(library, "OrtGetApiBase"));
    if (get_base == nullptr) fail(file + " is not ONNX Runtime; set EDGESEG_ONNXRUNTIME to libonnxruntime.so.*");
    const std::string version = get_base()->GetVersionString();
    const OrtApi* api = get_base()->GetApi(ORT_API_VERSION);
    if (api == nullptr) {
        fail(file + " is ONNX Runtime " + version + ", expected 1." + std::to_string(ORT_API_VERSION) +
             " or newer: that of the header that libedgeseg was built with");
    }
    Ort::InitApi(api);
    return version;
}

const std::string& library_version() {
    static const std::string version = load_library();
    return version;
}

// Workers can spin for a given time since 1.26; before, they spin for long or not at all.
bool limits_spinning(const std::string& version) {
    const std::size_t dot = version.find('.');
    const int major = std::atoi(version.c_str());
    return dot != std::string::npos && (major > 1 || (major == 1 && std::atoi(version.c_str() + dot + 1) >= 26));
}

Ort::SessionOptions settings(int threads, const std::string& version) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(threads);
    options.SetInterOpNumThreads(1);
    options.SetExecutionMode(ORT_SEQUENTIAL);
    options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
    options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);  // warnings are about graphs, which a user cannot change
    // Between frames workers must sleep: decoding and the kernels run beside the network on the same cores.
    if (limits_spinning(version)) {
        options.AddConfigEntry("session.intra_op.spin_duration_us", "50");
    } else {
        options.AddConfigEntry("session.intra_op.allow_spinning", "0");
    }
    options.AddConfigEntry("session.load_model_format", "ONNX");  // never its own format
    return options;
}

bool is_tensor(const Ort::TypeInfo& info, ONNXTensorElementDataType type) {
    if (info.GetONNXType() != ONNX_TYPE_TENSOR) return false;
    const auto tensor = info.GetTensorTypeAndShapeInfo();
    return tensor.GetElementType() == type && tensor.GetDimensionsCount() == 4;
}

class OnnxRuntimeRequest : public Request {
  public:
    OnnxRuntimeRequest(Ort::Session& session, const std::string& input, const std::string& output, int width,
                       int height)
        : session_(session), input_name_(input.c_str()), output_name_(output.c_str()),
          memory_(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {
        const std::int64_t shape[] = {1, height, width, 3};
        input_ = Ort::Value::CreateTensor<std::uint8_t>(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault),
                                                        memory_.data(), memory_.size(), shape, 4);
    }

    std::uint8_t* input() override { return memory_.data(); }

    Logits run() override {
        try {
            // The first run makes the output's memory, and the next ones write there.
            session_.Run(Ort::RunOptions{nullptr}, &input_name_, &input_, 1, &output_name_, &output_, 1);
            const auto shape = output_.GetTensorTypeAndShapeInfo().GetShape();
            if (shape.size() != 4 || shape[0] != 1) fail("ONNX Runtime gave no logits (1, C, h, w)");
            return {output_.GetTensorData<float>(), static_cast<int>(shape[1]), static_cast<int>(shape[2]),
                    static_cast<int>(shape[3])};
        } catch (const Ort::Exception& error) {
            fail("ONNX Runtime failed: " + first_line(error) + "; is the spec that of this model?");
        }
    }

  private:
    Ort::Session& session_;
    const char* input_name_;
    const char* output_name_;
    std::vector<std::uint8_t> memory_;
    Ort::Value input_{nullptr};
    Ort::Value output_{nullptr};
};

class OnnxRuntime : public Engine {
  public:
    OnnxRuntime(const Model& of, int threads)
        : threads_(threads), environment_(ORT_LOGGING_LEVEL_ERROR, "edgeseg"),
          session_(environment_, of.content.data(), of.content.size(), settings(threads, library_version())) {
        if (session_.GetInputCount() != 1 || session_.GetOutputCount() != 1 ||
            !is_tensor(session_.GetInputTypeInfo(0), ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8) ||
            !is_tensor(session_.GetOutputTypeInfo(0), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)) {
            fail(of.path + " is not a network of one uint8 (1, H, W, 3) and one float (1, C, h, w); export it with "
                           "`edgeseg export`");
        }
        Ort::AllocatorWithDefaultOptions allocator;
        input_ = session_.GetInputNameAllocated(0, allocator).get();
        output_ = session_.GetOutputNameAllocated(0, allocator).get();
        const auto carried = session_.GetModelMetadata().LookupCustomMetadataMapAllocated(kMetadataKey, allocator);
        if (carried != nullptr) check_carried(of.path, of.spec, carried.get());
    }

    std::string name() const override { return "onnxruntime"; }
    int threads() const override { return threads_; }

    std::unique_ptr<Request> request(int width, int height) override {
        return std::make_unique<OnnxRuntimeRequest>(session_, input_, output_, width, height);
    }

  private:
    int threads_;
    Ort::Env environment_;
    Ort::Session session_;
    std::string input_, output_;
};

}  // namespace

std::shared_ptr<Engine> open_onnxruntime(const Model& model, int threads) {
    library_version();
    try {
        return std::make_shared<OnnxRuntime>(model, threads);
    } catch (const Ort::Exception& error) {
        fail("ONNX Runtime refuses " + model.path + ": " + first_line(error) + "; export the bundle again");
    }
}

}  // namespace edgeseg
