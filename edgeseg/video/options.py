"""How a stream works: what `edgeseg.stream` takes as keywords, and `edgeseg run` as options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgeseg.errors import UsageError
from edgeseg.processor import available_cores, most_threads
from edgeseg.spec import MOST_PICTURES
from edgeseg.video.supervised.life import Policy

Mode = Literal["throughput", "latency"]
"""Many frames at once on one core each, or one frame at a time on all cores."""


LONGEST_STALL = 3600.0
"""Seconds."""

LONGEST_BATCH_WAIT = 60.0
"""Seconds."""

MARGIN = 3.0
"""Seconds that a source may overstep its time-out before its process is ended."""


def engine_threads(mode: Mode) -> int:
    """Threads to load a model with: 1 for throughput, where every core has a worker; all for latency."""
    return 1 if mode == "throughput" else available_cores()


@dataclass(frozen=True)
class StreamOptions:
    """How a stream works.

    Attributes:
        mode: "throughput" segments as many frames at once as cores and the model's threads allow; "latency" one.
        workers: how many frames at once, instead of what the mode says.
        overlay: compute overlays.
        masks: compute masks.
        alpha: weight of the classes' colours in an overlay, 0 to 1.
        max_frames: stop after so many.
        queue: finished results that may wait for the caller; 2 a worker by default, 1 in latency mode.
        batch: frames of a file, or of any source that is not live, that the network is given at once, at most.
        batch_wait: seconds that a frame that was read may wait for others, where there are fewer.
        timeout: seconds that a live source may take to open, and to give each frame.
        tolerate_loss: let a live source that breaks off end the stream like any other end, instead of a LostError.
        reconnect: read a live source in a process of its own, which is watched, and connect it again when it is lost.
        stall_after: seconds without a new frame after which such a source is stalled; after as many again it is
            connected anew; None: 3, which is Policy's.
        give_up_after: seconds without a frame after which it is lost for good; None: never.

    Raises:
        UsageError: a value is out of range.
    """

    mode: Mode = "throughput"
    workers: int | None = None
    overlay: bool = False
    masks: bool = True
    alpha: float = 0.5
    max_frames: int | None = None
    queue: int | None = None
    batch: int = 1
    batch_wait: float = 0.0
    timeout: float = 10.0
    tolerate_loss: bool = False
    reconnect: bool = False
    stall_after: float | None = None
    give_up_after: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("throughput", "latency"):
            raise UsageError(f'mode is {self.mode!r}, expected "throughput" or "latency"')
        if not (self.overlay or self.masks):
            raise UsageError("neither masks nor overlays are asked for; ask for one of them")
        for name in ("workers", "max_frames", "queue", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}, expected at least 1")
        if self.workers is not None and self.workers > most_threads():
            raise UsageError(f"workers is {self.workers}, expected at most {most_threads()} here")
        self._check_batch()
        self._check_reconnect()
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"alpha is {self.alpha:g}, expected 0 (the frame alone) to 1 (the colours alone)")

    def _check_batch(self) -> None:
        if self.batch > MOST_PICTURES:
            raise UsageError(f"batch is {self.batch}, expected 1 to {MOST_PICTURES} frames at once")
        if self.batch > 1 and self.mode == "latency":
            raise UsageError(f'batch is {self.batch}, but mode "latency" takes one frame at a time; leave one out')
        if not 0 <= self.batch_wait <= LONGEST_BATCH_WAIT:
            raise UsageError(f"batch_wait is {self.batch_wait:g}, expected 0 to {LONGEST_BATCH_WAIT:g} seconds")

    def _check_reconnect(self) -> None:
        if self.stall_after is not None and not 0.1 <= self.stall_after <= LONGEST_STALL:
            raise UsageError(f"stall_after is {self.stall_after:g}, expected 0.1 to {LONGEST_STALL:g} seconds")
        if self.give_up_after is not None and not self.give_up_after > 0:
            raise UsageError(f"give_up_after is {self.give_up_after:g}, expected seconds above 0")
        for name in ("stall_after", "give_up_after"):
            if getattr(self, name) is not None and not self.reconnect:
                raise UsageError(f"{name} is for sources that are connected again; ask for reconnect too")

    @property
    def policy(self) -> Policy | None:
        """How a live source is supervised; None if it is not."""
        if not self.reconnect:
            return None
        return Policy(
            stall_after=Policy.stall_after if self.stall_after is None else self.stall_after,
            connect_within=self.timeout + MARGIN,  # its own time-out comes first, and says more
            give_up_after=self.give_up_after,
        )

    def frames_at_once(self, threads: int) -> int:
        """How many frames are segmented at the same time by a model of so many threads."""
        if self.workers is not None:
            return self.workers
        return 1 if self.mode == "latency" else max(1, available_cores() // max(1, threads))

    def waiting(self, threads: int) -> int:
        """How many finished results may wait for the caller."""
        return self.queue or (1 if self.mode == "latency" else 2 * self.frames_at_once(threads))

    def decoder_threads(self, threads: int) -> int:
        """Threads for a video file's decoder.

        A lone worker leaves decoding to a thread that runs ahead; many workers need more than one core's decoding.
        """
        cores = available_cores()
        return min(2, cores) if self.frames_at_once(threads) == 1 else 1 + cores // 8


if TYPE_CHECKING:
    from typing_extensions import TypedDict

    class StreamKeywords(TypedDict, total=False):
        """The fields of StreamOptions, for the type checkers and editors of those who call `edgeseg.stream`."""

        mode: Mode
        workers: int | None
        overlay: bool
        masks: bool
        alpha: float
        max_frames: int | None
        queue: int | None
        batch: int
        batch_wait: float
        timeout: float
        tolerate_loss: bool
        reconnect: bool
        stall_after: float | None
        give_up_after: float | None
