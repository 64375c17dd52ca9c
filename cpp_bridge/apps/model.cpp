#include "model.hpp"

#include <cstdio>
#include <filesystem>
#include <optional>

#include "edgeseg/golden.hpp"
#include "source.hpp"

namespace app {
namespace {

namespace fs = std::filesystem;

// Where `cmake --install` puts the bundles.
fs::path installed() {
    std::error_code failure;
    return fs::read_symlink("/proc/self/exe", failure).parent_path().parent_path() / "share/edgeseg/bundles";
}

std::string folder_of(const std::string& bundle) {
    std::error_code failure;
    if (bundle.find('/') != std::string::npos || fs::exists(bundle, failure)) return bundle;
    if (fs::is_directory(installed() / bundle, failure)) return (installed() / bundle).string();
    throw Refusal("there is no bundle '" + bundle + "', neither here nor in " + installed().string() +
                  "; give the path of a bundle's folder");
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
