#include "terminal.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>

#include "names.hpp"
#include "source.hpp"
#include "utf8.hpp"

namespace app {
namespace {

std::vector<std::string> arguments;

void write_line(const char* kind, const std::string& sentence) {
    std::fprintf(stderr, "%s: %s\n", kind, escaped(redact_arguments(sentence, arguments)).c_str());
}

// Controls, and what turns the direction of writing or has no width.
bool is_hidden(std::uint32_t number) {
    return number < 0x20 || (number >= 0x7F && number < 0xA0) || number == 0xAD || (number >= 0x200B && number < 0x2010) ||
           (number >= 0x2028 && number < 0x202F) || (number >= 0x2060 && number < 0x2070) || number == 0xFEFF ||
           number >= 0xE0000;
}

std::string code(const char* format, std::uint32_t number) {
    char text[16];
    std::snprintf(text, sizeof text, format, static_cast<unsigned>(number));
    return text;
}

}  // namespace

void prepare_handles() {
    for (const int handle : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(handle, F_GETFD) < 0) (void)!open("/dev/null", O_RDWR);
    }
    for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_IGN);  // what cannot be written is an error
}

void set_arguments(std::vector<std::string> words) { arguments = std::move(words); }

void complain(const std::string& sentence) { write_line("error", sentence); }
void warn(const std::string& sentence) { write_line("warning", sentence); }
void say(const std::string& sentence) { write_line("edgeseg", sentence); }

int print(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return 0;
    if (errno == EPIPE) return 128 + SIGPIPE;
    throw Refusal(std::string("cannot print on stdout: ") + std::strerror(errno) + "; check where it leads, and the disk");
}

std::string escaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        std::uint32_t number = 0;
        const std::size_t bytes = edgeseg::decode_utf8(text.c_str() + i, number);
        if (bytes == 0) {
            out += code("\\x%02x", static_cast<unsigned char>(text[i]));
        } else if (const char* name = std::strchr("\tt\nn\rr", text[i]); bytes == 1 && name != nullptr && number < 0x20) {
            out += {'\\', name[1]};
        } else if (is_hidden(number)) {
            out += code(number < 0x100 ? "\\x%02x" : number < 0x10000 ? "\\u%04x" : "\\U%08x", number);
        } else {
            out += text.substr(i, bytes);
        }
        i += bytes == 0 ? 1 : bytes;
    }
    return out;
}

}  // namespace app
