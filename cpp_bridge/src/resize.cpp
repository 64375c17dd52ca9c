#include <algorithm>
#include <stdexcept>
#include <vector>

#include "edgeseg/kernels.hpp"
#include "edgeseg/pixel.hpp"
#include "loops.hpp"
#include "memory.hpp"
#include "workspace.hpp"

namespace edgeseg {

void resize(const ConstImage& frame, const Image& out) {
    Workspace workspace;
    resize(frame, out, workspace);
}

void resize(const ConstImage& frame, const Image& out, Workspace& workspace) {
    if (frame.channels < 1 || frame.channels > 4 || frame.channels != out.channels) {
        throw std::invalid_argument("resize takes 1 to 4 channels, as many in the output as in the frame");
    }
    if (std::min({frame.width, frame.height, out.width, out.height}) < 1) {
        throw std::invalid_argument("resize takes sizes of at least 1x1");
    }
    check_apart(!overlap(frame, out));
    const Loops& use = loops();
    std::vector<FixedSample>& columns = workspace.memory().columns;
    columns.resize(static_cast<std::size_t>(out.width));
    for (int x = 0; x < out.width; ++x) columns[static_cast<std::size_t>(x)] = fixed_sample(x, out.width, frame.width);

    // One pixel more than the frame: the right neighbour (weight 0) of a frame one pixel wide, and whole vector loads.
    const int values = frame.width * frame.channels;
    std::vector<std::uint16_t>& row = workspace.memory().row;
    row.assign(static_cast<std::size_t>(values) + 8, 0);
    for (int y = 0; y < out.height; ++y) {
        const FixedSample line = fixed_sample(y, out.height, frame.height);
        const int below = std::min(line.index + 1, frame.height - 1);
        use.resize_vertical(frame.row(line.index), frame.row(below), line, values, row.data());
        use.resize_horizontal(row.data(), columns.data(), out.width, out.channels, out.row(y));
    }
}

}  // namespace edgeseg
