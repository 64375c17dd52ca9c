#include "edgeseg/kernels.hpp"
#include "grid.hpp"

namespace edgeseg {

void margin(const Logits& logits, const Rect& rect, float* out, int width, int height) {
    Grid grid(logits, rect, width, height);
    const Loops& use = loops();
    const Cells columns = grid.columns(), rows = grid.rows();
    for (int band = 0; band < rows.count; ++band) {
        use.margin_band(grid.logits(), columns, rows, band, grid.memory(),
                        out + static_cast<std::ptrdiff_t>(rows.begin[band]) * width, width);
    }
}

}  // namespace edgeseg
