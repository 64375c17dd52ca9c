#include "plan.hpp"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "../../bundle/file.hpp"
#include "../../bundle/json.hpp"
#include "../cache.hpp"
#include "edgeseg/error.hpp"
#include "notes.hpp"

namespace edgeseg {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProduct = "tensorrt";
constexpr std::size_t kHeader = 28;                           // its first four bytes tell the product, its last the version
constexpr const char* kAny = "any";                           // a plan for every card from Ampere on
constexpr int kAmpere = 8;

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::engine, message); }

// Nobody else can have written it.
void check_owner(const fs::path& path) {
    struct stat facts {};
    if (lstat(path.c_str(), &facts) != 0) fail("cannot look at " + path.string() + ": " + std::strerror(errno));
    if (facts.st_uid != geteuid() || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0 || S_ISLNK(facts.st_mode)) {
        fail(path.string() + " is a link, or others than this user own it or can write it; a plan is a program, and is not "
                             "run from there: compile the bundle again");
    }
}

std::string system_name() {
    utsname names{};
    uname(&names);
    return std::string(names.sysname) + " " + names.machine;
}

// `noted` is what the notes say, as Python's TensorRT calls itself, "10.3.0" or "10.3.0.26".
void check_version(const std::vector<std::uint8_t>& plan, const std::string& where, const std::string& noted,
                   const std::string& version) {
    if (plan.size() <= kHeader || std::memcmp(plan.data(), "ftrt", 4) != 0) {
        fail(where + " is no plan of TensorRT; compile the bundle again");
    }
    std::string numbers;
    for (std::size_t i = kHeader - 4; i < kHeader; ++i) numbers += std::to_string(plan[i]) + ".";
    if (numbers.rfind(version + ".", 0) != 0) {
        fail(where + " was built by TensorRT " + numbers.substr(0, numbers.size() - 1) + ", here is " + version +
             "; compile the bundle again");
    }
    if (numbers.rfind(noted + ".", 0) != 0) {
        fail(where + " is not of the version that its notes say, " + in_quotes(noted, 20) + "; compile the bundle again");
    }
}

void check_same(const Fields& key, const char* name, const std::string& expected) {
    if (key.text(name) == expected) return;
    fail(key.where() + ": it was built for " + name + " " + in_quotes(key.text(name), 20) + ", here it is " +
         in_quotes(expected, 20) + "; compile the bundle again");
}

std::vector<std::uint8_t> read_one(const fs::path& file, const std::string& onnx_sha256, const std::string& capability,
                                   const std::string& version) {
    const fs::path notes_file = file.string() + ".json";
    for (const fs::path& each : {file.parent_path(), file, notes_file}) check_owner(each);
    std::vector<std::uint8_t> plan;
    Json notes;
    try {
        plan = read_file(file.string(), cache::kLargest);
        const std::vector<std::uint8_t> text = read_file(notes_file.string(), kLargestText);
        const auto* begin = reinterpret_cast<const char*>(text.data());
        notes = parse_json(begin, begin + text.size());
    } catch (const std::system_error& error) {
        fail("cannot read " + file.string() + ": " + error.code().message() + "; compile the bundle again");
    } catch (const std::invalid_argument& error) {
        fail(notes_file.string() + " is not readable JSON (" + error.what() + "); compile the bundle again");
    }
    const Fields fields(notes, notes_file.filename().string(), ErrorKind::engine);
    if (fields.integer("format") != 1) fail(notes_file.string() + " has another format than 1; compile the bundle again");
    const Fields key = fields.object("key");
    check_same(key, "product", kProduct);
    check_same(key, "system", system_name());
    check_same(key, "onnx_sha256", onnx_sha256);
    if (key.text("compute_capability") != kAny) check_same(key, "compute_capability", capability);
    check_version(plan, file.string(), key.text("version"), version);
    if (sha256_of(plan) != fields.text("plan_sha256")) {
        fail(file.string() + " is not the file that was built; it is not run: compile the bundle again");
    }
    if (!cache::is_sealed(notes_file, canonical(notes), fields.text("seal"))) {
        fail(notes_file.string() + " was not written with the key of its folder; " + file.filename().string() +
             " is not run: compile the bundle again");
    }
    return plan;
}

}  // namespace

std::vector<std::uint8_t> read_plan(const std::string& artifact, const std::string& onnx_sha256,
                                    const std::string& capability, const std::string& version) {
    const std::string name = fs::path(artifact).stem().string() + "." + onnx_sha256.substr(0, 16) + "." + kProduct + ".";
    std::vector<std::string> cards{"sm" + capability};
    if (std::strtol(capability.c_str(), nullptr, 10) >= kAmpere) cards.emplace_back(kAny);
    std::error_code failure;
    for (const std::string& card : cards) {
        const fs::path file = cache::folder() / (name + card + ".engine");
        if (fs::exists(file, failure)) return read_one(file, onnx_sha256, capability, version);
    }
    fail("there is no plan of " + artifact + " for this card in " + cache::folder().string() +
         "; make it here: edgeseg compile BUNDLE --target tensorrt");
}

}  // namespace edgeseg
