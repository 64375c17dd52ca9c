#include "file.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace edgeseg {
namespace {

[[noreturn]] void fail(int code) { throw Unreadable(code, std::generic_category().message(code)); }

class Handle {
  public:
    explicit Handle(const std::string& path) : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
        if (number_ < 0) fail(errno);
    }
    ~Handle() { ::close(number_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    int number() const { return number_; }

  private:
    int number_;
};

}  // namespace

std::vector<std::uint8_t> read_file(const std::string& path, std::uint64_t limit) {
    const Handle handle(path);
    struct stat facts {};
    if (::fstat(handle.number(), &facts) != 0) fail(errno);
    if (S_ISDIR(facts.st_mode)) fail(EISDIR);
    if (!S_ISREG(facts.st_mode)) throw Unreadable(EINVAL, "it is a device, pipe or socket, no file");
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (size > limit) {
        throw Unreadable(EFBIG, "it has " + std::to_string(size) + " bytes, expected at most " + std::to_string(limit));
    }
    std::vector<std::uint8_t> content(static_cast<std::size_t>(size));
    std::size_t read = 0;
    while (read < content.size()) {
        const ssize_t more = ::read(handle.number(), content.data() + read, content.size() - read);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) fail(errno);
        if (more == 0) break;  // it became shorter meanwhile; its hash will tell
        read += static_cast<std::size_t>(more);
    }
    content.resize(read);
    return content;
}

std::string hexadecimal(const unsigned char* bytes, std::size_t count) {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

std::string sha256_of(const std::vector<std::uint8_t>& content) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (EVP_Digest(content.data(), content.size(), digest, &length, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    }
    return hexadecimal(digest, length);
}

}  // namespace edgeseg
