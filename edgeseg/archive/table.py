"""The table of a video: a row a frame, as Parquet. A piece's holds the masks too, until they are joined."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edgeseg import kernels
from edgeseg.archive import events
from edgeseg.archive.events import Watch
from edgeseg.archive.masks import class_table
from edgeseg.arrays import Logits, Mask
from edgeseg.serve.rules.shares import RuleShares
from edgeseg.spec import Spec
from edgeseg.video.masks import PARAMETERS

MASKS = "masks"
"""The column of a piece's masks: PNG, one a frame; of labels that may overlap, one a label."""

METADATA = b"edgeseg"
"""Where the schema carries what the masks were made with, as JSON."""

ROWS = 64
"""Frames that are held in memory before they are written."""


def schema(spec: Spec, origin: dict[str, Any], *, masks: bool = False, rules: bool = False) -> pa.Schema:
    """The columns: frame, time, width, height, confidence, and a fraction for each class.

    Args:
        spec: whose classes they are.
        origin: what the masks were made with, for the metadata.
        masks: a piece's table, with the masks in it.
        rules: what they say is in it too; in a piece's, the shares that they look at.
    """
    fields = [
        pa.field("frame", pa.int64()),
        pa.field("time", pa.float64()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("confidence", pa.float32()),
        *(pa.field(f"fraction_{name}", pa.float32()) for name in spec.classes),
    ]
    if rules:
        fields += [pa.field(events.SHARES, pa.list_(pa.float64()))] if masks else events.FIELDS
    if masks:
        fields.append(pa.field(MASKS, pa.list_(pa.binary())))
    return pa.schema(fields, {METADATA: json.dumps({"classes": class_table(spec), **origin})})


def fractions(spec: Spec, mask: Mask) -> list[float]:
    """The part of the frame that each class covers, 0 to 1; of labels that may overlap, each by itself."""
    if spec.head.exclusive:
        count = len(spec.classes)
        pixels = cv2.calcHist([mask], [0], None, [count], [0, count]).ravel() / mask.size
        return [float(part) for part in pixels]
    return [cv2.countNonZero(plane) / plane.size for plane in mask]


def confidence(spec: Spec, logits: Logits, width: int, height: int) -> float:
    """The mean, over the logits that the frame covers, of how far the best class is above the next, in logits.

    Of labels that may overlap, how far each is from its threshold. `Segmenter.confidence` is the same for each pixel.

    Args:
        spec: of the network.
        logits: (1, C, h, w), float32.
        width: of the frame, in pixels.
        height: of the frame, in pixels.
    """
    x, y, across, down = spec.rect(width, height)
    covered = logits[0, :, math.floor(y) : math.ceil(y + down), math.floor(x) : math.ceil(x + across)]
    size = covered.shape[2], covered.shape[1]
    sets = [covered] if spec.head.exclusive else list(covered[:, np.newaxis])
    return float(np.mean([kernels.margin(np.ascontiguousarray(each), *size).mean() for each in sets]))


class PieceTable:
    """The table of a piece, written frame by frame in bounded memory.

    Attributes:
        warnings: one sentence each, on zones in which nothing can be seen.
    """

    def __init__(self, path: Path, spec: Spec, watch: Watch | None) -> None:
        self._spec = spec
        self._shares = None if watch is None else RuleShares(watch.zones, watch.rules, spec.classes)
        self._schema = schema(spec, {}, masks=True, rules=watch is not None)
        self._rows: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self._file = path.open("wb")  # as in `opened`
        self._writer = pq.ParquetWriter(self._file, self._schema, compression="none", use_dictionary=False)

    def add(self, time: float, mask: Mask, confidence: float) -> None:
        """Adds a frame.

        Args:
            time: it is shown at, in seconds since the video's first.
            mask: uint8, `spec.mask_shape`.
            confidence: as the function of that name gives it.
        """
        exclusive = self._spec.head.exclusive
        planes = [mask] if exclusive else [np.where(plane, np.uint8(255), np.uint8(0)) for plane in mask]
        height, width = mask.shape[-2:]
        row = {"frame": 0, "time": time, "width": width, "height": height, "confidence": confidence}
        row |= {
            f"fraction_{name}": part for name, part in zip(self._spec.classes, fractions(self._spec, mask), strict=True)
        }
        if self._shares is not None:
            row[events.SHARES] = self._shares.of(mask)
            self.warnings += [each for each in self._shares.empty() if each not in self.warnings]
        row[MASKS] = [cv2.imencode(".png", plane, PARAMETERS)[1].tobytes() for plane in planes]
        self._rows.append(row)
        if len(self._rows) == ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []

    def __enter__(self) -> PieceTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            with self._file:
                self._writer.close()


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A table on disk. pyarrow itself opens no path that is not UTF-8."""
    with path.open("rb") as file, pq.ParquetFile(file) as table:
        yield table


def rows(file: BinaryIO) -> int:
    """How many frames a table holds."""
    return int(pq.read_metadata(file).num_rows)


def last_time(path: Path) -> float:
    """Seconds at which the last frame of a table is shown."""
    with opened(path) as table:
        return float(table.read(columns=["time"])["time"][-1].as_py())


def origin(file: BinaryIO) -> dict[str, Any]:
    """What the masks of a finished video were made with: the JSON of its table's metadata."""
    found: dict[str, Any] = json.loads(pq.read_schema(file).metadata[METADATA])
    return found
