// The address of a source on a network, and how user and password get into it, as edgeseg/video/url.py has it.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace app {

struct Address {
    std::string scheme;                   // with its "://", in small letters, as FFmpeg knows no others
    std::optional<std::string> userinfo;  // user and password as written, without the "@"
    std::string host;                     // with its port
    std::string rest;                     // path, query and fragment
};

// The pieces of a URL. Where what looks like a port is no number, it is a password with a slash in it.
Address take_apart(const std::string& url);

// Throws Refusal: the URL names no host, where one is to be asked, no port, where none is usual, or one that cannot be.
void check_address(const std::string& url);

using Credentials = std::pair<std::string, std::string>;  // user and password

// Those on the first line of a file; nothing of no file (""). Throws Refusal: others may read the file, it cannot be read,
// or holds something else than user:password.
std::optional<Credentials> read_credentials(const std::string& file);

// The URL with user and password, percent-encoded: its own; else those given, else those of EDGESEG_USER and
// EDGESEG_PASSWORD.
std::string with_credentials(const std::string& url, const std::optional<Credentials>& given);

// The path in a URL of a file on this machine (RFC 8089), percent-decoded; any other text as it is, and so what is there on
// disk under the very name. FFmpeg would open the URL too, and nothing would know that an output replaces it.
std::string local_path(const std::string& source);

// Whether a URL that names no port means the one that is usual for its scheme.
bool has_usual_port(const std::string& url);

// Whether its servers show a certificate.
bool is_encrypted(const std::string& url);

}  // namespace app
