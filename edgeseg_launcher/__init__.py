"""The command `edgeseg`, which handles signals before it imports anything that takes time.

A package of its own: whatever lies in `edgeseg` imports NumPy and OpenCV first, and Ctrl-C meanwhile would print a
traceback. As the first process of a container, the command would not even hear SIGTERM.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Entry point of the installed command."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup; a shell's background job
            signal.signal(number, _end)
    from edgeseg.cli import main as run

    run()


def _end(number: int, frame: FrameType | None) -> None:
    """Ends the process: there is nothing yet that could be finished."""
    del frame
    os._exit(128 + number)
