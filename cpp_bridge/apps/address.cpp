#include "address.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "names.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr std::size_t kLongest = 4096;  // of a line with user and password

std::string percent_encoded(const std::string& text) {
    static const char* const digits = "0123456789ABCDEF";
    std::string out;
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                           byte == '-' || byte == '.' || byte == '_' || byte == '~';
        if (plain) {
            out += each;
        } else {
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return out;
}

int hexadecimal(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

// Percent-encoded, whether it was so or not.
std::string encoded(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hexadecimal(text[i + 1]) : -1;
        const int low = high >= 0 ? hexadecimal(text[i + 2]) : -1;
        plain += low >= 0 ? static_cast<char>(16 * high + low) : text[i];
        if (low >= 0) i += 2;
    }
    return percent_encoded(plain);
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// User and password of a file's first line.
std::pair<std::string, std::string> credentials_of(const std::string& path) {
    struct stat facts {};
    std::ifstream file(path);
    if (stat(path.c_str(), &facts) != 0 || !file || !S_ISREG(facts.st_mode)) {
        throw Refusal("cannot read the credentials in " + path + "; check the path");
    }
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        throw Refusal("others than its owner may read the credentials in " + path + "; close it: chmod 600 " + path);
    }
    std::string line(kLongest, '\0');
    file.getline(line.data(), static_cast<std::streamsize>(line.size()));
    line.resize(std::char_traits<char>::length(line.c_str()));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0) {
        throw Refusal(path + " holds no credentials, expected user:password on its first line");
    }
    return {line.substr(0, colon), line.substr(colon + 1)};
}

}  // namespace

Address take_apart(const std::string& url) {
    const std::size_t length = scheme_length(url);
    const std::string rest = url.substr(length), authority = rest.substr(0, rest.find_first_of("/?#"));
    std::size_t place = authority.rfind('@');
    if (place == std::string::npos) {
        const std::size_t bracket = authority.rfind(']');
        const std::string behind = bracket == std::string::npos ? authority : authority.substr(bracket + 1);
        const std::size_t colon = behind.find(':');
        const std::string port = colon == std::string::npos ? "" : behind.substr(colon + 1);
        if (port.find_first_not_of("0123456789") != std::string::npos) place = rest.rfind('@');
    }
    Address found{url.substr(0, length), std::nullopt, "", ""};
    if (place != std::string::npos) found.userinfo = rest.substr(0, place);
    const std::string behind = place == std::string::npos ? rest : rest.substr(place + 1);
    found.host = behind.substr(0, behind.find_first_of("/?#"));
    found.rest = behind.substr(found.host.size());
    return found;
}

std::string with_credentials(const std::string& url, const std::string& file) {
    const Address pieces = take_apart(url);
    if (pieces.userinfo) {
        const std::size_t colon = pieces.userinfo->find(':');
        const std::string user = encoded(pieces.userinfo->substr(0, colon));
        const std::string password = colon == std::string::npos ? "" : ":" + encoded(pieces.userinfo->substr(colon + 1));
        return pieces.scheme + user + password + "@" + pieces.host + pieces.rest;
    }
    std::pair<std::string, std::string> found{variable("EDGESEG_USER"), variable("EDGESEG_PASSWORD")};
    if (!file.empty()) found = credentials_of(file);
    if (found.first.empty() && found.second.empty()) return url;
    return pieces.scheme + percent_encoded(found.first) + ":" + percent_encoded(found.second) + "@" + pieces.host +
           pieces.rest;
}

bool is_encrypted(const std::string& url) {
    std::string scheme = take_apart(url).scheme;
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char each) { return std::tolower(each); });
    return scheme == "https://" || scheme == "rtsps://" || scheme == "tls://" || scheme == "rtmps://";
}

}  // namespace app
