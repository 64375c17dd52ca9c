// What lies beside the program, or in lib/edgeseg where it is installed, and is loaded or started where it is needed alone.
#pragma once

#include <string>

namespace app {

// The path of a module or program; "" where it is not there.
std::string find_beside(const std::string& name);

}  // namespace app
