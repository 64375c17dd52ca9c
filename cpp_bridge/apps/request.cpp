#include "request.hpp"

#include <filesystem>

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

nlohmann::json Request::to_json() const {
    return {{"source", source}, {"name", name}, {"timeout", timeout}, {"options", options}, {"threads", threads},
            {"reconnect", reconnect}};
}

Request Request::from_json(const nlohmann::json& json) {
    return {json.at("source"), json.at("name"), json.at("timeout"), json.at("options").get<Entries>(),
            json.at("threads"),      json.at("reconnect")};
}

}  // namespace app
