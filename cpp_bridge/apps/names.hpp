// What a source's name means, and what of it may be shown.
#pragma once

#include <string>
#include <vector>

namespace app {

// A URL, pipeline or path without what may be secret in it, as edgeseg/redact.py hides it.
std::string redact(const std::string& text);

// A text without what may be secret in the words of the command line, wherever they stand in it.
std::string redact_arguments(std::string text, const std::vector<std::string>& words);

// Whether a scheme and "://" begin it, and it is no file's.
bool is_url(const std::string& text);

// Of the scheme and "://" that a URL begins with; 0 of what is none.
std::size_t scheme_length(const std::string& text);

std::string percent_decoded(const std::string& text);

// With ASCII's letters in lower case.
std::string lowered(std::string text);

// The name of a label's folder, as edgeseg/label_folder.py has it: what file systems refuse is written as %XX.
std::string folder_of_label(const std::string& label);

}  // namespace app
