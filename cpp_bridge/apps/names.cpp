#include "names.hpp"

#include <algorithm>
#include <regex>
#include <set>

#include "source.hpp"

namespace app {
namespace {

constexpr const char* kHidden = "***";
constexpr std::size_t kLongest = 4096;  // of what is searched by pattern

bool is_secret(const std::string& name) {
    static const std::regex secret("(user|pass|pw|pin|key|token|secret|auth|login)[\\w-]*\\s*=", std::regex::icase);
    return std::regex_search(name, secret, std::regex_constants::match_continuous);
}

bool holds_secret(const std::string& text) {
    static const std::regex secret("//|:/|(user|pass|pw|pin|key|token|secret|auth|login)[\\w-]*\\s*=", std::regex::icase);
    return std::regex_search(text, secret);
}

std::string redact_pipeline(const std::string& text) {
    static const std::regex property("([\\w-]+\\s*=\\s*)(\"[^\"]*\"|'[^']*'|\\S+)");
    std::string out;
    auto rest = text.cbegin();
    for (std::sregex_iterator each(text.begin(), text.end(), property), end; each != end; ++each) {
        const std::string name = (*each)[1], value = (*each)[2];
        out.append(rest, (*each)[0].first);
        out += name + (is_secret(name) ? kHidden : value.find("://") != std::string::npos ? redact(value) : value);
        rest = (*each)[0].second;
    }
    return out.append(rest, text.cend());
}

}  // namespace

std::string redact(const std::string& text) {
    if (text.size() > kLongest) return redact(text.substr(0, kLongest)) + "...";
    if (text.find(" ! ") != std::string::npos) return redact_pipeline(text);
    const std::size_t length = scheme_length(text);
    std::string scheme = text.substr(0, length), rest = text.substr(length);
    std::size_t place = rest.rfind('@');
    if (length > 0 && place != std::string::npos && rest.find(':') >= place && rest[0] != '/') {
        place = rest.substr(0, rest.find_first_of("/?#")).rfind('@');  // without a password no slash is one's own
    }
    const std::string before = place == std::string::npos ? "" : rest.substr(0, place);
    const bool path_before = before.find_first_of("/?#") != std::string::npos;
    if (place != std::string::npos) {
        // Where the "@" may as well be one of a password in the path, all is hidden.
        if (path_before && before.find_first_of("=;?#") != std::string::npos) return scheme + kHidden;
        scheme += std::string(kHidden) + "@";
        rest = rest.substr(place + 1);
    } else if (length == 0 && !holds_secret(text)) {
        return text;  // the name of a file
    }
    const std::size_t pair = rest.find(':', std::min(rest.find('/'), rest.size()));  // user:password in the path
    const std::size_t tail = std::min(rest.find_first_of("=;?#"), pair);
    return scheme + (tail == std::string::npos ? rest : rest.substr(0, tail + 1) + kHidden);
}

std::string redact_arguments(std::string text, const std::vector<std::string>& words) {
    std::set<std::string> parts;
    for (const std::string& word : words) {
        parts.insert(word);
        parts.insert(word.substr(std::min(word.find('='), word.size() - 1) + 1));
    }
    for (auto each = parts.rbegin(); each != parts.rend(); ++each) {  // a longer one before those that it begins with
        const std::string shown = redact(*each);
        if (shown == *each) continue;
        for (std::size_t at = 0; (at = text.find(*each, at)) != std::string::npos; at += shown.size()) {
            text.replace(at, each->size(), shown);
        }
    }
    return text;
}

std::size_t scheme_length(const std::string& text) {
    static const std::regex scheme("^[A-Za-z][A-Za-z0-9+.-]*://");
    std::smatch found;
    const std::string begin = text.substr(0, 64);
    return std::regex_search(begin, found, scheme) ? static_cast<std::size_t>(found.length()) : 0;
}

bool is_url(const std::string& text) { return scheme_length(text) > 0; }

std::string folder_of_label(const std::string& label) {
    std::string name;
    for (std::size_t i = 0; i < label.size(); ++i) {
        const char c = label[i];
        const bool edge = i == 0 || i + 1 == label.size();
        if (std::string("\\/:*?\"<>|%").find(c) != std::string::npos || (edge && (c == '.' || c == ' '))) {
            const char* digits = "0123456789ABCDEF";
            name += {'%', digits[c >> 4], digits[c & 15]};
        } else {
            name += c;
        }
    }
    return name;
}

}  // namespace app
