// libFuzzer: any bytes as the name of a source or a label. A URL is its pieces; what hides passwords hides them; what is shown
// steers no terminal; a folder is one folder.
#include <cstdlib>
#include <optional>
#include <string>

#include "address.hpp"
#include "names.hpp"
#include "source.hpp"
#include "terminal.hpp"

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

// User and password of a name that begins like a URL are never shown.
void read_url(const std::string& text) {
    const app::Address pieces = app::take_apart(text);
    const std::string userinfo = pieces.userinfo ? *pieces.userinfo + "@" : "";
    must(pieces.scheme + userinfo + pieces.host + pieces.rest == text);
    const std::string shown = app::redact(text);
    if (!app::is_url(text) || !pieces.userinfo || text.find(" ! ") != std::string::npos) return;
    if (text.find("sesame") == std::string::npos) {
        must(app::redact(pieces.scheme + "user:sesame@" + pieces.host + pieces.rest).find("sesame") == std::string::npos);
    }
    if (pieces.userinfo->size() >= 4 && pieces.userinfo->find("***") == std::string::npos) {
        must(shown.find(pieces.scheme + *pieces.userinfo + "@") == std::string::npos);
    }
    const app::Address with = app::take_apart(app::with_credentials(text, std::nullopt));
    must(with.scheme == pieces.scheme && with.rest == pieces.rest && with.host == pieces.host);
}

void read_label(const std::string& text) {
    const std::string folder = app::folder_of_label(text);
    must(folder.find('/') == std::string::npos && folder != "." && folder != ".." && (text.empty() || !folder.empty()));
    unsigned char before = 0;
    for (const char each : app::escaped(text)) {
        const auto byte = static_cast<unsigned char>(each);
        must(byte >= 0x20 && byte != 0x7F && !(before == 0xC2 && byte >= 0x80 && byte < 0xA0));
        before = byte;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(reinterpret_cast<const char*>(data), size);
    if (const std::size_t end = text.find('\0'); end != std::string::npos) text.resize(end);  // no argument holds one
    read_url(text);
    read_label(text);
    app::is_encrypted(text);
    return 0;
}
