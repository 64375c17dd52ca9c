// The network of a run, and the proof that this machine computes it right.
#pragma once

#include <functional>
#include <string>

#include "edgeseg/segmenter.hpp"
#include "options.hpp"

namespace app {

// Opens the bundle of the options, a path or the name of one that was installed beside this program. What no option
// asked for is first asked for the bundle's golden frames; where its masks are others here, or the engine refuses it or fails,
// fp32 is taken, and `say` is told. Throws Refusal and edgeseg::Error.
edgeseg::Segmenter open_model(const Options& options, int threads, const std::function<void(const std::string&)>& say);

}  // namespace app
