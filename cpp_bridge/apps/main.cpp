// edgeseg-run: `edgeseg run` of one source, without Python. kHelp in options.cpp says what it does.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "address.hpp"
#include "camera.hpp"
#include "channel.hpp"
#include "container.hpp"
#include "edgeseg.h"
#include "edgeseg/engine.hpp"
#include "live_source.hpp"
#include "model.hpp"
#include "names.hpp"
#include "options.hpp"
#include "output_names.hpp"
#include "outputs.hpp"
#include "report.hpp"
#include "terminal.hpp"
#include "video.hpp"

namespace app {
namespace {

using Json = nlohmann::ordered_json;

std::atomic<int> received{0};  // the signal that came

void handle(int number) {
    if (received.exchange(number) != 0) _exit(128 + number);  // a second one: at once
}

bool interrupted() { return received != 0; }

const char* name_of_signal() {
    return received == SIGINT ? "SIGINT" : received == SIGTERM ? "SIGTERM" : "SIGHUP";
}

void listen_for_signals() {
    struct sigaction action {};
    action.sa_handler = handle;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        sigaction(number, nullptr, &before);
        if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);  // nohup stays in force
    }
}

// FFmpeg's options for a URL; servers that show a certificate are verified unless asked otherwise.
Entries url_options(const Options& options) {
    Entries entries{{"rtsp_transport", "tcp"}};
    if (is_encrypted(options.source) && options.insecure) entries.emplace_back("tls_verify", "0");
    if (is_encrypted(options.source) && !options.insecure) {
        const std::string ca = options.ca.empty() ? "/etc/ssl/certs/ca-certificates.crt" : options.ca;
        std::error_code failure;
        if (!std::filesystem::is_regular_file(ca, failure)) {
            throw Refusal((options.ca.empty() ? "this system has no bundle of certificates" : ca + " is no file") +
                          ", expected certificates in PEM to verify the server with; give --ca FILE");
        }
        entries.emplace_back("tls_verify", "1");
        entries.emplace_back("ca_file", ca);
    }
    return entries;
}

// A lone worker leaves decoding to a thread that runs ahead; many workers need more than one core's decoding.
int decoder_threads(int workers) {
    const int cores = edgeseg::available_cores();
    return workers == 1 ? std::min(2, cores) : 1 + cores / 8;
}

// Refuses what says how a server is asked, where none is.
void check_access(const Options& options, Kind kind, const std::string& name) {
    const bool encrypted = kind == Kind::url && is_encrypted(options.source);
    if (!options.credentials.empty() && kind != Kind::url) {
        throw Refusal("--credentials is for URLs, as " + name + " is not; leave it out");
    }
    if (!options.credentials.empty() && take_apart(options.source).userinfo) {
        throw Refusal("--credentials is for a URL without user and password, and " + name + " has its own; leave one of them out");
    }
    if (!options.ca.empty() && options.insecure) {
        throw Refusal("--ca is what servers are verified against, and insecure verifies none; leave one of them out");
    }
    if (!encrypted && (!options.ca.empty() || options.insecure)) {
        throw Refusal((options.insecure ? "--insecure" : "--ca") +
                      (" is for servers with certificates (https://, rtsps://, tls://, rtmps://), as " + name +
                       " is none; leave it out"));
    }
}

std::unique_ptr<Source> open_source(const Options& options, int workers) {
    Request request;
    request.source = options.source;
    request.name = redact(options.source);
    request.timeout = options.timeout;
    Entries given;
    for (const std::string& each : options.source_options) {
        given.emplace_back(each.substr(0, each.find('=')), each.substr(each.find('=') + 1));
    }
    const std::optional<Credentials> credentials = read_credentials(options.credentials);
    const Kind kind = kind_of(options.source);
    if (kind != Kind::file && kind != Kind::url && !given.empty()) {
        throw Refusal("--source-option is for what FFmpeg reads, video files and URLs, as " + request.name +
                      " is not; leave it out");
    }
    check_options(given);
    check_access(options, kind, request.name);
    if (kind == Kind::file) {
        if (options.reconnect) {
            throw Refusal(request.name + " is no camera, URL or pipeline, and only those are connected again; leave out "
                                         "--reconnect");
        }
        request.options = given;
        request.threads = decoder_threads(workers);
        return open_file(request);
    }
    if (kind == Kind::url) {
        check_address(options.source);
        request.source = with_credentials(options.source, credentials);
        request.options = url_options(options);
        request.options.insert(request.options.end(), given.begin(), given.end());
    }
    if (kind == Kind::camera) {
        request.name = camera_name(options.source);
        const std::string missing = absence(options.source);
        if (!options.reconnect && !missing.empty()) throw Refusal(missing);
    }
    return std::make_unique<LiveSource>(request, options.policy(), say, interrupted);
}

// The outputs of a run, and what failed of them.
struct Outputs {
    std::optional<Recording> recording;
    std::optional<Masks> masks;
    std::vector<std::string> labels;  // that may overlap
    bool recording_failed = false, masks_failed = false;
    std::vector<std::string> failures;

    // False where no output is left.
    bool put(const Result& result) {
        attempt(recording && !recording_failed, recording_failed,
                [&] { recording->write(result.overlay, result.frame.timestamp); });
        attempt(masks && !masks_failed, masks_failed,
                [&] { masks->write(result.mask, result.frame.index, labels); });
        return (!recording && !masks) || (recording && !recording_failed) || (masks && !masks_failed);
    }

    void close() {
        attempt(recording.has_value(), recording_failed, [&] { recording->close(); });
    }

  private:
    template <typename Write>
    void attempt(bool wanted, bool& failed, Write write) {
        if (!wanted) return;
        try {
            write();
        } catch (const Refusal& error) {
            failed = true;
            failures.emplace_back(error.what());
        }
    }
};

// A number of threads or workers, which this machine can have.
int bounded(const char* option, std::int64_t number) {
    const int most = edgeseg::most_threads();
    if (number <= most) return static_cast<int>(number);
    throw Refusal(std::string(option) + " is " + std::to_string(number) + ", expected at most " + std::to_string(most) +
                  " here");
}

Report run(Options options) {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    options.source = local_path(options.source);
    options.out = expand_time(options.out, local);
    options.masks = expand_time(options.masks, local);
    check_outputs(options.source, options.out, options.masks);
    const int available = edgeseg::available_cores();
    const int threads = bounded("--threads", options.threads.value_or(options.latency ? available : 1));
    const int workers =
        bounded("--workers", options.workers.value_or(options.latency ? 1 : std::max(1, available / threads)));
    const std::unique_ptr<Source> source = open_source(options, workers);  // what the user may have got wrong, before the network
    Outputs outputs;
    if (!options.out.empty()) outputs.recording.emplace(options.out, *source, options.overwrite, say);
    if (!options.masks.empty()) outputs.masks.emplace(options.masks, options.overwrite);

    Wanted wanted;
    wanted.overlay = outputs.recording.has_value();
    wanted.masks = outputs.masks.has_value() || !wanted.overlay;
    wanted.alpha = options.alpha;
    wanted.max_frames = options.max_frames.value_or(-1);
    edgeseg::Segmenter model = open_model(options, threads, say);
    if (!model.spec().head.exclusive) outputs.labels = model.spec().classes;
    Pipeline pipeline(*source, std::move(model), workers, wanted);
    Ended ended;
    while (std::unique_ptr<Result> result = pipeline.next(interrupted)) {
        const bool more = outputs.put(*result);
        pipeline.reuse(std::move(result));
        if (more) continue;
        ended = {"stopped", "no output can be written any more"};
        pipeline.stop();
        break;
    }
    source->close();
    Report report{};
    report.statistics = pipeline.statistics();
    if (interrupted()) ended = {"interrupted", name_of_signal()};
    report.ended = ended.how.empty() ? pipeline.ended() : ended;
    outputs.close();
    report.source = source->name;
    report.width = source->width;
    report.height = source->height;
    report.mode = options.latency ? "latency" : "throughput";
    report.workers = workers;
    report.threads = threads;
    report.connection = source->connection();
    report.skipped = source->skipped();
    report.skipped.at_end += report.statistics.discarded;
    report.failures = outputs.failures;
    report.warnings = source->all_warnings();
    if (outputs.recording) {
        report.writing.emplace_back("write", outputs.recording->seconds);
        report.outputs = outputs.recording->paths;
        report.warnings.insert(report.warnings.end(), outputs.recording->warnings.begin(),
                               outputs.recording->warnings.end());
    }
    if (outputs.masks) {
        report.writing.emplace_back("write masks", outputs.masks->seconds);
        if (outputs.masks->written()) report.outputs.push_back(outputs.masks->folder());
        for (const std::string& each : outputs.masks->warnings()) report.warnings.push_back(each);
    }
    return report;
}

int exit_code(const Report& report, bool tolerate_loss) {
    for (const std::string& each : report.failures) complain(each);
    if (!report.failures.empty()) return 2;
    if (report.ended.how == "lost" && !tolerate_loss) {
        complain(report.ended.reason);
        return 3;
    }
    return report.ended.how == "interrupted" && received != 0 ? 128 + received : 0;
}

int main(const std::vector<std::string>& words) {
    const Options options = parse(words);
    if (options.help) return print(kHelp);
    if (options.version) return print(std::string("edgeseg-run ") + edgeseg_version() + "\n");
    listen_for_signals();
    const Report report = run(options);
    const std::string json = options.json ? report.to_json().dump(2, ' ', false, Json::error_handler_t::replace) : "";
    if (const int code = print(options.json ? json + "\n" : report.table()); code != 0) return code;
    for (const std::string& each : options.json ? std::vector<std::string>{} : report.warnings) warn(each);
    return exit_code(report, options.tolerate_loss);
}

}  // namespace
}  // namespace app

int main(int count, char** arguments) {
    try {
        app::prepare_handles();
        const std::vector<std::string> words(arguments + std::min(count, 1), arguments + count);
        app::set_arguments(words);
        av_log_set_level(AV_LOG_QUIET);  // errors are said once, here
        if (words.size() == 1 && words[0] == app::kReader) return app::serve(app::read_url);
        return app::main(words);
    } catch (const app::Interrupted&) {
        return 128 + app::received;
    } catch (const app::Refusal& error) {
        app::complain(error.what());
    } catch (const edgeseg::Error& error) {
        app::complain(error.what());
    } catch (const std::exception& error) {
        app::complain(std::string("an unforeseen error: ") + error.what());
        return 70;
    }
    return 2;
}
