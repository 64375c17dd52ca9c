#include "cache.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <system_error>

#include "../bundle/file.hpp"

namespace edgeseg::cache {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyBytes = 32, kSealDigits = 64;

std::string token() {
    unsigned char bytes[8];
    return RAND_bytes(bytes, sizeof bytes) == 1 ? hexadecimal(bytes, sizeof bytes) : "";
}

// The folder is this user's; the right to write in it is taken from others.
bool is_own(const fs::path& folder) {
    struct stat facts {};
    if (stat(folder.c_str(), &facts) != 0 || facts.st_uid != geteuid()) return false;
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) == 0) return true;
    return chmod(folder.c_str(), facts.st_mode & 07777u & ~static_cast<mode_t>(S_IWGRP | S_IWOTH)) == 0;
}

// A descriptor of a new file that is this user's alone, with all of `content` on the disk; false, and nothing is left.
bool write_new(const fs::path& path, const std::vector<std::string_view>& content) {
    const int handle = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (handle < 0) return false;
    flock(handle, LOCK_EX | LOCK_NB);  // Python takes what nobody has locked for a dead process's
    bool whole = true;
    for (std::string_view rest : content) {
        while (whole && !rest.empty()) {
            const ssize_t more = write(handle, rest.data(), rest.size());
            if (more > 0) rest.remove_prefix(static_cast<std::size_t>(more));
            whole = more > 0 || (more < 0 && errno == EINTR);
        }
    }
    whole = whole && (fsync(handle) == 0 || errno == EINVAL);  // of file systems that cannot
    if (!whole) unlink(path.c_str());
    close(handle);
    return whole;
}

// Nothing where it is none, or others can read it.
Content key_of(const fs::path& folder) {
    const fs::path file = folder / ".key";
    struct stat facts {};
    if (lstat(file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != geteuid() ||
        (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return {};
    }
    try {
        const Content key = read_file(file.string(), kKeyBytes);
        return key.size() == kKeyBytes ? key : Content();
    } catch (const std::system_error&) {
        return {};
    }
}

// Of several processes that make one, the first wins.
void make_key(const fs::path& folder) {
    unsigned char key[kKeyBytes];
    const std::string random = token();
    if (random.empty() || RAND_bytes(key, sizeof key) != 1) return;
    const fs::path temporary = folder / (".key." + random);
    if (!write_new(temporary, {{reinterpret_cast<const char*>(key), sizeof key}})) return;
    std::error_code taken;
    fs::create_hard_link(temporary, folder / ".key", taken);
    unlink(temporary.c_str());
}

// Empty without a key.
std::string seal_of(const fs::path& file, std::string_view content) {
    const Content key = key_of(file.parent_path());
    if (key.empty()) return "";
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> secret(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, nullptr, key.data(), key.size()), EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> sum(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const std::string name = file.filename().string() + '\0';
    unsigned char digest[EVP_MAX_MD_SIZE];
    std::size_t length = sizeof digest;
    const bool done = secret != nullptr && sum != nullptr &&
                      EVP_DigestSignInit(sum.get(), nullptr, EVP_sha256(), nullptr, secret.get()) == 1 &&
                      EVP_DigestSignUpdate(sum.get(), name.data(), name.size()) == 1 &&
                      EVP_DigestSignUpdate(sum.get(), content.data(), content.size()) == 1 &&
                      EVP_DigestSignFinal(sum.get(), digest, &length) == 1;
    return done ? hexadecimal(digest, length) : "";
}

}  // namespace

fs::path folder() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value == nullptr ? "" : value);
    };
    if (!variable("EDGESEG_CACHE").empty()) return fs::absolute(variable("EDGESEG_CACHE"));
    if (const fs::path shared = variable("XDG_CACHE_HOME"); shared.is_absolute()) return shared / "edgeseg";
    if (const fs::path home = variable("HOME"); home.is_absolute()) return home / ".cache/edgeseg";
    const passwd* account = getpwuid(getuid());
    if (account != nullptr && account->pw_dir != nullptr) return fs::path(account->pw_dir) / ".cache/edgeseg";
    return fs::temp_directory_path() / ("edgeseg-" + std::to_string(getuid()));
}

void keep(const std::string& name, std::string_view content) {
    const fs::path file = folder() / name, here = file.parent_path();
    std::error_code failure;
    fs::create_directories(here.parent_path(), failure);
    mkdir(here.c_str(), 0700);
    if (!is_own(here)) return;
    if (!fs::exists(fs::symlink_status(here / ".key", failure))) make_key(here);
    const std::string seal = seal_of(file, content), random = token();
    if (seal.empty() || random.empty()) return;
    const fs::path temporary =
        here / ("." + file.stem().string() + "." + random + ".tmp" + file.extension().string());
    if (!write_new(temporary, {seal, "\n", content})) return;
    if (rename(temporary.c_str(), file.c_str()) != 0) unlink(temporary.c_str());
}

Content recall(const std::string& name) {
    const fs::path file = folder() / name;
    Content content;
    try {
        content = read_file(file.string(), kLargest);
    } catch (const std::system_error&) {
        return {};
    }
    const std::string_view whole(reinterpret_cast<const char*>(content.data()), content.size());
    if (whole.size() > kSealDigits && whole[kSealDigits] == '\n' && is_own(file.parent_path()) &&
        is_sealed(file, whole.substr(kSealDigits + 1), std::string(whole.substr(0, kSealDigits)))) {
        content.erase(content.begin(), content.begin() + kSealDigits + 1);
        return content;
    }
    forget(name);
    return {};
}

void forget(const std::string& name) { unlink((folder() / name).c_str()); }

bool is_sealed(const fs::path& file, std::string_view content, const std::string& seal) {
    const std::string expected = seal_of(file, content);
    return !expected.empty() && seal.size() == expected.size() &&
           CRYPTO_memcmp(seal.data(), expected.data(), seal.size()) == 0;
}

}  // namespace edgeseg::cache
