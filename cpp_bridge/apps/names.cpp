#include "names.hpp"

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

#include "source.hpp"

namespace app {
namespace {

constexpr const char* kHidden = "***";
constexpr std::size_t kLongest = 4096;  // of what is searched by pattern

int hexadecimal(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

bool is_secret(const std::string& name) {
    static const std::regex secret(
        "([\\w-]*[-_])?((user|pass|pw|pin|key|token|secret|auth|login)[\\w-]*|stream(id)?|playpath)\\s*=", std::regex::icase);
    return std::regex_search(name, secret, std::regex_constants::match_continuous);
}

bool names_secret(const std::string& text) {
    static const std::regex secret("(user|pass|pw|pin|key|token|secret|auth|login)[\\w-]*\\s*=", std::regex::icase);
    return std::regex_search(text, secret);
}

bool holds_secret(const std::string& text) {
    return text.find("//") != std::string::npos || text.find(":/") != std::string::npos || names_secret(text);
}

bool is_header(const std::string& property) {
    static const std::regex header("authorization|bearer|cookie", std::regex::icase);
    return std::regex_search(property, header);
}

// Where a value ends that begins there. A quote or blank behind a backslash does not end it; a quote that is never closed goes
// on to the end.
std::string::const_iterator end_of_value(std::string::const_iterator at, std::string::const_iterator end) {
    const char quote = at != end && (*at == '"' || *at == '\'') ? *at++ : '\0';
    for (; at != end; ++at) {
        if (*at == '\\' && at + 1 != end) {
            ++at;
        } else if (quote != '\0' && *at == quote) {
            return at + 1;
        } else if (quote == '\0' && std::isspace(static_cast<unsigned char>(*at)) != 0) {
            return at;
        }
    }
    return end;
}

// URLs as elements of a pipeline, each without what may be secret.
std::string redact_bare(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && std::isspace(static_cast<unsigned char>(text[end])) == 0) ++end;
        const std::string word = text.substr(at, end - at);
        out += scheme_length(word) > 0 ? redact(word) : word;
        if (end < text.size()) out += text[end++];
        at = end;
    }
    return out;
}

std::string redact_pipeline(const std::string& text) {
    static const std::regex property("[\\w-]+\\s*=\\s*");
    std::string out;
    auto rest = text.cbegin();
    for (std::smatch found; std::regex_search(rest, text.cend(), found, property);) {
        const auto end = end_of_value(found[0].second, text.cend());
        const std::string name = found[0], value(found[0].second, end);
        const bool address = value.find("://") != std::string::npos || value.find('%') != std::string::npos;
        out.append(rest, found[0].first);
        out += name;
        // A quote or a backslash may have taken in what follows, and a password with it.
        const bool more = !address && (value.find(" ! ") != std::string::npos || names_secret(value));
        const bool secret = more || is_secret(name) || is_header(name + value);
        if (!value.empty()) out += secret ? kHidden : address ? redact(value) : value;
        rest = end;
    }
    return redact_bare(out.append(rest, text.cend()));
}

// The text, percent-decoded where that brings to light what takes an address apart.
std::string unwrapped(const std::string& text) {
    const std::string plain = percent_decoded(text), path = percent_decoded(text.substr(text.rfind('@') + 1));
    const auto holds = [](const std::string& where, const char* mark) { return where.find(mark) != std::string::npos; };
    const bool found = (holds(plain, "@") && !holds(text, "@")) || (holds(plain, "://") && !holds(text, "://")) ||
                       (holds(path, "?") && !holds(text, "?"));
    return found ? plain : text;
}

// A URL without its scheme: a host before the first slash, and a query behind it.
bool is_host_and_query(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos || slash == 0 || text[0] == '.') return false;
    return text.find_first_of(".:", 1) < slash && text.find('?', slash) != std::string::npos;
}

// What is no host and port, nor an IPv6 address: user and password, whose host was forgotten.
bool is_no_host(const std::string& host) {
    const std::size_t bracket = host[0] == '[' ? host.rfind(']') : std::string::npos;
    const std::size_t colon = host.find(':', bracket == std::string::npos ? 0 : bracket + 1);
    const bool address = bracket == std::string::npos && host.find_first_not_of("0123456789ABCDEFabcdef.:") == std::string::npos;
    return colon != std::string::npos && !address && host.find_first_not_of("0123456789", colon + 1) != std::string::npos;
}

bool is_alphanumeric(char each) { return std::isalnum(static_cast<unsigned char>(each)) != 0; }

bool is_uuid(const std::string& text, std::size_t at) {
    if (at + 36 > text.size() || (at + 36 < text.size() && is_alphanumeric(text[at + 36]))) return false;
    for (std::size_t i = 0; i < 36; ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[at + i] != '-' : hexadecimal(text[at + i]) < 0) return false;
    }
    return true;
}

// Where three or more groups of four letters and digits end that begin there, joined by hyphens; `at` if they do not.
std::size_t end_of_groups(const std::string& text, std::size_t at) {
    std::size_t end = at, whole = at;
    for (int groups = 1;; ++groups) {
        const std::size_t begin = end;
        while (end < text.size() && is_alphanumeric(text[end])) ++end;
        if (end - begin != 4) return whole;
        if (groups >= 3) whole = end;
        if (end == text.size() || text[end] != '-') return whole;
        ++end;
    }
}

// An address without what lets in whoever knows it, as the path of a stream: 16 letters and digits in a row, a UUID, or groups
// of four.
std::string without_keys(const std::string& rest) {
    std::size_t at = std::min(rest.find('/'), rest.size());
    std::string out = rest.substr(0, at);
    while (at < rest.size()) {
        std::size_t end = at, digits = 0;
        for (; end < rest.size() && is_alphanumeric(rest[end]); ++end) digits += rest[end] >= '0' && rest[end] <= '9';
        const std::size_t length = end - at;
        const std::size_t grouped = is_uuid(rest, at) ? at + 36 : end_of_groups(rest, at);
        const bool key = grouped > at || (length >= 16 && digits > 0 && digits < length);
        if (length == 0) ++end;
        end = std::max(end, grouped);
        out += key ? kHidden : rest.substr(at, end - at);
        at = end;
    }
    return out;
}

// Where the key of an RTMP URL begins, rtmp://HOST/APPLICATION/KEY; a quote or another protocol may stand before it.
std::size_t begin_of_stream_key(const std::string& url) {
    static const std::regex key("[^/]*rtmp[a-z]*(://|:/(?!/)|//)[^/]*/[^/]*/(?=[^])", std::regex::icase);
    std::smatch found;
    const bool is_rtmp = std::regex_search(url, found, key, std::regex_constants::match_continuous);
    return is_rtmp ? static_cast<std::size_t>(found.length()) : std::string::npos;
}

}  // namespace

std::string redact(const std::string& given) {
    if (given.size() > kLongest) return redact(given.substr(0, kLongest)) + "...";
    if (given.find(" ! ") != std::string::npos) return redact_pipeline(given);
    const std::string text = unwrapped(given);
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
        const std::size_t slash = before.find('/');
        const std::string first = slash == std::string::npos ? "" : before.substr(0, slash);
        const bool behind_host = !first.empty() && !is_no_host(first.substr(first.rfind('@') + 1));
        const bool in_pair = (path_before || text != given) && before.find_first_of("=;?#") != std::string::npos;
        if (behind_host || in_pair) return scheme + kHidden;
        scheme += std::string(kHidden) + "@";
        rest = rest.substr(place + 1);
    } else if (length == 0 && !holds_secret(text) && !is_host_and_query(text)) {
        return text;  // the name of a file
    }
    const std::size_t host = std::min(rest.find_first_of("/=;?#"), rest.size());
    if (length > 0 && is_no_host(rest.substr(0, host))) rest.replace(0, host, kHidden);
    const std::size_t pair = rest.find(':', std::min(rest.find('/'), rest.size()));  // user:password in the path
    const std::size_t tail = std::min(rest.find_first_of("=;?#"), pair);
    const std::string kept = tail == std::string::npos ? rest : rest.substr(0, tail + 1) + kHidden;
    const std::string shown = scheme + without_keys(kept);
    const std::size_t key = begin_of_stream_key(shown);
    return key == std::string::npos ? shown : shown.substr(0, key) + kHidden;
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

bool is_url(const std::string& text) { return scheme_length(text) > 0 && lowered(text.substr(0, 5)) != "file:"; }

std::string percent_decoded(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hexadecimal(text[i + 1]) : -1;
        const int low = high >= 0 ? hexadecimal(text[i + 2]) : -1;
        plain += low >= 0 ? static_cast<char>(16 * high + low) : text[i];
        if (low >= 0) i += 2;
    }
    return plain;
}

std::string lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
    return text;
}

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
