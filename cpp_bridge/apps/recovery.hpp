// Recordings that a process left when it was killed: found and finished by the next one that records beside them, as
// edgeseg/video/recovery.py does. Either finishes the other's.
#pragma once

#include <string>
#include <vector>

namespace app {

// The word in the names of unfinished recordings.
constexpr const char* kPart = "part";

// Gives every such recording in a folder its name, or NAME.recovered-1 where that is taken or is `spare`; one without a
// picture is removed. A sentence for each.
std::vector<std::string> finish_orphans(const std::string& folder, const std::string& spare);

}  // namespace app
