#include "model.hpp"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>

#include "edgeseg/golden.hpp"
#include "names.hpp"
#include "source.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;

// Where `cmake --install` puts the bundles.
fs::path installed() {
    std::error_code failure;
    return (fs::read_symlink("/proc/self/exe", failure).parent_path() / EDGESEG_BUNDLES).lexically_normal();
}

// "road, road-nano"
std::string listed() {
    std::set<std::string> names;
    std::error_code failure;
    for (const auto& each : fs::directory_iterator(installed(), failure)) {
        if (fs::is_regular_file(each.path() / "bundle.json", failure)) names.insert(each.path().filename().string());
    }
    std::string list;
    for (const std::string& each : names) list += (list.empty() ? "" : ", ") + each;
    return list.empty() ? "none" : list;
}

// What a name or path means. A name without a slash never means a folder that happens to be here.
std::string folder_of(const std::string& bundle) {
    if (is_url(bundle)) throw Refusal(redact(bundle) + " is a URL, expected a folder; bring it here by edgeseg fetch");
    if (bundle.find('/') != std::string::npos || bundle == "." || bundle == "..") return bundle;
    std::error_code failure;
    if (fs::is_directory(installed() / bundle, failure)) return (installed() / bundle).string();
    throw Refusal("no bundle '" + bundle + "' comes with edgeseg-run, which has " + listed() + " in " +
                  installed().string() + "; if a folder is meant, write it as a path: ./" + bundle);
}

}  // namespace

edgeseg::Segmenter open_model(const Options& options, int threads, const std::function<void(const std::string&)>& say) {
    const edgeseg::Bundle bundle = edgeseg::Bundle::open(folder_of(options.bundle));
    edgeseg::Options wanted;
    wanted.engine = options.engine;
    wanted.precision = options.precision;
    wanted.threads = threads;
    const bool asked = !options.precision.empty();
    edgeseg::Options exact = wanted;
    exact.precision = "fp32";
    try {
        edgeseg::Segmenter model = edgeseg::Segmenter::open(bundle, wanted);
        if (!model.note().empty()) say(model.note());
        if (asked || model.artifact().precision == "fp32" || bundle.golden().empty()) return model;
        const edgeseg::Proof proof = edgeseg::check(bundle, model);
        if (proof.holds()) return model;
        char text[160];
        std::snprintf(text, sizeof text, "%s gives %.2f %% of the golden frames' pixels in %s here, at least %.2f %% "
                      "expected; fp32 is taken in its place", model.engine().name().c_str(), proof.agreement,
                      model.artifact().precision.c_str(), proof.required);
        say(text);
    } catch (const edgeseg::Error& error) {
        if (asked || (error.kind() != edgeseg::ErrorKind::engine && error.kind() != edgeseg::ErrorKind::frame)) throw;
        std::optional<edgeseg::Segmenter> model;
        try {
            model = edgeseg::Segmenter::open(bundle, exact);
        } catch (const edgeseg::Error&) {  // what failed first is the reason
        }
        if (!model) throw;
        say(std::string(error.what()) + "; fp32 is taken in its place");
        return std::move(*model);
    }
    return edgeseg::Segmenter::open(bundle, exact);
}

}  // namespace app
