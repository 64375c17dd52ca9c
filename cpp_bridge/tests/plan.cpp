// Reads a plan as the engine tensorrt does: plan ARTIFACT SHA256 CAPABILITY VERSION. Prints its size, or why it is refused
// (exit code 2). tests/cpp/test_plan.py writes plans with Python.
#include <cstdio>

#include "edgeseg/error.hpp"
#include "engines/tensorrt/plan.hpp"

int main(int count, char** arguments) {
    if (count != 5) return 64;
    try {
        const auto plan = edgeseg::read_plan(arguments[1], arguments[2], arguments[3], arguments[4]);
        std::printf("%zu\n", plan.size());
        return 0;
    } catch (const edgeseg::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return error.kind() == edgeseg::ErrorKind::engine ? 2 : 1;
    }
}
