#include "notes.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace edgeseg {
namespace {

using Json = nlohmann::json;

// The fewest digits that give the number again, with an exponent below 1e-4 and from 1e16 on: Python's repr.
std::string number_text(double value) {
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string text(buffer, end);  // -1.25e-07
    const std::size_t begin = text[0] == '-' ? 1 : 0, e = text.find('e');
    const int exponent = std::stoi(text.substr(e + 1));
    if (exponent < -4 || exponent >= 16) return text;
    std::string digits = text.substr(begin, e - begin);
    digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
    if (exponent < 0) {
        digits.insert(0, "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0'));
    } else {
        const auto whole = static_cast<std::size_t>(exponent) + 1;
        digits.resize(std::max(digits.size(), whole + 1), '0');
        digits.insert(whole, ".");
    }
    return text.substr(0, begin) + digits;
}

std::string text_of(const Json& value) {
    if (value.is_number_float()) return number_text(value.get<double>());
    if (!value.is_structured()) return value.dump(-1, ' ', true);  // letters beyond ASCII as \u00e4
    std::string inside;
    for (const auto& [name, each] : value.items()) {  // sorted by their names, as Python's are
        inside += (inside.empty() ? "" : ", ") + (value.is_object() ? Json(name).dump(-1, ' ', true) + ": " : "");
        inside += text_of(each);
    }
    return value.is_object() ? "{" + inside + "}" : "[" + inside + "]";
}

}  // namespace

std::string canonical(const Json& notes) {
    Json plain = notes;
    plain.erase("seal");
    return text_of(plain);
}

}  // namespace edgeseg
