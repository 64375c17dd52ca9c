#include "options.hpp"

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>

#include "source.hpp"

namespace app {
namespace {

int whole(const std::string& option, const std::string& text) {
    char* end = nullptr;
    errno = 0;
    const long value = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || *end != '\0' || errno != 0 || value < 1 || value > INT_MAX) {
        throw Refusal(option + " is '" + text + "', expected a whole number of at least 1");
    }
    return static_cast<int>(value);
}

double number(const std::string& option, const std::string& text, double low, double high, const char* expected) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= low && value <= high)) {
        throw Refusal(option + " is '" + text + "', expected " + expected);
    }
    return value;
}

// Whether only `edgeseg run` has the option.
bool is_of_python(const std::string& option) {
    static const std::set<std::string> names{"--show",  "--settings", "--codec",       "--crf", "--sound",
                                             "--follow", "--trust",   "--min-version", "--require-signature"};
    return names.count(option) > 0;
}

}  // namespace

const char* const kHelp =
    R"(edgeseg-run SOURCE [OPTIONS]: segments a video file, camera, stream or GStreamer pipeline, without Python.

Without --out or --masks the frames are segmented and timed, and nothing is kept. Ctrl-C, SIGTERM and SIGHUP end it in
order; a second one ends it at once.

  SOURCE                a video file, a camera's number, a URL (rtsp://, http://), or a GStreamer pipeline with an appsink
  --bundle NAME|PATH    the network; road by default
  --engine NAME         one that libedgeseg was built with; by default the first of them
  --precision NAME      fp32, int8 or another of the bundle's; by default its best whose golden frames this machine keeps
  --out FILE            overlays: .mp4, .mkv or .webm
  --masks FOLDER        masks, as PNG whose grey levels are class ids
  --max-frames N        stop after so many frames
  --mode NAME           throughput (by default): several frames at once; latency: one, with all cores
  --workers N           frames that are worked on at once
  --threads N           threads that each frame's inference runs on
  --alpha NUMBER        weight of the class colours in an overlay, 0 to 1; 0.5 by default
  --overwrite           replace what is there
  --timeout SECONDS     that a camera or URL may take to answer; 10 by default
  --credentials FILE    user:password for a URL that holds none, in a file that only you may read
  --ca FILE             certificates (PEM) that https and rtsps servers are verified against
  --insecure            do not verify them
  --source-option N=V   an option of FFmpeg's, such as rtsp_transport=udp; may be given more than once
  --tolerate-loss       exit with 0 when a live source broke off after its first frame
  --reconnect           connect a live source again when it is lost or hangs, and wait where it is not there yet
  --stall-after SECONDS with --reconnect: without a new frame it is stalled, after as many again connected anew; 3
  --give-up-after SECONDS  with --reconnect: without a frame it is lost for good
  --json                print one JSON object on stdout, and nothing else
  --help, --version

Exit code 0 when all went well, 2 when something was wrong or an output failed, 3 when a live source broke off, and 128
plus its number after a signal.
)";

std::optional<Policy> Options::policy() const {
    if (!reconnect) return std::nullopt;
    Policy found;
    found.stall_after = stall_after;
    found.give_up_after = give_up_after;
    return found;
}

Options parse(const std::vector<std::string>& words) {
    Options found;
    std::string mode = "throughput";
    const std::map<std::string, bool*> flags{
        {"--overwrite", &found.overwrite}, {"--insecure", &found.insecure}, {"--tolerate-loss", &found.tolerate_loss},
        {"--reconnect", &found.reconnect}, {"--json", &found.json},         {"--help", &found.help},
        {"-h", &found.help},               {"--version", &found.version}};
    const std::map<std::string, std::string*> texts{
        {"--bundle", &found.bundle}, {"--engine", &found.engine}, {"--precision", &found.precision},
        {"--out", &found.out},       {"--masks", &found.masks},   {"--credentials", &found.credentials},
        {"--ca", &found.ca},         {"--mode", &mode},           {"--source", &found.source}};
    const std::map<std::string, std::function<void(const std::string&, const std::string&)>> values{
        {"--max-frames", [&](const auto& option, const auto& text) { found.max_frames = whole(option, text); }},
        {"--workers", [&](const auto& option, const auto& text) { found.workers = whole(option, text); }},
        {"--threads", [&](const auto& option, const auto& text) { found.threads = whole(option, text); }},
        {"--alpha", [&](const auto& option, const auto& text) {
             found.alpha = number(option, text, 0, 1, "0 (the frame alone) to 1 (the colours alone)");
         }},
        {"--timeout", [&](const auto& option, const auto& text) {
             found.timeout = number(option, text, 1e-3, 86400, "seconds above 0 and up to 86400");
         }},
        {"--stall-after", [&](const auto& option, const auto& text) {
             found.stall_after = number(option, text, 0.1, 3600, "0.1 to 3600 seconds");
         }},
        {"--give-up-after", [&](const auto& option, const auto& text) {
             found.give_up_after = number(option, text, 1e-3, 1e9, "seconds above 0");
         }},
        {"--source-option", [&](const auto&, const auto& text) {
             const std::size_t equals = text.find('=');
             if (equals == 0 || equals == std::string::npos) {
                 throw Refusal("the source option is no NAME=VALUE; write rtsp_transport=udp, say");
             }
             found.source_options.push_back(text);
         }}};
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word.size() < 2 || word[0] != '-' || word.find(' ') != std::string::npos) {
            if (!found.source.empty()) throw Refusal("got two sources, expected one; put a pipeline into quotes");
            found.source = word;
            continue;
        }
        const std::size_t equals = word.find('=');
        const std::string option = word.substr(0, equals);
        if (const auto flag = flags.find(option); flag != flags.end() && equals == std::string::npos) {
            *flag->second = true;
            continue;
        }
        const auto text = texts.find(option);
        const auto value = values.find(option);
        if (text == texts.end() && value == values.end()) {
            if (is_of_python(option)) throw Refusal("edgeseg-run has no " + option + "; `edgeseg run` has it");
            throw Refusal("edgeseg-run has no option " + option + "; edgeseg-run --help lists those that it has");
        }
        if (equals == std::string::npos && i + 1 == words.size()) throw Refusal(option + " needs a value");
        const std::string given = equals == std::string::npos ? words[++i] : word.substr(equals + 1);
        if (given.empty()) throw Refusal(option + " is empty, expected a value");
        if (text != texts.end()) {
            *text->second = given;
        } else {
            value->second(option, given);
        }
    }
    if (mode != "throughput" && mode != "latency") {
        throw Refusal("--mode is '" + mode + "', expected throughput or latency");
    }
    found.latency = mode == "latency";
    if (found.give_up_after && !found.reconnect) {
        throw Refusal("--give-up-after is for sources that are connected again; ask for --reconnect too");
    }
    if (found.source.empty() && !found.help && !found.version) {
        throw Refusal("got no source, expected a video file, a camera's number, a URL or a GStreamer pipeline; "
                      "edgeseg-run --help says more");
    }
    return found;
}

}  // namespace app
