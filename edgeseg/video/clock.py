"""The times of a live source's frames, checked against the times at which they arrive."""

from __future__ import annotations

STEP = 1.0
"""Seconds by which one frame may be ahead of its arrival before its time counts as a jump."""

SHORTEST = 1e-6
"""Seconds between two frames; less is no time at all."""

WINDOW = 5.0
"""Seconds over which the pace is compared; a stall and the burst after it fit in."""

PACE = 0.2
"""How far the pace may differ; a real clock is right to a thousandth, one made up from a nominal rate seldom is."""

MOST = 10
"""Warnings; a source that jumps all the time has said enough by then."""


class Clock:
    """Gives each frame a time that goes on as the source's own, as long as that one can be trusted.

    The source's time is left for the arrival time where there is none, where it jumps (an hour ahead, or back), and
    for good where its pace is not that of the arrivals in two windows in a row: MJPEG over HTTP carries no times, and
    FFmpeg makes up 25 frames a second.
    """

    def __init__(self, name: str, warnings: list[str], *, timed: bool = True) -> None:
        """Starts at 0.

        Args:
            name: of the source, for messages.
            warnings: takes one sentence for each thing that is replaced.
            timed: whether the source's frames have times at all; if not, nothing is said about it.
        """
        self._name = name
        self._warnings = warnings
        self._timed = timed
        self._last: tuple[float | None, float] | None = None  # the source's time and the arrival of the last frame
        self._now = 0.0
        self._window = (0.0, 0.0)  # where the pace is measured from: time given, arrival
        self._warning_count = 0
        self._lead = 0  # +1 or -1: the pace was too fast or too slow in the last window

    def at(self, time: float | None, arrived: float) -> float:
        """The frame's time.

        Args:
            time: on the source's clock, in seconds; None if it has none.
            arrived: time.perf_counter() at arrival.
        """
        time = time if self._timed else None
        if self._last is None:
            self._last, self._window = (time, arrived), (0.0, arrived)
            return 0.0
        before, arrived_before = self._last
        self._last = (time, arrived)
        waited = max(arrived - arrived_before, SHORTEST)
        step = waited if time is None or before is None else time - before
        if step < SHORTEST or step > waited + STEP:
            if abs(step) > STEP:
                self._warn(f"its time stamps jumped by {step:+.0f} s at {self._now:.1f} s")
            step = waited
        self._now += step
        self._compare(arrived)
        return self._now

    def _compare(self, arrived: float) -> None:
        """Judges the pace at the end of each window."""
        stamp, since = self._window
        if not self._timed or arrived - since < WINDOW:
            return
        ahead = (self._now - stamp) / (arrived - since) - 1
        lead = 0 if abs(ahead) <= PACE else 1 if ahead > 0 else -1
        if lead and lead == self._lead:
            self._timed = False
            self._warn(f"its time stamps run at {1 + ahead:.2f} times the pace at which frames arrive")
        self._lead, self._window = lead, (self._now, arrived)

    def _warn(self, what: str) -> None:
        self._warning_count += 1
        if self._warning_count <= MOST:
            self._warnings.append(f"{self._name}: {what}; the times of arrival were taken instead")
