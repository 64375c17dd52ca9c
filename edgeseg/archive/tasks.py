"""What workers are asked to do, and what comes of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from edgeseg.archive.videos import Video


class Task(NamedTuple):
    """One thing to do for a video.

    Attributes:
        kind: "begin" cuts it, and does all of it if it is one piece; "piece" segments one; "join" makes its results of
            the pieces; "whole" does all of it as one piece, where it turned out that it cannot be cut.
        video: which.
        piece: its number, for "piece".
    """

    kind: Literal["begin", "piece", "join", "whole"]
    video: Video
    piece: int = 0


class Work(NamedTuple):
    """What was segmented: `frames`, and the seconds that each stage took: decode, infer, mask, write, join."""

    frames: int
    seconds: dict[str, float]


NOTHING = Work(0, {})


class Begun(NamedTuple):
    """The video is cut.

    Attributes:
        pieces: how many.
        finished: numbers of those that are there from an earlier run.
        frames_before: in those.
        frames: that the video announces, None if it does not.
    """

    pieces: int
    finished: frozenset[int]
    frames_before: int
    frames: int | None


class Made(NamedTuple):
    """A piece is finished, by that work, of this run."""

    work: Work


class Finished(NamedTuple):
    """A video's results are there.

    Attributes:
        frames: in them.
        work: that was done for it just now, by this task.
        earlier: they were there from an earlier run.
        warnings: one sentence each.
    """

    frames: int
    work: Work
    earlier: bool
    warnings: tuple[str, ...]


class Inseparable(NamedTuple):
    """The video cannot be cut after all, and why."""

    reason: str


class Failed(NamedTuple):
    """It came to nothing.

    Attributes:
        reason: a sentence.
        fatal: no other video would fare better, as on a full disk.
    """

    reason: str
    fatal: bool = False


Outcome = Begun | Made | Finished | Inseparable | Failed
