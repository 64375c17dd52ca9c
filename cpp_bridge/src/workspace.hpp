// What a Workspace holds.
#pragma once

#include <cstdint>
#include <vector>

#include "edgeseg/kernels.hpp"
#include "grid.hpp"

namespace edgeseg {

struct Workspace::Memory {
    Grid grid;
    std::vector<FixedSample> columns;
    std::vector<std::uint16_t> row;
};

}  // namespace edgeseg
