// Every error that the library throws on purpose, where no kernel is called directly.
//
//     try {
//         auto model = edgeseg::Segmenter::open(edgeseg::Bundle::open("road"));
//     } catch (const edgeseg::Error& error) {
//         std::fprintf(stderr, "%s\n", error.what());  // what was got, what was expected, what to do
//     }
#pragma once

#include <stdexcept>
#include <string>

#include "edgeseg/export.hpp"

namespace edgeseg {

enum class ErrorKind {
    usage,   // asks for something impossible
    bundle,  // missing, altered, unsafe or from the future
    spec,    // a spec that does not hold together
    engine,  // a runtime that is absent, refuses the artifact or failed
    frame,   // memory of the wrong shape, or logits that are no numbers
};

class EDGESEG_API Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

    ErrorKind kind() const noexcept { return kind_; }

  private:
    ErrorKind kind_;
};

}  // namespace edgeseg
