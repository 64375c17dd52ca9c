// libFuzzer: any bytes as an ONNX model.
#include <cstddef>
#include <stdexcept>

#include "bundle/onnx_wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        edgeseg::has_external_data({data, data + size});
    } catch (const std::invalid_argument&) {  // refused
    }
    return 0;
}
