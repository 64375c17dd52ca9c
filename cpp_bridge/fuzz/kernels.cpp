// libFuzzer: kernels on images and logits of any shape, place and value. Memory is exactly as large as was said; every
// instruction set gives the same bytes, and the pruned arg-max those of the one that
// computes every class, but where two tie.
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "edgeseg/instruction_set.hpp"
#include "edgeseg/kernels.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

// Takes numbers from the input; zeros past its end.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    template <typename Number>
    Number take() {
        Number number{};
        const std::size_t bytes = size_ < sizeof number ? size_ : sizeof number;
        if (bytes > 0) std::memcpy(&number, data_, bytes);
        data_ += bytes;
        size_ -= bytes;
        return number;
    }

    int within(int low, int high) { return low + take<std::uint8_t>() % (high - low + 1); }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
};

// What a kernel writes on each instruction set, or that it refuses, is the same.
void same_everywhere(std::size_t bytes, const std::function<void(Bytes&)>& kernel) {
    Bytes first;
    bool first_refused = false, begun = false;
    for (const std::string& level : edgeseg::instruction_sets()) {
        edgeseg::set_instruction_set(level);
        Bytes out(bytes);
        bool refused = false;
        try {
            kernel(out);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        if (begun && (refused != first_refused || (!refused && out != first))) std::abort();
        first = out;
        first_refused = refused;
        begun = true;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const int width = input.within(1, 70), height = input.within(1, 40), gap = input.within(0, 3);
    const int to_width = input.within(1, 70), to_height = input.within(1, 40), channels = input.within(1, 4);
    const int classes = input.within(1, 20), rows = input.within(1, 12), columns = input.within(1, 20);
    edgeseg::Rect rect{0, 0, static_cast<double>(columns), static_cast<double>(rows)};
    if (input.within(0, 1) == 1) {
        rect = {input.take<double>(), input.take<double>(), input.take<double>(), input.take<double>()};
    }
    std::vector<float> values(static_cast<std::size_t>(classes * rows * columns));
    const bool raw = input.within(0, 3) == 3;  // bits of any kind, else small numbers, which tie often
    for (float& each : values) each = raw ? input.take<float>() : static_cast<float>(input.take<std::int8_t>());
    const edgeseg::Logits logits{values.data(), classes, rows, columns};

    const std::ptrdiff_t stride = std::ptrdiff_t{width} * channels + gap;
    Bytes frame(static_cast<std::size_t>(stride * (height - 1) + std::ptrdiff_t{width} * channels));
    for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::uint8_t>(31 * i + values.size());
    const edgeseg::ConstImage source{frame.data(), width, height, channels, stride};
    const auto pixels = static_cast<std::size_t>(to_width * to_height);
    same_everywhere(pixels * static_cast<std::size_t>(channels), [&](Bytes& out) {
        edgeseg::resize(source, {out.data(), to_width, to_height, channels, std::ptrdiff_t{to_width} * channels});
    });
    same_everywhere(pixels, [&](Bytes& out) {
        const edgeseg::Image mask{out.data(), to_width, to_height, 1, to_width};
        edgeseg::argmax(logits, rect, mask);
        Bytes whole(pixels);
        edgeseg::argmax_unpruned(logits, rect, {whole.data(), to_width, to_height, 1, to_width});
        std::vector<float> margins(pixels);
        edgeseg::margin(logits, rect, margins.data(), to_width, to_height);
        for (std::size_t i = 0; i < pixels; ++i) {
            if (whole[i] != out[i] && margins[i] > 0) std::abort();
        }
    });
    same_everywhere(pixels * sizeof(float), [&](Bytes& out) {
        std::vector<float> margins(pixels);
        edgeseg::margin(logits, rect, margins.data(), to_width, to_height);
        std::memcpy(out.data(), margins.data(), out.size());
    });
    same_everywhere(pixels * static_cast<std::size_t>(classes), [&](Bytes& out) {
        edgeseg::labels(logits, rect, out.data(), to_width, to_height);
    });
    const Bytes colours(60, 200), picture(3 * pixels, 90);
    same_everywhere(3 * pixels, [&](Bytes& out) {
        edgeseg::overlay(logits, rect, {picture.data(), to_width, to_height, 3, 3 * std::ptrdiff_t{to_width}},
                         {colours.data(), 20}, 0.4, {out.data(), to_width, to_height, 3, 3 * std::ptrdiff_t{to_width}},
                         nullptr);
    });
    return 0;
}
