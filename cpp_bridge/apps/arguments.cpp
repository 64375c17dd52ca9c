#include "arguments.hpp"

#include <algorithm>
#include <cstdlib>

#include "source.hpp"

namespace app {
namespace {

constexpr std::size_t kMostDigits = 18;
constexpr const char* kDigits = "0123456789";

// Letters that have to be put in, left out or exchanged to make one word of the other (Levenshtein).
std::size_t distance(const std::string& one, const std::string& other) {
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < one.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < other.size(); ++j) {
            const std::size_t above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (one[i] == other[j] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row.back();
}

}  // namespace

std::int64_t whole(const std::string& option, const std::string& text) {
    const std::string digits = text.substr(!text.empty() && text[0] == '+' ? 1 : 0);
    const bool plain =
        !digits.empty() && digits.size() <= kMostDigits && digits.find_first_not_of(kDigits) == std::string::npos;
    const std::int64_t value = plain ? std::strtoll(digits.c_str(), nullptr, 10) : 0;
    if (value < 1) throw Refusal(option + " is '" + text + "', expected a whole number of at least 1");
    return value;
}

double number(const std::string& option, const std::string& text, double low, double high, const char* expected) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    // strtod alone would also take " 1", "0x1p3" and "nan".
    const bool decimal = !text.empty() && *end == '\0' && text.find_first_not_of("0123456789+-.eE") == std::string::npos;
    if (!decimal || !(value >= low && value <= high)) {
        throw Refusal(option + " is '" + text + "', expected " + expected);
    }
    return value;
}

void check_choice(const std::string& option, const std::string& text, const std::vector<std::string>& names) {
    if (std::find(names.begin(), names.end(), text) != names.end()) return;
    std::string listed;
    for (const std::string& each : names) listed += (listed.empty() ? "" : ", ") + each;
    throw Refusal(option + " is '" + text + "', expected one of " + listed + suggestion(text, names));
}

bool is_option(const std::string& word) {
    return !word.empty() && word[0] == '-' && word.find_first_not_of("0123456789.eE", 1) != std::string::npos;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
    const auto nearest = std::min_element(names.begin(), names.end(), [&](const auto& one, const auto& other) {
        return distance(word, one) < distance(word, other);
    });
    const bool alike = nearest != names.end() && 3 * distance(word, *nearest) <= std::max(word.size(), std::size_t{3});
    return alike ? " (did you mean " + *nearest + "?)" : "";
}

}  // namespace app
