// Files on their way to a name: `.STEM.TOKEN.KIND.EXTENSION` beside it, as edgeseg/temporary.py has them. Whoever writes one
// holds a lock on it, which ends with the process, however that ends.
#pragma once

#include <functional>
#include <string>

namespace app {

enum class Lock { taken, busy, unknown };  // of file systems that know no locks

// Locks an open file for this process.
Lock lock_file(int handle);

// Whether an open file still has this name.
bool is_at(int handle, const std::string& path);

// "." of a file in the working folder.
std::string folder_of(const std::string& path);

// The name that such a file for this target gets. Another call gives another one.
std::string temporary_name(const std::string& target, const std::string& kind);

// Every such file in a folder that can be opened, with the path that it was to get and a descriptor of it for this call.
using Visit = std::function<void(const std::string& path, const std::string& target, int handle)>;
void visit_temporaries(const std::string& folder, const std::string& kind, const Visit& visit);

// Whether a living process writes what is to get this name.
bool in_work(const std::string& target, const std::string& kind);

}  // namespace app
