// The command line of edgeseg-run: that of `edgeseg run`, as far as it goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "life.hpp"

namespace app {

struct Options {
    std::string source;
    std::string bundle = "road";
    std::string engine, precision;  // "": the first there is, the best there is
    std::string out, masks;
    std::string credentials, ca;
    std::vector<std::string> source_options;  // NAME=VALUE
    std::optional<std::int64_t> max_frames, workers, threads;
    std::optional<double> stall_after, give_up_after;
    double alpha = 0.5, timeout = 10.0;
    bool latency = false;  // else throughput
    bool overwrite = false, insecure = false, tolerate_loss = false, reconnect = false, json = false;
    bool help = false, version = false;

    std::optional<Policy> policy() const;
};

// Throws Refusal: an option is unknown or impossible.
Options parse(const std::vector<std::string>& words);

extern const char* const kHelp;

}  // namespace app
