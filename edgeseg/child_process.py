"""A module's `main` in a process of its own, which ends with its parent, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""


def start_child(module: str, handle: int) -> subprocess.Popen[bytes]:
    """Calls `main(handle)` of a module in a new process, which inherits that file descriptor and no standard stream.

    It has a session of its own: Ctrl-C in a terminal is for the parent.

    Raises:
        OSError: the system allows no more processes, or files.
    """
    # Modules come from where they come from here, and not from the working directory, as with -m.
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from edgeseg.child_process import end_with; end_with({os.getpid()}); "
        f"from {module} import main; main({handle})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        pass_fds=[handle],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end_with(parent: int) -> None:
    """Lets this process end with its parent, also where it is stopped or hangs in a driver."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit()


def ending(process: subprocess.Popen[bytes], seconds: float) -> str:
    """How a process that was killed, or has ended before, did end within so many seconds: the end of a sentence."""
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return "cannot be ended"
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
