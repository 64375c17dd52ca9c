#include "address.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <regex>

#include "names.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr std::size_t kLongest = 4096;  // bytes of a file with user and password
constexpr long kLastPort = 65535;
constexpr std::size_t kMostShown = 80;  // of an address in a sentence

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

// Percent-encoded, whether it was so or not.
std::string encoded(const std::string& text) { return percent_encoded(percent_decoded(text)); }

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// Without its name where that may be the secret itself.
[[noreturn]] void cannot_read(const std::string& path, const std::string& why) {
    std::error_code failure;
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    const bool named = std::filesystem::exists(std::filesystem::symlink_status(path, failure)) ||
                       (!parent.empty() && std::filesystem::is_directory(parent, failure));
    throw Refusal("cannot read the credentials" + (named ? " in " + path : "") + ": " + why +
                  "; give the path of a file that holds them");
}

// The content of a file that only its owner may read. A pipe is not waited for.
std::string private_text(const std::string& path) {
    const int handle = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat facts {};
    std::string text(kLongest + 1, '\0');
    const bool known = handle >= 0 && fstat(handle, &facts) == 0;
    const bool regular = known && S_ISREG(facts.st_mode);
    const ssize_t bytes = regular ? read(handle, text.data(), text.size()) : -1;
    const int error = errno;
    if (handle >= 0) close(handle);
    if (!known) cannot_read(path, std::strerror(error));
    if (!regular) cannot_read(path, S_ISDIR(facts.st_mode) ? std::strerror(EISDIR) : "it is a device, pipe or socket, no file");
    if (bytes < 0) cannot_read(path, std::strerror(error));
    text.resize(static_cast<std::size_t>(bytes));
    if (text.size() > kLongest) cannot_read(path, "it has more than " + std::to_string(kLongest) + " bytes");
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        throw Refusal("others than its owner may read the credentials in " + path + "; close it: chmod 600 " + path);
    }
    return text;
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
    Address found{lowered(url.substr(0, length)), std::nullopt, "", ""};
    if (place != std::string::npos) found.userinfo = rest.substr(0, place);
    const std::string behind = place == std::string::npos ? rest : rest.substr(place + 1);
    found.host = behind.substr(0, behind.find_first_of("/?#"));
    found.rest = behind.substr(found.host.size());
    return found;
}

void check_address(const std::string& url) {
    const Address address = take_apart(url);
    const std::string scheme = address.scheme, shown = redact(url).substr(0, kMostShown);
    const auto is_one_of = [&](std::initializer_list<const char*> schemes) {
        return std::find(schemes.begin(), schemes.end(), scheme) != schemes.end();
    };
    if (address.host.empty() && is_one_of({"rtsp://", "rtsps://", "http://", "https://", "rtmp://", "rtmps://"})) {
        throw Refusal(shown + " names no host; write " + address.scheme + "HOST/PATH");
    }
    const std::string& host = address.host;
    const std::size_t close = host.find(']');  // of an IPv6 address
    const std::size_t end = host[0] != '[' ? std::min(host.find_first_of(":[]"), host.size())
                            : close == std::string::npos || close == 1 ? 0 : close + 1;
    const std::size_t digit = std::min(host.find_first_not_of('0', end + 1), host.size());
    if ((end == 0 && host[0] == '[') || (end < host.size() && host[end] != ':') ||
        host.find_first_not_of("0123456789", end + 1) != std::string::npos) {
        throw Refusal(shown + " has no host and port that can be read; write HOST:PORT, and an IPv6 address in brackets, "
                              "[::1]:554");
    }
    const std::string port = host.substr(digit);
    const bool missing = port.empty() && (end < host.size() || !has_usual_port(url));
    if (missing && address.rest.find("port=") == std::string::npos) {  // FFmpeg's localport and localrtpport
        throw Refusal(shown + " names no port; write " + address.scheme + "HOST:PORT");
    }
    if (port.size() > 5 || std::atol(port.c_str()) > kLastPort) {
        throw Refusal(shown + " has a port above " + std::to_string(kLastPort) + ", which is the last; check the address");
    }
}

std::optional<Credentials> read_credentials(const std::string& file) {
    if (file.empty()) return std::nullopt;
    const std::string text = private_text(file);
    std::string line = text.substr(0, text.find('\n'));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0) {
        throw Refusal(file + " holds no credentials, expected user:password on its first line");
    }
    return Credentials{line.substr(0, colon), line.substr(colon + 1)};
}

std::string with_credentials(const std::string& url, const std::optional<Credentials>& given) {
    const Address pieces = take_apart(url);
    if (pieces.userinfo) {
        const std::size_t colon = pieces.userinfo->find(':');
        const std::string user = encoded(pieces.userinfo->substr(0, colon));
        const std::string password = colon == std::string::npos ? "" : ":" + encoded(pieces.userinfo->substr(colon + 1));
        return pieces.scheme + user + password + "@" + pieces.host + pieces.rest;
    }
    const Credentials found = given.value_or(Credentials{variable("EDGESEG_USER"), variable("EDGESEG_PASSWORD")});
    if (found.first.empty() && found.second.empty()) return pieces.scheme + pieces.host + pieces.rest;
    return pieces.scheme + percent_encoded(found.first) + ":" + percent_encoded(found.second) + "@" + pieces.host +
           pieces.rest;
}

std::string local_path(const std::string& source) {
    const std::string lower = lowered(source);
    std::size_t begin = 0;  // of the path, at its slash
    if (lower.rfind("file:///", 0) == 0) {
        begin = std::min(source.find_first_not_of('/', 7), source.size()) - 1;
    } else if (lower.rfind("file://localhost/", 0) == 0) {
        begin = 16;
    } else if (lower.rfind("file:/", 0) == 0 && lower.compare(0, 7, "file://") != 0) {
        begin = 5;
    }
    std::error_code failure;
    const bool there = std::filesystem::exists(std::filesystem::symlink_status(source, failure));
    if (begin == 0 || there || source.find("%00") != std::string::npos) return source;
    const std::size_t name = source.rfind('/') + 1;
    static const std::regex numbered("%(0\\d+d|d(?![0-9A-Fa-f]))");  // stands for the numbers of pictures, not for a byte
    const std::string last = source.substr(name);
    return percent_decoded(source.substr(begin, name - begin)) + (std::regex_search(last, numbered) ? last : percent_decoded(last));
}

bool has_usual_port(const std::string& url) {
    const std::string scheme = take_apart(url).scheme;
    const char* without[] = {"udp://", "udplite://", "rtp://", "tcp://", "tls://"};
    return std::find(std::begin(without), std::end(without), scheme) == std::end(without);
}

bool is_encrypted(const std::string& url) {
    const std::string scheme = take_apart(url).scheme;
    return scheme == "https://" || scheme == "rtsps://" || scheme == "tls://" || scheme == "rtmps://";
}

}  // namespace app
