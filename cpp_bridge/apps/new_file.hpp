// A file that appears whole or not at all: it is written under a name of its own beside its target, then renamed.
#pragma once

#include <cstdint>
#include <string>

namespace app {

// Renames a finished file; where the name is taken by now, or is `spare`, to a free one beside it. The name that it has.
// Throws Refusal.
std::string give_free_name(const std::string& path, const std::string& target, const std::string& spare);

class NewFile {
  public:
    // Makes `.STEM.TOKEN.KIND.EXTENSION`, locked. Throws Refusal: it cannot be written.
    explicit NewFile(std::string target, const char* kind = "tmp");
    // Takes it away unless it has its name.
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    const std::string& path() const { return path_; }
    const std::string& target() const { return target_; }

    // Throws away what comes after so many bytes, where the disk lets it.
    void cut(std::int64_t length);

    // Puts its content on the disk, then gives it its name; unless it may replace what has it by now, a free one beside
    // it, which is its `target` then. Throws Refusal; it may be `named` nevertheless.
    void finish(bool replace);
    bool named() const { return named_; }

    // Leaves it where it is when something failed.
    void keep() { kept_ = true; }

  private:
    std::string target_, path_;
    int handle_ = -1;
    bool named_ = false, kept_ = false;
};

}  // namespace app
