// Names of outputs: what may stand in them, and what may have them, as edgeseg/video/names.py has it.
#pragma once

#include <ctime>
#include <string>

namespace app {

// `{time}` and `{time:FORMAT}` replaced by the time, as strftime writes it; {{ and }} are braces. Throws Refusal.
std::string expand_time(const std::string& path, std::tm now);

// Refuses outputs that would replace what is read. Either may be "". Throws Refusal.
void check_outputs(const std::string& source, const std::string& out, const std::string& masks);

// Refuses a target of another extension than those, in a folder that is not there or cannot be written, or one that is
// there already and not to be replaced. Throws Refusal.
void check_target(const std::string& path, const std::string& extensions, bool overwrite);

// Of a file's name, in small letters: ".mp4".
std::string extension_of(const std::string& path);

// "out.mp4", "out-2.mp4", "out-3.mp4".
std::string nth_name(const std::string& path, int number);

// The path itself where nothing has it and it is not `spare`, of the same folder, else "out.recovered-1.mp4", or the next.
std::string free_name(const std::string& path, const std::string& spare);

}  // namespace app
