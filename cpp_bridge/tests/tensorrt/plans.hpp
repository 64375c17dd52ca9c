// Plans for the stand-in, with the notes and the seal that edgeseg/engines/tensorrt/sidecar.py gives them (test_plan.py has
// plan.cpp read Python's), in a cache folder of the test's own.
#pragma once

#include <NvInferRuntime.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bundle/file.hpp"
#include "engines/runtime.hpp"
#include "engines/tensorrt/notes.hpp"
#include "expect.hpp"

namespace test {

const std::string kSampled = "input frame 5 1 40 60 3\noutput logits 0 1 3 20 30\n";  // that of sampled_spec
const std::string kOpen = "input frame 5 1 -1 -1 3\noutput logits 0 1 3 -1 -1\n";

class Cache {
  public:
    Cache() {
        std::string name = (std::filesystem::temp_directory_path() / "edgeseg-plans-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) std::abort();
        folder_ = name;
        setenv("EDGESEG_CACHE", name.c_str(), 1);
        write(folder_ / ".key", std::string(32, 'k'));
        chmod((folder_ / ".key").c_str(), 0600);
    }
    ~Cache() { std::filesystem::remove_all(folder_); }

    // Of the artifact of that name and content, for the stand-in's card.
    void put(const std::string& artifact, const std::vector<std::uint8_t>& content, const std::string& network) const {
        const std::string sha256 = edgeseg::sha256_of(content);
        const std::string name = std::filesystem::path(artifact).stem().string() + "." + sha256.substr(0, 16) +
                                 ".tensorrt.sm8.7.engine";
        const char version[] = {NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH, 23};
        const std::string plan = "ftrt" + std::string(20, '\0') + std::string(version, sizeof version) + network;
        utsname system{};
        uname(&system);
        nlohmann::json notes{{"format", 1},
                             {"plan_sha256", edgeseg::sha256_of({plan.begin(), plan.end()})},
                             {"key",
                              {{"product", "tensorrt"},
                               {"version", "10.7.0.23"},
                               {"system", std::string(system.sysname) + " " + system.machine},
                               {"compute_capability", "8.7"},
                               {"options", nlohmann::json::object()},
                               {"onnx_sha256", sha256}}}};
        notes["seal"] = seal(name + ".json" + '\0' + edgeseg::canonical(notes));
        write(folder_ / name, plan);
        write(folder_ / (name + ".json"), notes.dump());
    }

  private:
    static std::string seal(const std::string& message) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int length = 0;
        HMAC(EVP_sha256(), std::string(32, 'k').data(), 32, reinterpret_cast<const unsigned char*>(message.data()),
             message.size(), digest, &length);
        std::string text;
        for (unsigned int i = 0; i < length; ++i) {
            text += "0123456789abcdef"[digest[i] >> 4];
            text += "0123456789abcdef"[digest[i] & 15];
        }
        return text;
    }

    static void write(const std::filesystem::path& file, const std::string& content) {
        std::ofstream(file, std::ios::binary) << content;
        chmod(file.c_str(), 0600);
    }

    std::filesystem::path folder_;
};

// The engine tensorrt with a plan of that network.
inline std::shared_ptr<edgeseg::Engine> open_plan(const Cache& cache, const std::string& network = kSampled) {
    const edgeseg::Spec spec = sampled_spec();
    const std::vector<std::uint8_t> content(network.begin(), network.end());
    const edgeseg::Model model{"/bundles/sampled.onnx", content, edgeseg::sha256_of(content), spec};
    cache.put(model.path, model.content, network);
    return edgeseg::open_tensorrt(model, 1);
}

}  // namespace test
