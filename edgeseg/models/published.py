"""What the papers say of our networks on CamVid, to compare with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """What a paper says of a network on CamVid's 11 classes at 480x360, test split, in percent; None: not stated.

    Attributes:
        miou: mean intersection over union.
        boundary_f1: as `edgeseg.accuracy.boundary` has it.
        class_accuracy: mean over the classes.
        pixel_accuracy: over all pixels.
        comparable: it was trained from scratch on the train split alone, at the paper's width.
        source: where it stands, and what else must be known.
    """

    miou: float
    boundary_f1: float | None
    class_accuracy: float | None
    pixel_accuracy: float | None
    comparable: bool
    source: str


SEGNET = "Badrinarayanan et al., PAMI 2017"
PUBLISHED = {
    "segnet-basic": Published(47.7, 35.8, 62.0, 82.7, True, f"{SEGNET}, median-frequency weights"),
    "segnet": Published(60.1, None, None, None, False, f"{SEGNET}, trained on 3400 more images"),
}
"""By network. There is no trustworthy figure for the others: those that are quoted for U-Net are of the val split."""
