#include <cstdio>
#include <filesystem>
#include <fstream>

#include "counted.hpp"
#include "names.hpp"
#include "outputs.hpp"
#include "png_file.hpp"

namespace app {

namespace fs = std::filesystem;

Masks::Masks(std::string folder, bool overwrite) : folder_(std::move(folder)) {
    std::error_code failure;
    is_new_ = !fs::exists(folder_, failure);
    fs::create_directories(folder_, failure);
    if (!failure) {
        for (const auto& each : fs::directory_iterator(folder_, failure)) {
            const std::string name = each.path().filename().string();
            if (name[0] != '.') earlier_.insert(name);
        }
    }
    if (failure) {
        throw Refusal("cannot make the folder " + folder_ + " for masks: " + failure.message() + "; choose another");
    }
    if (!earlier_.empty() && !overwrite) {
        throw Refusal("the folder " + folder_ + " for masks holds " +
                      counted(static_cast<std::int64_t>(earlier_.size()), "file") +
                      " already, and masks of two runs would mix; choose another folder, put the time into its name "
                      "({time:%H-%M-%S}), or add --overwrite");
    }
}

Masks::~Masks() {
    std::error_code failure;
    if (is_new_ && !written_) fs::remove(folder_, failure);
}

void Masks::write(const Picture& mask, std::int64_t index, const std::vector<std::string>& labels) {
    const double begin = now();
    char name[32];
    std::snprintf(name, sizeof name, "%06lld.png", static_cast<long long>(index));
    Size size = mask.size();
    if (labels.empty()) write_one(mask.row(0), size, mask.stride(), name);
    if (!labels.empty()) size.height /= static_cast<int>(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const std::size_t rows = mask.bytes() / labels.size();
        label_.assign(mask.row(0) + i * rows, mask.row(0) + (i + 1) * rows);
        for (std::uint8_t& each : label_) each = each != 0 ? 255 : 0;
        write_one(label_.data(), size, mask.stride(), folder_for(labels[i]) + "/" + name);
    }
    written_ = true;
    seconds.add(now() - begin);
}

void Masks::write_one(const std::uint8_t* rows, Size size, std::ptrdiff_t stride, const std::string& name) {
    const std::vector<std::uint8_t> encoded = encode_png(rows, size, stride);
    NewFile file((fs::path(folder_) / name).string());
    std::ofstream out(file.path(), std::ios::binary);
    out.write(reinterpret_cast<const char*>(encoded.data()), static_cast<std::streamsize>(encoded.size()));
    out.close();
    if (!out) throw Refusal("cannot write " + file.target() + ": the disk is full, or the folder is gone");
    file.finish(true);
    earlier_.erase(name);
}

// The label's folder in the folder of masks, which is made at its first mask.
std::string Masks::folder_for(const std::string& label) {
    if (const auto known = folders_.find(label); known != folders_.end()) return known->second;
    const std::string name = folder_of_label(label);
    std::error_code failure;
    fs::create_directory(fs::path(folder_) / name, failure);
    if (!failure) {
        for (const auto& each : fs::directory_iterator(fs::path(folder_) / name, failure)) {
            const std::string file = each.path().filename().string();
            if (file[0] != '.') earlier_.insert(name + "/" + file);
        }
    }
    if (failure) {
        throw Refusal("cannot make the folder " + (fs::path(folder_) / name).string() + " for masks: " +
                      failure.message() + "; choose another");
    }
    earlier_.erase(name);
    return folders_[label] = name;
}

std::vector<std::string> Masks::warnings() const {
    if (earlier_.empty() || !written_) return {};
    return {folder_ + " also holds " + counted(static_cast<std::int64_t>(earlier_.size()), "file") + " not of this run"};
}

}  // namespace app
