// Which classes a grey picture holds: classes BUNDLE [ENGINE]
#include <cstdio>
#include <edgeseg/segmenter.hpp>
#include <set>
#include <vector>

int main(int count, char** arguments) {
    if (count < 2) {
        std::fprintf(stderr, "usage: classes BUNDLE [ENGINE]\n");
        return 2;
    }
    try {
        const auto bundle = edgeseg::Bundle::open(arguments[1]);
        edgeseg::Options options;
        options.precision = "fp32";
        if (count > 2) options.engine = arguments[2];
        auto model = edgeseg::Segmenter::open(bundle, options);
        const std::vector<std::uint8_t> frame(3 * 640 * 480, 127);
        std::vector<std::uint8_t> mask(640 * 480);
        model.segment({frame.data(), 640, 480, 3, 3 * 640}, {mask.data(), 640, 480, 1, 640});
        for (const std::uint8_t id : std::set<std::uint8_t>(mask.begin(), mask.end())) {
            std::puts(model.spec().classes[id].c_str());
        }
    } catch (const edgeseg::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
    return 0;
}
