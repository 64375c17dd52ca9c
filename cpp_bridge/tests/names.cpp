// What is shown of the names of sources, against the table that Python's redact is held to as well (tests/test_redact.py).
#include "names.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "expect.hpp"

int main(int, char** arguments) {
    std::ifstream file(arguments[1]);
    const nlohmann::json names = nlohmann::json::parse(file);
    test::expect(!names.empty(), "there are names");
    for (const auto& [number, each] : names.items()) {
        const std::string got = app::redact(each[0]), expected = each[1];
        test::expect(got == expected, "name " + number + ": got " + got + ", expected " + expected);
    }
    return test::result("every name is shown as in Python");
}
