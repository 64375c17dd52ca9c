"""What an unknown model may cost: it is tried in a child process first, which is ended where it takes too much.

A few hundred bytes of ONNX can ask for the memory of the whole machine, or keep a runtime busy for ever, and no reading
of the file tells. $EDGESEG_MODEL_MEMORY is the limit in MiB (4096 by default, or three quarters of the machine's
memory where that is less) and $EDGESEG_MODEL_SECONDS the one in seconds (120). A limit of 0 trusts every model.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgeseg.errors import UsageError

MEMORY, SECONDS = "EDGESEG_MODEL_MEMORY", "EDGESEG_MODEL_SECONDS"

_MEMORY_MIB, _PATIENCE = 4096, 120
_PAGE = os.sysconf("SC_PAGE_SIZE")


def model_limits() -> tuple[int, int] | None:
    """Bytes and seconds that trying a model may take; None where every model is trusted.

    Raises:
        UsageError: a variable is no whole number.
    """
    physical = os.sysconf("SC_PHYS_PAGES") * _PAGE // 2**20
    memory, seconds = _number(MEMORY, min(_MEMORY_MIB, physical * 3 // 4)), _number(SECONDS, _PATIENCE)
    return (memory * 2**20, seconds) if memory and seconds else None


def attempt(module: str, *arguments: str, content: bytes = b"") -> str | None:
    """Runs a module in a child process, within the limits, and silently; it gets `content` on its standard input.

    Returns:
        What was too much, "it needs more than 4096 MiB of memory"; None where the child ended by itself, whatever it
        thought of the model, or where every model is trusted.
    """
    limits = model_limits()
    if limits is None:
        return None
    memory, seconds = limits
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        # Modules come from where they come from here, and not from the working directory, as with -m.
        code = f"import sys; sys.path[:] = {sys.path!r}; import runpy; runpy.run_module({module!r}, None, '__main__')"
        command = [sys.executable, "-c", code, *arguments]
        with subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            try:
                excess = _watch(child, memory, seconds)
            finally:
                child.kill()
    if excess is None and child.returncode < 0:
        return f"the runtime dies of it ({signal.Signals(-child.returncode).name})"
    return excess


def _watch(child: subprocess.Popen[bytes], memory: int, seconds: int) -> str | None:
    """Waits for the child's end; says what it took too much of."""
    until = time.monotonic() + seconds
    while True:
        try:
            child.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            pass
        else:
            return None
        if time.monotonic() > until:
            return f"it takes more than {seconds} seconds; if you trust it, set {SECONDS} to more"
        if _resident(child.pid) > memory:
            return f"it needs more than {memory // 2**20} MiB of memory; if you trust it, set {MEMORY} to more"


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):  # it has just ended
        return 0


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise UsageError(f"{variable} is {text!r:.40}, expected a whole number; 0 trusts every model")
    return int(text)
