#include "options.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "arguments.hpp"
#include "names.hpp"
#include "source.hpp"

namespace app {
namespace {

constexpr double kLeast = std::numeric_limits<double>::min();  // above 0

// Options that only `edgeseg run` has.
constexpr std::array kOfPython{
    "--batch",  "--batch-wait", "--client-cert",  "--codec",       "--crf",      "--follow", "--jpeg",  "--min-version",
    "--server", "--server-ca",  "--server-token", "--server-wait", "--settings", "--show",   "--sound", "--trust",
    "--require-signature"};

}  // namespace

const char* const kHelp =
    R"(edgeseg-run SOURCE [OPTIONS]: segments a video file, camera, stream or GStreamer pipeline, without Python.

Without --out or --masks the frames are segmented and timed, and nothing is kept. Ctrl-C, SIGTERM and SIGHUP end it in
order; a second one ends it at once.

  SOURCE                a video file, a camera's number, a URL (rtsp://, http://), or a GStreamer pipeline with an appsink
  --bundle NAME|PATH    the network; road by default
  --engine NAME         one that libedgeseg was built with; by default the first of them
  --precision NAME      fp32, int8 or another of the bundle's; by default its best whose golden frames this machine keeps
  --out FILE            overlays: .mp4, .mkv or .webm; the name may carry the time: cam-{time:%Y-%m-%dT%H-%M-%S}.mp4
  --masks FOLDER        masks, as PNG whose grey levels are class ids; its name may carry the time
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
    if (stall_after) found.stall_after = *stall_after;
    found.give_up_after = give_up_after;
    return found;
}

namespace {

// The options, by what they take.
struct Table {
    std::map<std::string, bool*> flags;
    std::map<std::string, std::string*> texts;
    std::map<std::string, std::function<void(const std::string&, const std::string&)>> values;

    std::vector<std::string> names() const {
        std::vector<std::string> all(kOfPython.begin(), kOfPython.end());
        for (const auto& each : flags) all.push_back(each.first);
        for (const auto& each : texts) all.push_back(each.first);
        for (const auto& each : values) all.push_back(each.first);
        return all;
    }
};

Table table_for(Options& found, std::string& mode) {
    Table table;
    table.flags = {{"--overwrite", &found.overwrite}, {"--insecure", &found.insecure},
                   {"--reconnect", &found.reconnect}, {"--tolerate-loss", &found.tolerate_loss},
                   {"--json", &found.json},           {"--help", &found.help},
                   {"-h", &found.help},               {"--version", &found.version}};
    table.texts = {{"--bundle", &found.bundle}, {"--engine", &found.engine}, {"--precision", &found.precision},
                   {"--out", &found.out},       {"--masks", &found.masks},   {"--credentials", &found.credentials},
                   {"--ca", &found.ca},         {"--mode", &mode},           {"--source", &found.source}};
    table.values = {
        {"--max-frames", [&](const auto& option, const auto& text) { found.max_frames = whole(option, text); }},
        {"--workers", [&](const auto& option, const auto& text) { found.workers = whole(option, text); }},
        {"--threads", [&](const auto& option, const auto& text) { found.threads = whole(option, text); }},
        {"--alpha", [&](const auto& option, const auto& text) {
             found.alpha = number(option, text, 0, 1, "0 (the frame alone) to 1 (the colours alone)");
         }},
        {"--timeout", [&](const auto& option, const auto& text) {
             found.timeout = number(option, text, kLeast, 86400, "seconds above 0 and up to 86400");
         }},
        {"--stall-after", [&](const auto& option, const auto& text) {
             found.stall_after = number(option, text, 0.1, 3600, "0.1 to 3600 seconds");
         }},
        {"--give-up-after", [&](const auto& option, const auto& text) {
             found.give_up_after = number(option, text, kLeast, 1e300, "seconds above 0");
         }},
        {"--source-option", [&](const auto&, const auto& text) {
             const std::size_t equals = text.find('=');
             if (equals == 0 || equals == std::string::npos) {  // it is not shown, as it may be a passphrase
                 throw Refusal("the source option is no NAME=VALUE; write rtsp_transport=udp, say");
             }
             found.source_options.push_back(text);
         }}};
    return table;
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

void set_source(Options& options, const std::string& word) {
    if (!options.source.empty()) throw Refusal("got two sources, expected one; put a pipeline into quotes");
    if (is_blank(word)) throw Refusal("the source is empty, expected a video file, a camera's number, a URL or a pipeline");
    options.source = word;
}

void check(const Options& options, const std::string& mode) {
    check_choice("--mode", mode, {"throughput", "latency"});
    if (!options.precision.empty()) {
        check_choice("--precision", options.precision, {"fp32", "fp16", "int8", "int8-7bit"});
    }
    if (options.engine == "auto") {
        throw Refusal("--engine auto measures, which `edgeseg run` does alone; leave it out for the first engine that "
                      "libedgeseg was built with, or name one");
    }
    for (const auto& [name, given] : {std::pair{"--stall-after", options.stall_after.has_value()},
                                      std::pair{"--give-up-after", options.give_up_after.has_value()}}) {
        if (given && !options.reconnect) {
            throw Refusal(std::string(name) + " is for sources that are connected again; ask for --reconnect too");
        }
    }
    if (options.source.empty()) {
        throw Refusal("got no source, expected a video file, a camera's number, a URL or a GStreamer pipeline; "
                      "edgeseg-run --help says more");
    }
}

}  // namespace

Options parse(const std::vector<std::string>& words) {
    Options found;
    std::string mode = "throughput";
    const Table table = table_for(found, mode);
    std::set<std::string> given;
    bool options_end = false;  // after "--"
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (options_end || word.empty() || word[0] != '-') {
            set_source(found, word);
            continue;
        }
        if (word == "--") {
            options_end = true;
            continue;
        }
        const std::size_t equals = word.find('=');
        const std::string option = word.substr(0, equals);
        if (std::find(kOfPython.begin(), kOfPython.end(), option) != kOfPython.end()) {
            throw Refusal("edgeseg-run has no " + option + "; `edgeseg run` has it");
        }
        const auto flag = table.flags.find(option);
        const auto text = table.texts.find(option);
        const auto value = table.values.find(option);
        if (flag == table.flags.end() && text == table.texts.end() && value == table.values.end()) {
            throw Refusal("edgeseg-run has no option " + redact(option) + suggestion(option, table.names()) +
                          "; edgeseg-run --help lists those that it has");
        }
        if (!given.insert(option).second && option != "--source-option") {
            throw Refusal("got " + option + " twice, expected it once; leave one out");
        }
        if (flag != table.flags.end()) {
            if (equals != std::string::npos) throw Refusal(option + " takes no value; write " + option + " alone");
            *flag->second = true;
            continue;
        }
        const bool lacks = equals == std::string::npos &&
                           (i + 1 == words.size() || words[i + 1] == "-" || is_option(words[i + 1]));
        if (lacks) throw Refusal(option + " needs a value");
        const std::string content = equals == std::string::npos ? words[++i] : word.substr(equals + 1);
        if (is_blank(content)) throw Refusal(option + " is empty, expected a value");
        if (option == "--source") {
            set_source(found, content);
        } else if (text != table.texts.end()) {
            *text->second = content;
        } else {
            value->second(option, content);
        }
    }
    if (found.help || found.version) return found;
    check(found, mode);
    found.latency = mode == "latency";
    return found;
}

}  // namespace app
