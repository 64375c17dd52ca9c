// What a word of the command line may be, whichever option it belongs to, as edgeseg/arguments.py has it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace app {

// A whole number of at least 1, of at most 18 digits. Throws Refusal.
std::int64_t whole(const std::string& option, const std::string& text);

// A decimal number from `low` to `high`. Throws Refusal, with what was `expected`.
double number(const std::string& option, const std::string& text, double low, double high, const char* expected);

// One of `names`. Throws Refusal, which lists them.
void check_choice(const std::string& option, const std::string& text, const std::vector<std::string>& names);

// Whether a word could only be the next option, and no value: "--json", but not "-1".
bool is_option(const std::string& word);

// " (did you mean --json?)", where one of the names is spelled like the word; else nothing.
std::string suggestion(const std::string& word, const std::vector<std::string>& names);

}  // namespace app
