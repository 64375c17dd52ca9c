// libFuzzer: any bytes as a playlist, or as two, apart from each other by a NUL: the second is there under the name "b". It is
// refused in a sentence or taken; what is taken names no address, and has an end, as has "b" where it is named.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "playlist.hpp"
#include "source.hpp"

namespace {

// A folder of this process's own, in memory where there is room.
const std::string& folder() {
    static const std::string made = [] {
        std::string path = access("/dev/shm", W_OK) == 0 ? "/dev/shm/edgeseg-fuzz-XXXXXX" : "/tmp/edgeseg-fuzz-XXXXXX";
        if (mkdtemp(path.data()) == nullptr) std::abort();
        static std::string left;  // so much is left behind by a crash alone
        left = path;
        std::atexit([] {
            for (const char* name : {"/a", "/b"}) unlink((left + name).c_str());
            rmdir(left.c_str());
        });
        return path;
    }();
    return made;
}

void put(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.flush()) std::abort();
}

bool taken(const std::string& path) {
    try {
        app::check_playlist(path);
    } catch (const app::Refusal& refusal) {
        if (refusal.what()[0] == '\0') std::abort();
        return false;
    }
    return true;
}

// Whether a line begins with it; of a playlist not the first.
bool has(const std::string& text, const std::string& begin) {
    return text.find('\n' + begin) != std::string::npos || text.find('\r' + begin) != std::string::npos ||
           text.find('\0' + begin) != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string& place = folder();
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = text.find('\0');
    const std::string first = text.substr(0, cut), second = cut == std::string::npos ? "" : text.substr(cut + 1);
    put(place + "/a", first);
    put(place + "/b", second);
    if (!taken(place + "/a") || first.rfind("#EXTM3U", 0) != 0) return 0;
    const bool master = has(first, "#EXT-X-STREAM-INF:") || has(first, "#EXT-X-MEDIA:");
    if ((!master || has(first, "#EXTINF:")) && !has(first, "#EXT-X-ENDLIST")) std::abort();
    if (master && (has(first, "http:") || has(first, "a\n"))) std::abort();  // an address, or itself
    if (master && has(first, "b\n") && second.rfind("#EXTM3U", 0) == 0 && !has(second, "#EXT-X-ENDLIST")) std::abort();
    return 0;
}
