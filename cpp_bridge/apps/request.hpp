// A source to be opened, as it is told to the process that reads it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace app {

enum class Kind { file, camera, url, pipeline };

// What a name means. What is there on disk under it comes first, whatever the name looks like.
Kind kind_of(const std::string& source);

using Entries = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string source;
    std::string name;  // for messages
    double timeout = 10.0;
    Entries options;  // of FFmpeg
    int threads = 1;         // of a file's decoder
    bool reconnect = false;  // it is connected again when it is lost, and must be live

    // CBOR (RFC 8949), in which names are bytes of any kind: JSON would refuse those that are not UTF-8.
    std::vector<std::uint8_t> encode() const;
    static Request decode(const std::vector<std::uint8_t>& message);  // throws std::exception
};

}  // namespace app
