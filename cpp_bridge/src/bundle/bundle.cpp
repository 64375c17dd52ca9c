#include "edgeseg/bundle.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "edgeseg/error.hpp"
#include "file.hpp"
#include "measured.hpp"
#include "onnx_wire.hpp"
#include "png.hpp"
#include "spec_json.hpp"

namespace edgeseg {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndex = "bundle.json";
constexpr const char* kSignature = "signature.json";
constexpr const char* kFloat = "fp32";
constexpr std::size_t kMostGolden = 8;
constexpr std::uint64_t kLargestGolden = 1000000;  // bytes of all golden files together

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::bundle, message); }

std::string plain(const std::string& name, const std::string& what) {
    if (!is_plain_name(name)) {
        fail(what + " is " + in_quotes(name) + ", expected a plain name of letters, digits, '.', '_' and '-': a bundle's "
                                            "files lie in its own folder");
    }
    return name;
}

File file_from(const Fields& fields, const char* what, std::uint64_t largest) {
    File file{plain(fields.text("file"), std::string(what) + "'s file"), fields.text("sha256"), 0};
    const bool digits = std::all_of(file.sha256.begin(), file.sha256.end(),
                                    [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (file.sha256.size() != 64 || !digits) {
        fail(std::string(what) + " " + file.name + " has sha256 " + in_quotes(file.sha256) +
             ", expected 64 hexadecimal digits");
    }
    const std::int64_t bytes = fields.integer("bytes");
    if (bytes < 1 || static_cast<std::uint64_t>(bytes) > largest) {
        fail(std::string(what) + " " + file.name + " has " + std::to_string(bytes) + " bytes, expected 1 to " +
             std::to_string(largest));
    }
    file.bytes = static_cast<std::uint64_t>(bytes);
    return file;
}

Artifact artifact_from(const Fields& fields) {
    const File file = file_from(fields, "artifact", kLargestModel);
    Artifact artifact{file.name, plain(fields.text("target"), "artifact's target"),
                      plain(fields.text("precision"), "artifact's precision"), file.sha256, file.bytes, {}, {}, {}, {}, {}, {},
                      {}, {}, {}};
    read_measured(fields.object("measured").json(), artifact);
    return artifact;
}

std::vector<GoldenFrame> golden_from(const Fields& fields) {
    if (!is_printable_line(fields.text("source"))) {
        fail("the golden frames' source is " + in_quotes(fields.text("source")) + ", expected a line of printable text");
    }
    std::vector<GoldenFrame> frames;
    std::uint64_t bytes = 0;
    for (const Fields& each : fields.objects("frames")) {
        frames.push_back({file_from(each.object("input"), "golden frame", kLargestGolden),
                          file_from(each.object("mask"), "golden frame", kLargestGolden)});
        bytes += frames.back().input.bytes + frames.back().mask.bytes;
    }
    if (frames.empty() || frames.size() > kMostGolden || bytes > kLargestGolden) {
        fail("got " + std::to_string(frames.size()) + " golden frames of " + std::to_string(bytes) +
             " bytes, expected 1 to 8 of at most 1000000 bytes together");
    }
    return frames;
}

void check_once(const std::string& folder, const std::vector<std::string>& names) {
    std::set<std::string> seen;
    for (const std::string& name : names) {
        std::string folded = name;  // a.onnx is A.onnx on many systems
        std::transform(folded.begin(), folded.end(), folded.begin(),
                       [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
        if (seen.insert(folded).second) continue;
        fail("bundle " + folder + " repeats itself in " + name + "; each may be there once");
    }
}

// What makes an artifact that is missing; nothing where no command does.
std::string making(const std::string& folder, const std::string& target, const std::string& precision) {
    if (precision.empty() || precision == kFloat) return ", or export it: `edgeseg export`";
    if (precision == (target == "tensorrt" ? "int8-7bit" : "fp16")) return "";
    return ", or make it with `edgeseg quantize " + folder + " --data DATA" + (precision == "int8-7bit" ? " --seven-bits`" : "`");
}

}  // namespace

Bundle Bundle::open(const std::string& folder) {
    if (folder.empty()) fail("the bundle's folder is \"\", expected a path; is a variable not set?");
    Bundle bundle;
    bundle.folder_ = folder;
    const std::string index = folder + "/" + kIndex;
    try {
        const std::vector<std::uint8_t> content = read_file(index, kLargestText);
        const auto* text = reinterpret_cast<const char*>(content.data());
        const Json json = parse_json(text, text + content.size());
        const Fields fields(json, kIndex, ErrorKind::bundle);
        const std::int64_t format = fields.integer("format");
        if (format < 1 || format > kFormat) {
            fail("bundle " + folder + " has format " + std::to_string(format) + ", expected 1 to " +
                 std::to_string(kFormat) + "; update libedgeseg or export again");
        }
        fields.object("spec");
        bundle.spec_ = spec_from(Fields(json["spec"], "spec", ErrorKind::spec));
        for (const Fields& each : fields.objects("artifacts")) bundle.artifacts_.push_back(artifact_from(each));
        if (!fields.is_null("card")) bundle.card_ = plain(fields.text("card"), "bundle.json: card");
        if (fields.has("golden")) bundle.golden_ = golden_from(fields.object("golden"));
    } catch (const Unreadable& error) {
        if (error.code() == std::errc::not_a_directory) {
            fail(folder + " is no folder, as a bundle is; name the one that holds bundle.json, or make one of an ONNX file "
                          "with edgeseg import");
        }
        if (error.code() == std::errc::no_such_file_or_directory) {
            fail(index + " is not there, expected a bundle; check the path " + folder);
        }
        fail("cannot read " + index + ": " + error.reason + "; check its permissions");
    } catch (const std::invalid_argument& error) {
        fail(index + " is not readable JSON (" + error.what() + "); export the bundle again");
    } catch (const nlohmann::json::exception& error) {
        fail(index + " is not readable JSON (" + error.what() + "); export the bundle again");
    }
    if (bundle.artifacts_.empty()) {
        fail("bundle " + folder + " has no artifacts, expected at least one; export it again");
    }
    std::vector<std::string> files{kIndex, kSignature}, kinds;
    if (bundle.card_) files.push_back(*bundle.card_);
    for (const Artifact& each : bundle.artifacts_) {
        files.push_back(each.file);
        kinds.push_back(each.target + " " + each.precision);
    }
    for (const GoldenFrame& each : bundle.golden_) {
        files.push_back(each.input.name);
        files.push_back(each.mask.name);
    }
    check_once(folder, files);
    check_once(folder, kinds);
    for (auto file = files.begin() + 2; file != files.end(); ++file) bundle.inside(*file);
    return bundle;
}

const Artifact& Bundle::artifact(const std::string& target, const std::string& precision) const {
    const Artifact* plain_float = nullptr;
    for (const Artifact& each : artifacts_) {
        if (each.target == target && (precision.empty() || precision == each.precision)) return each;
        if (plain_float == nullptr && each.precision == kFloat) plain_float = &each;
    }
    if (plain_float != nullptr && (precision.empty() || precision == kFloat)) return *plain_float;
    std::string there;
    for (const Artifact& each : artifacts_) there += (there.empty() ? "" : ", ") + each.target + " " + each.precision;
    fail("bundle " + spec_.name + " has no artifact for " + target + (precision.empty() ? "" : " " + precision) +
         "; it has " + there + ": choose one of these" + making(folder_, target, precision));
}

std::vector<std::uint8_t> Bundle::read(const Artifact& artifact) const {
    std::vector<std::uint8_t> content = verified({artifact.file, artifact.sha256, artifact.bytes});
    const std::string path = folder_ + "/" + artifact.file;
    bool external = false;
    try {
        external = has_external_data(content);
    } catch (const std::invalid_argument& error) {
        fail(path + " is not an ONNX model (" + error.what() + "); export it again");
    }
    if (external) fail(path + " keeps weights in other files, which no hash covers; save it as one file");
    return content;
}

GoldenImages Bundle::read(const GoldenFrame& frame) const {
    const Size size{spec_.width, spec_.height};
    const auto picture = [&](const File& file, int channels) {
        const std::vector<std::uint8_t> content = verified(file);
        try {
            return decode_png(content, size, channels);
        } catch (const std::invalid_argument& error) {
            fail(folder_ + "/" + file.name + ": " + error.what() + "; export the bundle again");
        }
    };
    GoldenImages images{picture(frame.input, 3), picture(frame.mask, 1)};
    if (*std::max_element(images.mask.begin(), images.mask.end()) >= spec_.classes.size()) {
        fail(folder_ + "/" + frame.mask.name + " holds a class that the spec has not; export the bundle again");
    }
    return images;
}

void Bundle::verify() const {
    for (const Artifact& each : artifacts_) read(each);
    for (const GoldenFrame& each : golden_) read(each);
}

std::vector<std::uint8_t> Bundle::verified(const File& file) const {
    const std::string path = inside(file.name);
    std::vector<std::uint8_t> content;
    try {
        content = read_file(path, file.bytes);
    } catch (const Unreadable& error) {
        fail("cannot read " + path + " as bundle.json describes it: " + error.reason +
             "; fetch or export the bundle again");
    }
    const std::string digest = sha256_of(content);
    if (digest != file.sha256) {
        fail(path + " has sha256 " + digest.substr(0, 12) + "... (" + std::to_string(content.size()) +
             " bytes), bundle.json says " + file.sha256.substr(0, 12) + "... (" + std::to_string(file.bytes) +
             " bytes): it was altered or cut off; fetch or export the bundle again");
    }
    return content;
}

std::string Bundle::inside(const std::string& file) const {
    std::string path = folder_ + "/" + file;
    std::error_code unreadable;
    if (!fs::is_regular_file(path, unreadable)) {
        fail("bundle " + folder_ + " lacks " + file + ", which bundle.json lists; fetch it or export again");
    }
    const fs::path within = fs::canonical(path, unreadable).lexically_relative(fs::canonical(folder_, unreadable));
    if (unreadable || within.empty() || *within.begin() == "..") {
        fail(path + " is a link out of the bundle; put the file itself there");
    }
    return path;
}

}  // namespace edgeseg
