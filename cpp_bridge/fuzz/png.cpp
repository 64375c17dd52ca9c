// libFuzzer: any bytes as a golden frame or its mask.
#include <cstddef>
#include <cstdlib>
#include <stdexcept>

#include "bundle/png.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const int channels : {1, 3}) {
        try {
            const auto samples = edgeseg::decode_png({data, data + size}, {5, 4}, channels);
            if (samples.size() != static_cast<std::size_t>(20 * channels)) std::abort();
        } catch (const std::invalid_argument&) {  // refused
        }
    }
    return 0;
}
