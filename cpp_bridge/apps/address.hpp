// The address of a source on a network, and how user and password get into it, as edgeseg/video/url.py has it.
#pragma once

#include <optional>
#include <string>

namespace app {

struct Address {
    std::string scheme;                   // with its "://"
    std::optional<std::string> userinfo;  // user and password as written, without the "@"
    std::string host;                     // with its port
    std::string rest;                     // path, query and fragment
};

// The pieces of a URL. Where what looks like a port is no number, it is a password with a slash in it.
Address take_apart(const std::string& url);

// The URL with user and password, percent-encoded: its own, or those of a file, or of EDGESEG_USER and EDGESEG_PASSWORD,
// where it holds none. Throws Refusal: others may read the file, or it holds something else than user:password.
std::string with_credentials(const std::string& url, const std::string& file);

// Whether its servers show a certificate.
bool is_encrypted(const std::string& url);

}  // namespace app
