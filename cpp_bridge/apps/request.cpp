#include "request.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "camera.hpp"
#include "names.hpp"

namespace app {

Kind kind_of(const std::string& source) {
    if (is_camera(source)) return Kind::camera;
    std::error_code failure;  // a name can be too long for a file, as pipelines are
    if (std::filesystem::exists(source, failure)) return Kind::file;
    if (source.find(" ! ") != std::string::npos) return Kind::pipeline;
    return is_url(source) ? Kind::url : Kind::file;
}

std::vector<std::uint8_t> Request::encode() const {
    return nlohmann::json::to_cbor({{"source", source},
                                    {"name", name},
                                    {"timeout", timeout},
                                    {"options", options},
                                    {"threads", threads},
                                    {"reconnect", reconnect}});
}

Request Request::decode(const std::vector<std::uint8_t>& message) {
    const nlohmann::json json = nlohmann::json::from_cbor(message);
    return {json.at("source"), json.at("name"), json.at("timeout"), json.at("options").get<Entries>(),
            json.at("threads"),      json.at("reconnect")};
}

}  // namespace app
