"""What work costs: the figures that `python -m lab.archive.costs` measures, and what each task asks for by them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from edgeseg.archive.tasks import Task


class Demand(NamedTuple):
    """What a task asks for.

    Attributes:
        reads: requests to the object store before the work: GET, HEAD.
        writes: requests after it: PUT, DELETE.
        bytes_in: that are read.
        bytes_out: that are written.
        seconds: of one core, but for the frames.
        frames: that are segmented.
    """

    reads: int
    writes: int
    bytes_in: float
    bytes_out: float
    seconds: float
    frames: int


@dataclass(frozen=True)
class Costs:
    """Seconds of a core, and bytes.

    Attributes:
        start: from the start of a worker to its first task.
        listing: for each file that is found.
        begin: to look at a video.
        index: for each of its frames, if it is cut.
        piece: to open and close a piece.
        frame: for each of its frames: decode, infer, arg-max, statistics, PNG and table.
        join: to make a video's results.
        join_frame: for each of its frames.
        driver_task: of the driver, for a task: handing out, taking back.
        driver_worker: of the driver, for each worker whenever it looks who has finished.
        driver_look: of the driver, to ask a worker how far it is.
        look_seconds: between two such questions to a worker, at least.
        looks: such questions a second, at most.
        bytes_in: of a frame in its video.
        bytes_piece: of a frame in a piece's table, masks included.
        bytes_result: of a frame in a video's results.
    """

    start: float
    listing: float
    begin: float
    index: float
    piece: float
    frame: float
    join: float
    join_frame: float
    driver_task: float
    driver_worker: float
    driver_look: float
    look_seconds: float
    looks: float
    bytes_in: float
    bytes_piece: float
    bytes_result: float


@dataclass(frozen=True)
class Archive:
    """Videos that are all alike.

    Attributes:
        videos: how many.
        pieces: frames of each piece of one.
    """

    videos: int
    pieces: tuple[int, ...]

    @classmethod
    def cut(cls, videos: int, frames: int, piece: int) -> Archive:
        """Videos of so many frames; those of fewer than two pieces are not cut, as in `edgeseg.archive.plan`."""
        if frames < 2 * piece:
            return cls(videos, (frames,))
        whole, rest = divmod(frames, piece)
        return cls(videos, (piece,) * whole + ((rest,) if rest else ()))

    @cached_property
    def frames(self) -> int:
        """Of a video."""
        return sum(self.pieces)


def demand(task: Task, archive: Archive, costs: Costs) -> Demand:
    """What a task asks for; requests are counted in `edgeseg.archive.worker`, one for each file that it touches."""
    pieces, frames = archive.pieces, archive.frames
    video, masks, results = (frames * each for each in (costs.bytes_in, costs.bytes_piece, costs.bytes_result))
    if task.kind == "begin" and len(pieces) > 1:  # looks for results, plan and video; writes the plan
        return Demand(3, 1, video, 0, costs.begin + costs.index * frames, 0)
    if task.kind == "piece":  # looks for the piece, reads plan and video; writes the table
        part = pieces[task.piece]
        return Demand(3, 1, part * costs.bytes_in, part * costs.bytes_piece, costs.piece, part)
    if task.kind == "join":  # for each piece warnings and table; writes two files, removes pieces and plan
        count = len(pieces)
        return Demand(2 + 2 * count, 3 + count, masks, results, costs.join + costs.join_frame * frames, 0)
    seconds = costs.begin + costs.piece + costs.join + costs.join_frame * frames
    return Demand(7, 6, video + masks, masks + results, seconds, frames)
