#include "edgeseg/kernels.hpp"
#include "grid.hpp"

namespace edgeseg {
namespace {

void fill(Grid& grid, const std::uint8_t* winners, const Image& mask) {
    const Loops& use = loops();
    const Cells columns = grid.columns(), rows = grid.rows();
    for (int band = 0; band < rows.count; ++band) {
        use.argmax_band(grid.logits(), winners, columns, rows, band, grid.corners(), grid.spans(),
                        mask.row(rows.begin[band]), mask.stride);
    }
}

}  // namespace

void argmax(const Logits& logits, const Rect& rect, const Image& mask) {
    Grid grid(logits, rect, mask.width, mask.height);
    fill(grid, grid.winners(), mask);
}

void argmax_unpruned(const Logits& logits, const Rect& rect, const Image& mask) {
    Grid grid(logits, rect, mask.width, mask.height);
    fill(grid, nullptr, mask);
}

}  // namespace edgeseg
