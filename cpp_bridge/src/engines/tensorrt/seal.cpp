#include "seal.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "../../bundle/file.hpp"

namespace edgeseg {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kKeyBytes = 32;

// The fewest digits that give the number again, with an exponent below 1e-4 and from 1e16 on: Python's repr.
std::string number_text(double value) {
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    const std::string text(buffer, end);  // -1.25e-07
    const std::size_t begin = text[0] == '-' ? 1 : 0, e = text.find('e');
    const int exponent = std::atoi(text.c_str() + e + 1);
    if (exponent < -4 || exponent >= 16) return text;
    std::string digits = text.substr(begin, e - begin);
    digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
    if (exponent < 0) {
        digits.insert(0, "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0'));
    } else {
        const auto whole = static_cast<std::size_t>(exponent) + 1;
        digits.resize(std::max(digits.size(), whole + 1), '0');
        digits.insert(whole, ".");
    }
    return text.substr(0, begin) + digits;
}

std::string text_of(const Json& value) {
    if (value.is_number_float()) return number_text(value.get<double>());
    if (!value.is_structured()) return value.dump(-1, ' ', true);  // letters beyond ASCII as \u00e4
    std::string inside;
    for (const auto& [name, each] : value.items()) {  // sorted by their names, as Python's are
        inside += (inside.empty() ? "" : ", ") + (value.is_object() ? Json(name).dump(-1, ' ', true) + ": " : "");
        inside += text_of(each);
    }
    return value.is_object() ? "{" + inside + "}" : "[" + inside + "]";
}

// Nothing where it is none, or others can read it.
std::vector<std::uint8_t> folder_key(const std::filesystem::path& file) {
    struct stat facts {};
    if (lstat(file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != geteuid() ||
        (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return {};
    }
    try {
        return read_file(file.string(), kKeyBytes);
    } catch (const std::system_error&) {
        return {};
    }
}

}  // namespace

std::string canonical(const Json& notes) {
    Json plain = notes;
    plain.erase("seal");
    return text_of(plain);
}

bool is_sealed(const std::string& file, const std::string& content, const std::string& seal) {
    const std::filesystem::path path(file);
    const std::vector<std::uint8_t> key = folder_key(path.parent_path() / ".key");
    if (key.size() != kKeyBytes) return false;
    const std::string message = path.filename().string() + '\0' + content;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest, &length) == nullptr) {
        return false;
    }
    static const char digits[] = "0123456789abcdef";
    std::string expected;
    for (unsigned int i = 0; i < length; ++i) {
        expected += digits[digest[i] >> 4];
        expected += digits[digest[i] & 15];
    }
    return seal.size() == expected.size() && CRYPTO_memcmp(seal.data(), expected.data(), seal.size()) == 0;
}

}  // namespace edgeseg
