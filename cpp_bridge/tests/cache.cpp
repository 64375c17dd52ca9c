// Keeps or recalls a file of the cache folder: cache keep NAME < CONTENT, cache recall NAME. Exit code 1: there is nothing
// that verifies. tests/cpp/test_cache.py compares with Python's.
#include "engines/cache.hpp"

#include <cstdio>
#include <iterator>
#include <iostream>
#include <string>

int main(int count, char** arguments) {
    if (count != 3) return 64;
    const std::string verb = arguments[1], name = arguments[2];
    if (verb == "keep") {
        const std::string content((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
        edgeseg::cache::keep(name, content);
        return 0;
    }
    const edgeseg::cache::Content content = edgeseg::cache::recall(name);
    std::fwrite(content.data(), 1, content.size(), stdout);
    return content.empty() ? 1 : 0;
}
