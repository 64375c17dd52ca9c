// A runtime with a loaded artifact. Another runtime is one more class like those in src/engines/.
//
//     class Mine : public edgeseg::Engine { ... };
//     edgeseg::Segmenter model(spec, std::make_shared<Mine>());
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edgeseg/export.hpp"
#include "edgeseg/image.hpp"

namespace edgeseg {

class Bundle;
struct Artifact;

// One inference at a time, in memory of its own.
class EDGESEG_API Request {
  public:
    virtual ~Request();

    // (1, height, width, 3) bytes, blue, green, red: the caller writes them before each run.
    virtual std::uint8_t* input() = 0;

    // The logits of what lies in `input`; they stay until the next run. Throws Error (engine).
    virtual Logits run() = 0;

    // The mask of what lies in `input`, bit for bit what `argmax` makes of `run`, where the engine has a kernel of its
    // own for it; false, and nothing is written, where it has none, as by default. Throws Error: engine, frame.
    virtual bool mask(const Rect& rect, const Image& mask);
};

class EDGESEG_API Engine {
  public:
    virtual ~Engine();

    virtual std::string name() const = 0;

    // Threads that one inference runs on.
    virtual int threads() const = 0;

    // For inputs of that size. Several threads may call this, and run their requests at once. Throws Error (engine).
    virtual std::unique_ptr<Request> request(int width, int height) = 0;
};

// Names of the runtimes that this library was built with.
EDGESEG_API std::vector<std::string> engines();

// What an engine reads: the `target` of its artifacts. Throws Error (engine) where the library lacks it.
EDGESEG_API std::string engine_target(const std::string& name);

// Loads an artifact into the runtime `name`, on `threads` threads, and runs it once. Throws Error: bundle, engine.
EDGESEG_API std::shared_ptr<Engine> open_engine(const std::string& name, const Bundle& bundle,
                                                const Artifact& artifact, int threads);

// Cores that this process may use: its affinity, and its control group's share, rounded up.
EDGESEG_API int available_cores();

// Threads, or frames at once, that may be asked for: as many as the machine has cores four times over, at least 64.
EDGESEG_API int most_threads();

}  // namespace edgeseg
