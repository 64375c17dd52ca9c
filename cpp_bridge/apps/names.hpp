// What a source's name means, and what of it may be shown.
#pragma once

#include <optional>
#include <string>

namespace app {

// A URL, pipeline or path without what may be secret in it, as edgeseg/redact.py hides it.
std::string redact(const std::string& text);

bool is_url(const std::string& text);

// The number of the camera that a name means: "0", "/dev/video0", or a link to it.
std::optional<int> camera_number(const std::string& name);

// The URL with user and password (percent-encoded) of a file, or of EDGESEG_USER and EDGESEG_PASSWORD, where it holds
// none. Throws Refusal: others may read the file, or it holds something else than user:password.
std::string with_credentials(const std::string& url, const std::string& file);

// The name of a label's folder, as edgeseg/label_folder.py has it: what file systems refuse is written as %XX.
std::string folder_of_label(const std::string& label);

// Every character that could steer a terminal, written out.
std::string escaped(const std::string& text);

}  // namespace app
