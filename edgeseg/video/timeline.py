"""When each frame of a recording shows, by the source's own time stamps as long as they can be right."""

from __future__ import annotations

STEP_BACK = 1.0
"""Seconds: a smaller step back is disorder, and the frame comes just after the one before; a larger one a new clock."""

JUMP = 30.0
"""Seconds that a live source's time stamps may run ahead of the clock here in one step; segments come in bursts."""


class Timeline:
    """Maps time stamps to seconds since the first frame.

    A source whose clock starts anew goes on where it was; so does a live source that jumps ahead, as by an hour when
    its clock is set. What passed in between is then measured by the clock here, or is one frame's time in a file.

    Attributes:
        jumps: how often that happened.
    """

    def __init__(self, frame_seconds: float, *, live: bool) -> None:
        self.jumps = 0
        self._frame_seconds = frame_seconds
        self._live = live
        self._offset: float | None = None
        self._timestamp = 0.0
        self._captured = 0.0

    def place(self, timestamp: float, captured: float) -> float:
        """Seconds since the first frame; not before 0.

        Args:
            timestamp: seconds on the source's clock.
            captured: seconds on the clock here, when the frame arrived; counts for live sources.
        """
        if self._offset is None:
            self._offset = timestamp
        else:
            step, passed = timestamp - self._timestamp, captured - self._captured
            if step < -STEP_BACK or (self._live and step > passed + JUMP):
                self.jumps += 1
                self._offset += step - (max(passed, 0.0) if self._live else self._frame_seconds)
        self._timestamp, self._captured = timestamp, captured
        return max(0.0, timestamp - self._offset)
