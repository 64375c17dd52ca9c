// The golden vectors: hashes that OpenCV and NumPy gave (tests/cpp/vectors.py), for inputs that both sides make.
#include <openssl/evp.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "edgeseg/instruction_set.hpp"
#include "expect.hpp"

using namespace test;
using Json = nlohmann::json;

namespace {

std::string sha256_of(const Bytes& content) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    EVP_Digest(content.data(), content.size(), digest, &length, EVP_sha256(), nullptr);
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", digest[i]);
        text += two;
    }
    return text;
}

Bytes resized(const Json& of) {
    const int width = of["from"][0], height = of["from"][1], channels = of["channels"];
    const int to_width = of["to"][0], to_height = of["to"][1];
    const Bytes frame = noise(static_cast<std::size_t>(width * height * channels), of["seed"]);
    Bytes out(static_cast<std::size_t>(to_width * to_height * channels));
    edgeseg::resize({frame.data(), width, height, channels, width * channels},
                    {out.data(), to_width, to_height, channels, to_width * channels});
    return out;
}

// Three bytes make one logit, a number of 24 bits.
Bytes masked(const Json& of) {
    const int classes = of["logits"][0], rows = of["logits"][1], columns = of["logits"][2];
    const Bytes bytes = noise(static_cast<std::size_t>(3 * classes * rows * columns), of["seed"]);
    std::vector<float> logits(bytes.size() / 3);
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const int value = bytes[3 * i] << 16 | bytes[3 * i + 1] << 8 | bytes[3 * i + 2];
        logits[i] = static_cast<float>(value - 8388608) / 65536;
    }
    const int width = of["to"][0], height = of["to"][1];
    Bytes mask(static_cast<std::size_t>(width * height));
    const Json& rect = of["rect"];
    edgeseg::argmax({logits.data(), classes, rows, columns}, {rect[0], rect[1], rect[2], rect[3]},
                    {mask.data(), width, height, 1, width});
    return mask;
}

}  // namespace

int main(int, char** arguments) {
    const Json vectors = Json::parse(std::ifstream(arguments[1]));
    expect(vectors.size() >= 20, "there are vectors");
    for (const std::string& level : edgeseg::instruction_sets()) {
        edgeseg::set_instruction_set(level);
        for (const Json& each : vectors) {
            const Bytes out = each["kernel"] == "resize" ? resized(each) : masked(each);
            expect(sha256_of(out) == each["sha256"].get<std::string>(), level + ": " + each.dump());
        }
    }
    return result("every bit as OpenCV and NumPy have it");
}
