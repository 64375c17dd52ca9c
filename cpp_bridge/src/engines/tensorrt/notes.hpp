// The notes beside a plan, as text that has a seal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace edgeseg {

// What edgeseg/engines/tensorrt/sidecar.py seals: the notes without their seal, as Python's json.dumps(sort_keys=True)
// writes them.
std::string canonical(const nlohmann::json& notes);

}  // namespace edgeseg
