#include "report.hpp"

#include <cstdio>

namespace app {
namespace {

using Json = nlohmann::ordered_json;

Json summary(const Histogram& of) {
    return {{"count", of.count()},
            {"mean", 1e3 * of.mean()},
            {"p50", 1e3 * of.percentile(50)},
            {"p95", 1e3 * of.percentile(95)},
            {"p99", 1e3 * of.percentile(99)},
            {"max", 1e3 * of.longest()}};
}

std::string row(const std::string& name, const Histogram& of) {
    char text[128];
    std::snprintf(text, sizeof text, "%-16s %9.2f %9.2f %9.2f %9.2f\n", name.c_str(), 1e3 * of.percentile(50),
                  1e3 * of.percentile(95), 1e3 * of.percentile(99), 1e3 * of.mean());
    return text;
}

}  // namespace

std::vector<std::pair<std::string, const Histogram*>> Report::stages() const {
    std::vector<std::pair<std::string, const Histogram*>> all{{"capture", &statistics.capture},
                                                              {"prepare", &statistics.prepare},
                                                              {"infer", &statistics.infer},
                                                              {"kernel", &statistics.kernel}};
    for (const auto& [name, times] : writing) all.emplace_back(name, &times);
    return all;
}

Json Report::to_json() const {
    Json steps = Json::object();
    for (const auto& [name, times] : stages()) steps[name] = summary(*times);
    Json connected;
    if (connection) {
        connected = {{"reconnects", connection->reconnects},
                     {"stalls", connection->stalls},
                     {"gaps", connection->gaps},
                     {"gap_seconds", connection->gap_seconds},
                     {"freezes", connection->freezes}};
    }
    return {{"source", source},
            {"width", width},
            {"height", height},
            {"mode", mode},
            {"workers", workers},
            {"threads", threads},
            {"frames", statistics.frames},
            {"fps", statistics.fps},
            {"dropped", skipped.replaced},
            {"connection", connected},
            {"skipped",
             {{"before_start", skipped.before_start},
              {"replaced", skipped.replaced},
              {"at_end", skipped.at_end},
              {"damaged", skipped.damaged}}},
            {"stages", steps},
            {"capture_to_mask", summary(statistics.capture_to_mask)},
            {"outputs", outputs},
            {"failures", failures},
            {"warnings", warnings},
            {"ended", {{"how", ended.how}, {"reason", ended.reason.empty() ? Json() : Json(ended.reason)}}}};
}

std::string Report::table() const {
    char text[160];
    std::snprintf(text, sizeof text, "%lld frames, %.1f fps, %lld dropped\n%-16s %9s %9s %9s %9s\n",
                  static_cast<long long>(statistics.frames), statistics.fps, static_cast<long long>(skipped.replaced),
                  "milliseconds", "p50", "p95", "p99", "mean");
    std::string table = text;
    for (const auto& [name, times] : stages()) table += row(name, *times);
    table += row("capture to mask", statistics.capture_to_mask);
    table += std::to_string(width) + "x" + std::to_string(height) + ", " + std::to_string(workers) + " at a time, " +
             std::to_string(threads) + (threads == 1 ? " thread each" : " threads each");
    if (connection && connection->gaps > 0) {
        std::snprintf(text, sizeof text, "; %d gap%s of %.1f s in all", connection->gaps,
                      connection->gaps == 1 ? "" : "s", connection->gap_seconds);
        table += text;
    }
    if (ended.how != "end_of_file") table += "; " + ended.how + (ended.reason.empty() ? "" : ": " + ended.reason);
    return table + "\n";
}

}  // namespace app
