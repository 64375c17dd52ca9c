"""Our networks by kind: what takes long to show is shown of one of each, in `make matrix` of all."""

from __future__ import annotations

import os

from edgeseg.models import NETWORKS
from tests.matrix.networks import ALL

ALIKE = {"lite-fpn", "lite-fpn-fused", "lite-fpn-large", "lite-fpn-nano", "segnet", "segnet-basic"}
"""They are made of the same blocks as lite-fpn-nano-fused or segnet-basic-quarter, which are smaller."""

KINDS = sorted(NETWORKS if os.environ.get(ALL) == "all" else NETWORKS.keys() - ALIKE)
