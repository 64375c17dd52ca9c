#include <cstring>

#include "edgeseg/bundle.hpp"
#include "edgeseg/engine.hpp"
#include "edgeseg/error.hpp"
#include "runtime.hpp"

namespace edgeseg {
namespace {

struct Runtime {
    const char* name;
    const char* target;
    std::shared_ptr<Engine> (*open)(const Model& model, int threads);
};

// One line a runtime; CMake says which of them are there.
const std::vector<Runtime>& runtimes() {
    static const std::vector<Runtime> found{
#ifdef EDGESEG_ONNXRUNTIME
        {"onnxruntime", "onnxruntime", open_onnxruntime},
#endif
#ifdef EDGESEG_OPENVINO
        {"openvino", "onnxruntime", open_openvino},
#endif
#ifdef EDGESEG_TENSORRT
        {"tensorrt", "tensorrt", open_tensorrt},
#endif
    };
    return found;
}

const Runtime& runtime(const std::string& name) {
    std::string known;
    for (const Runtime& each : runtimes()) {
        if (name == each.name) return each;
        known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
    throw Error(ErrorKind::engine, "this libedgeseg has no engine '" + name + "', only " +
                                       (known.empty() ? "those that a program brings" : known) +
                                       "; build it where CMake finds that runtime");
}

}  // namespace

Request::~Request() = default;
bool Request::mask(const Rect&, const Image&) { return false; }
Engine::~Engine() = default;

std::vector<std::string> engines() {
    std::vector<std::string> names;
    for (const Runtime& each : runtimes()) names.emplace_back(each.name);
    return names;
}

std::string engine_target(const std::string& name) { return runtime(name).target; }

std::shared_ptr<Engine> open_engine(const std::string& name, const Bundle& bundle, const Artifact& artifact,
                                    int threads) {
    if (threads < 1 || threads > most_threads()) {
        throw Error(ErrorKind::engine, "got " + std::to_string(threads) + " threads, expected 1 to " +
                                           std::to_string(most_threads()));
    }
    const Runtime& found = runtime(name);
    const Spec& spec = bundle.spec();
    const Model model{bundle.folder() + "/" + artifact.file, bundle.read(artifact), artifact.sha256, spec};
    std::shared_ptr<Engine> engine = found.open(model, threads);
    const std::unique_ptr<Request> request = engine->request(spec.width, spec.height);
    std::memset(request->input(), 0, 3 * static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height));
    check_logits(model.path, spec, request->run());
    return engine;
}

void check_logits(const std::string& path, const Spec& spec, const Logits& logits) {
    const Size size = spec.logits();
    const int classes = static_cast<int>(spec.classes.size());
    const bool channels = logits.classes == classes || (classes == 2 && spec.head.exclusive && logits.classes == 1);
    if (!channels || logits.width != size.width || logits.height != size.height) {
        throw Error(ErrorKind::engine,
                    path + " gives logits (1, " + std::to_string(logits.classes) + ", " + std::to_string(logits.height) +
                        ", " + std::to_string(logits.width) + "), its spec says (1, " + std::to_string(classes) + ", " +
                        std::to_string(size.height) + ", " + std::to_string(size.width) +
                        "); is it another model's? Export the bundle again");
    }
}

}  // namespace edgeseg
