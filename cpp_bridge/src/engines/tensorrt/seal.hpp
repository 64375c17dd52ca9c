// The seal of a file that Python keeps in the user's cache folder: HMAC-SHA256 of its name and content, with the key that
// lies there. edgeseg/cache.py gives it; what was copied from elsewhere, or edited, has none that fits.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace edgeseg {

// What edgeseg/engines/tensorrt/sidecar.py seals: the notes without their seal, as Python's json.dumps(sort_keys=True)
// writes them.
std::string canonical(const nlohmann::json& notes);

// Whether this seal was given for this content of the file, with the folder's key, which is to be a file of 32 bytes that
// only this user can read.
bool is_sealed(const std::string& file, const std::string& content, const std::string& seal);

}  // namespace edgeseg
