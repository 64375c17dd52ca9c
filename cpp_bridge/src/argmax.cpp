#include "edgeseg/kernels.hpp"
#include "grid.hpp"
#include "workspace.hpp"

namespace edgeseg {

void argmax(const Logits& logits, const Rect& rect, const Image& mask) {
    Workspace workspace;
    argmax(logits, rect, mask, workspace);
}

void argmax(const Logits& logits, const Rect& rect, const Image& mask, Workspace& workspace) {
    Grid& grid = workspace.memory().grid;
    grid.set(logits, rect, mask.width, mask.height);
    const Loops& use = loops();
    const Cells columns = grid.columns(), rows = grid.rows();
    for (int band = 0; band < rows.count; ++band) {
        use.argmax_band(grid.logits(), grid.winners(), columns, rows, band, grid.memory(), grid.spans(),
                        mask.row(rows.begin[band]), mask.stride);
    }
}

void argmax_unpruned(const Logits& logits, const Rect& rect, const Image& mask) {
    Grid grid(logits, rect, mask.width, mask.height);
    const Loops& use = loops();
    const Cells columns = grid.columns(), rows = grid.rows();
    for (int band = 0; band < rows.count; ++band) {
        use.argmax_unpruned_band(grid.logits(), columns, rows, band, grid.memory(), mask.row(rows.begin[band]),
                                 mask.stride);
    }
}

}  // namespace edgeseg
