"""How a video is cut into pieces; written down, so that a run which goes on finds the same ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from edgeseg.archive import store
from edgeseg.archive.address import Location
from edgeseg.archive.store import Status
from edgeseg.errors import OutputError
from edgeseg.json_fields import list_of, optional, required
from edgeseg.video.file import VideoSource, early_end, is_early
from edgeseg.video.open import open_source
from edgeseg.video.source import NOMINAL_FPS, Source
from edgeseg.video.span import Span, SpanSource, cut

FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """How a video is cut.

    Attributes:
        bytes: its size when it was cut.
        changed: when it had changed last, in nanoseconds since 1970.
        start_time: seconds on its container's clock at which its first frame is shown.
        frames: how many it announces, None if it does not.
        fps: the rate that it announces, None if it does not.
        spans: its pieces; empty where it is one.
        length: seconds that it announces, None if it does not.
    """

    bytes: int
    changed: int
    start_time: float
    frames: int | None
    fps: Fraction | None
    spans: tuple[Span, ...]
    length: float | None = None

    @classmethod
    def of(cls, path: Path, seconds: float, status: Status) -> Plan:
        """Cuts a video into pieces of so many seconds; math.inf leaves it whole.

        Args:
            path: of the video, on disk.
            seconds: of a piece.
            status: of the video, where it comes from.

        Raises:
            SourceError: it is missing, no video, or has no frame that can be decoded.
        """
        with open_source(path) as source:
            frames, fps = source.frame_count, source.fps
            known = None if frames is None or fps is None else frames / fps
            long = known is None or known >= 2 * seconds
            start, length = (source.start_time, source.length) if isinstance(source, VideoSource) else (None, None)
        spans = cut(path, seconds) if start is not None and long else ()
        several = spans if len(spans) > 1 else ()
        return cls(status.bytes, status.changed, start or 0.0, frames, fps, several, length)

    @property
    def pieces(self) -> int:
        """How many."""
        return max(1, len(self.spans))

    def early_end(self, path: Location, frames: int, last: float) -> str | None:
        """The warning of a video in several pieces that ends early; None if it does not.

        Of one in one piece, its source says it.

        Args:
            path: of the video.
            frames: in its results.
            last: seconds at which the last of them is shown.
        """
        period = float(1 / (self.fps or NOMINAL_FPS))
        if not self.spans or frames == self.frames or not is_early(last + period, self.length, period):
            return None
        return early_end(str(path), frames, last + period, self.length)

    def is_of(self, path: Location) -> bool:
        """Whether the video is still what was cut."""
        return store.status(path) == (self.bytes, self.changed)

    @contextmanager
    def open(self, path: Location, piece: int) -> Iterator[Source]:
        """The frames of a piece, numbered from 0, with their times in the whole video.

        Of an object that is cut, no more is read than the piece; one that is not, is read from a copy.

        Raises:
            SourceError: the video cannot be read.
            InseparableError: the piece cannot be decoded by itself.
        """
        if not self.spans:
            with store.fetch(path) as copy, open_source(copy) as source:
                yield source
        elif isinstance(path, Path):
            with SpanSource(path, self.spans[piece], self.start_time) as source:
                yield source
        else:
            with (
                store.open_file(path) as file,
                SpanSource(str(path), self.spans[piece], self.start_time, file=file) as source,
            ):
                yield source

    def write(self, path: Location) -> None:
        """Writes it down, whole or not at all.

        Raises:
            OutputError: the disk is full.
        """
        fps = None if self.fps is None else str(self.fps)
        store.write(path, json.dumps({"format": FORMAT, **asdict(self), "fps": fps}))

    @classmethod
    def read(cls, path: Location) -> Plan | None:
        """What `write` wrote; None if there is none.

        Raises:
            OutputError: it is damaged.
        """
        advice = f"remove {path.parent}, and the video starts over"
        data = store.read_json(path, unreadable=advice)
        if data is None:
            return None

        def field(key: str, kind: type[Any]) -> Any:
            return required(data, key, kind, where=str(path), error=OutputError)

        if field("format", int) != FORMAT:
            raise OutputError(f"{path} has format {data['format']}, expected {FORMAT}; {advice}")
        spans = list_of(data, "spans", list, where=str(path), error=OutputError)
        if not all(len(span) == 2 and type(span[1]) is int and type(span[0]) in (int, type(None)) for span in spans):
            raise OutputError(f"{path} holds spans that are none; {advice}")
        fps = optional(data, "fps", str, where=str(path), error=OutputError)
        return cls(
            bytes=field("bytes", int),
            changed=field("changed", int),
            start_time=float(field("start_time", float)),
            frames=optional(data, "frames", int, where=str(path), error=OutputError),
            fps=None if fps is None else Fraction(fps),
            spans=tuple(Span(*span) for span in spans),
            length=optional(data, "length", float, where=str(path), error=OutputError) if "length" in data else None,
        )
