// Specs as JSON: an object of bundle.json, and a text in the metadata of an ONNX file.
#pragma once

#include <string>

#include "edgeseg/spec.hpp"
#include "json.hpp"

namespace edgeseg {

// Where an ONNX file carries its spec.
constexpr const char* kMetadataKey = "edgeseg.spec";

// Throws Error (spec): a field is missing or of the wrong kind, or the spec does not hold together.
Spec spec_from(const Fields& fields);

// Refuses a spec that is not the one in the metadata of `file`. Throws Error (engine).
void check_carried(const std::string& file, const Spec& spec, const std::string& carried);

// Letters, digits, '.', '_' and '-': it cannot lead out of a folder, and every system can hold it.
bool is_plain_name(const std::string& name);

// A line of text that shows: no control or format characters, and not blank.
bool is_printable_line(const std::string& utf8);

}  // namespace edgeseg
