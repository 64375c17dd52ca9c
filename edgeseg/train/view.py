"""Which part of a picture a crop shows, and the same part of what is known about that picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class View(NamedTuple):
    """Where a grid lies in a picture: its position (x, y) is the picture's (left + across * x, top + down * y).

    Grid positions count cells from the grid's top left corner; the picture's run from 0 to 1, left to right and top to
    bottom. A negative step is a mirror image.
    """

    left: float
    across: float
    top: float
    down: float

    def coarser(self, cells: int) -> View:
        """The view of a grid whose cells are `cells` x `cells` of this one's."""
        return self._replace(across=self.across * cells, down=self.down * cells)


def look(maps: Tensor, views: Sequence[View], width: int, height: int) -> Tensor:
    """What grids of that size see of maps (N, C, h, w) of whole pictures: (N, C, height, width), bilinear.

    Outside the picture is what is at its border.
    """
    # As affine_grid has it: positions in the grid and in the map run from -1 to 1.
    theta = [
        [
            [view.across * width, 0, 2 * view.left + view.across * width - 1],
            [0, view.down * height, 2 * view.top + view.down * height - 1],
        ]
        for view in views
    ]
    grid = functional.affine_grid(torch.tensor(theta, dtype=maps.dtype), [len(theta), 1, height, width], False)
    return functional.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)
