// A file that appears whole or not at all: it is written under a name of its own beside its target, then renamed.
#pragma once

#include <string>

namespace app {

class NewFile {
  public:
    // Makes `.STEM.TOKEN.tmp.EXTENSION`, locked as edgeseg/temporary.py does. Throws Refusal: it cannot be written.
    explicit NewFile(std::string target);
    // Takes it away unless it has its name.
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    const std::string& path() const { return path_; }
    const std::string& target() const { return target_; }

    // Puts its content on the disk, then gives it its name. Throws Refusal.
    void finish();

    // Leaves it where it is when something failed.
    void keep() { named_ = true; }

  private:
    std::string target_, path_;
    int handle_ = -1;
    bool named_ = false;
};

// Refuses a target of another extension than those, in a folder that is not there or cannot be written, or one that is
// there already and not to be replaced. Throws Refusal.
void check_target(const std::string& path, const std::string& extensions, bool overwrite);

// "out.mp4", "out-2.mp4", "out-3.mp4".
std::string nth_name(const std::string& path, int number);

}  // namespace app
