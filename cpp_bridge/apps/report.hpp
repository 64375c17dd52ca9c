// What a run did: for programs the JSON object of `edgeseg run --json`, for people a table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline.hpp"
#include "source.hpp"

namespace app {

struct Report {
    std::string source;
    int width, height;
    std::string mode;
    int workers, threads;
    Statistics statistics;
    std::optional<Connection> connection;
    Skipped skipped;
    std::vector<std::pair<std::string, Histogram>> writing;  // by output
    std::vector<std::string> outputs, failures, warnings;
    Ended ended;

    nlohmann::ordered_json to_json() const;
    std::string table() const;

  private:
    std::vector<std::pair<std::string, const Histogram*>> stages() const;
};

}  // namespace app
