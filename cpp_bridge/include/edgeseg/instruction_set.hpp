// The instruction set that the kernels run on: picked when first used, the best that the processor has.
// Results are the same on every one, bit for bit; tests and benchmarks choose among them.
#pragma once

#include <string>
#include <vector>

#include "edgeseg/export.hpp"

namespace edgeseg {

// Names from the plainest to the best that this processor runs: "baseline", "avx2", "avx512".
// "baseline" is what the compiler assumes: SSE2 on x86-64, NEON on aarch64.
EDGESEG_API std::vector<std::string> instruction_sets();

// Name of the one in use.
EDGESEG_API std::string instruction_set();

// Uses another one, for the whole process. Throws std::invalid_argument for a name that is not in instruction_sets().
EDGESEG_API void set_instruction_set(const std::string& name);

}  // namespace edgeseg
