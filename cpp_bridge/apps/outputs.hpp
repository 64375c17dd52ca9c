// What becomes of the results: a recording of the overlays, and masks. One that fails does not stop the other.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "new_file.hpp"
#include "pipeline.hpp"
#include "timing.hpp"
#include "video_writer.hpp"

namespace app {

// Overlays as video with the source's own time stamps, from 0. Where frames change their size, a new file goes on.
class Recording {
  public:
    // `say` is told at once what was finished of killed runs. Throws Refusal: the file cannot be written.
    Recording(std::string path, const Source& source, bool overwrite, const std::function<void(const std::string&)>& say);
    ~Recording();

    // Throws Refusal; what was recorded before stays.
    void write(const Picture& image, double seconds);
    void close();

    std::vector<std::string> paths, warnings;
    Histogram seconds;

  private:
    void open(Size size);
    void finish();
    void name();
    [[noreturn]] void salvage(const std::string& reason);

    std::string path_;
    double fps_;
    bool overwrite_;
    int number_ = 1;
    Size size_;
    std::unique_ptr<NewFile> file_;
    std::unique_ptr<VideoWriter> writer_;
    double begin_ = 0;
    std::int64_t written_ = 0;
};

// Class ids as grey PNG, 000042.png, in a folder of one run; of labels that may overlap 0 and 255, in a folder for each.
class Masks {
  public:
    // Throws Refusal: the folder cannot be made, or holds something and `overwrite` is not set.
    Masks(std::string folder, bool overwrite);
    ~Masks();

    // Labels that may overlap have masks below each other; of class ids there are none. Throws Refusal.
    void write(const Picture& mask, std::int64_t index, const std::vector<std::string>& labels);

    const std::string& folder() const { return folder_; }
    bool written() const { return written_; }
    std::vector<std::string> warnings() const;
    Histogram seconds;

  private:
    void write_one(const std::uint8_t* rows, Size size, std::ptrdiff_t stride, const std::string& name);
    std::string folder_for(const std::string& label);

    std::string folder_;
    std::map<std::string, std::string> folders_;  // of the labels
    std::vector<std::uint8_t> label_;  // a mask of 0 and 255
    bool is_new_ = false, written_ = false;
    std::set<std::string> earlier_;
};

}  // namespace app
