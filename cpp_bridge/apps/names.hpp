// What a source's name means, and what of it may be shown.
#pragma once

#include <optional>
#include <string>

namespace app {

// A URL, pipeline or path without what may be secret in it, as edgeseg/redact.py hides it.
std::string redact(const std::string& text);

bool is_url(const std::string& text);

// Of the scheme and "://" that a URL begins with; 0 of what is none.
std::size_t scheme_length(const std::string& text);

// The number of the camera that a name means: "0", "/dev/video0", or a link to it.
std::optional<int> camera_number(const std::string& name);

// The name of a label's folder, as edgeseg/label_folder.py has it: what file systems refuse is written as %XX.
std::string folder_of_label(const std::string& label);

// Every character that could steer a terminal, written out.
std::string escaped(const std::string& text);

}  // namespace app
