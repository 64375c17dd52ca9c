"""Stream to mask: a numbered network stream (`sender`) is segmented; each mask's age counts from the sender's clock.

What decoders and network buffers hold back shows here, and nowhere else: a source that stamps frames when it gets
them cannot know how old they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.errors import SourceError, UsageError
from edgeseg.segmenter import Segmenter
from edgeseg.video.open import open_source
from edgeseg.video.options import Mode
from edgeseg.video.pipeline import stream
from edgeseg_bench import sender
from edgeseg_bench.windows import Window

SETTLING = 5.0
"""Seconds of stream that do not count: FFmpeg looks at a stream for seconds before it gives a frame of it."""

INCLUDED = (
    "from the moment an encoded frame leaves its sender to its mask: TCP, demuxing, decoding, waiting, segmenting"
)
EXCLUDED = f"the sender's encoder, a real network, the stream's first {SETTLING:g} s, display, recording"

WINDOWS = 5
"""Parts that one stream is cut into; it is never interrupted."""

SMALLEST = (sender.BITS * sender.BLOCK, 2 * sender.BLOCK)
TIMEOUT = 30.0


def measure(model: Segmenter, video: Path, *, fps: float, frames: int, mode: Mode) -> list[Window]:
    """The windows of one stream. Frames of a window that no mask belongs to count as dropped.

    Args:
        model: best loaded with `engine_threads(mode)` threads.
        video: what the sender plays.
        fps: at which it does.
        frames: of a window.
        mode: as `edgeseg.stream` explains.

    Raises:
        UsageError: the pictures are too small for a number, or there are too many frames for one.
        SourceError: the stream could not be opened, broke off, or its numbers are not readable.
    """
    first = round(SETTLING * fps)
    total = first + WINDOWS * frames
    if total >= 1 << sender.BITS:
        raise UsageError(f"{total} frames are too many to number, expected below {1 << sender.BITS}; ask for fewer")
    samples: list[list[float]] = [[] for _ in range(WINDOWS)]
    spent = [0.0] * WINDOWS
    with _sending(video, total, fps) as process:
        port = int(_next_line(process))
        with open_source(f"tcp://127.0.0.1:{port}", timeout=TIMEOUT) as source:
            start = float(_next_line(process))
            before = time.process_time()
            for result in stream(model, source, mode=mode, tolerate_loss=True):
                number = sender.read(result.frame)
                if number is None:
                    raise SourceError("a picture of the measured stream carries no number; is it 256x32 at least?")
                now = time.process_time()
                window = (number - first) // frames
                if 0 <= window < WINDOWS:
                    samples[window].append(1e3 * (result.done - start - number / fps))
                    spent[window] += now - before
                before = now
    if not all(samples):
        raise SourceError("the measured stream broke off before its end; is the machine too slow for its rate?")
    return [
        Window(tuple(ms), frames / fps, core_seconds, dropped=frames - len(ms))
        for ms, core_seconds in zip(samples, spent, strict=True)
    ]


@contextmanager
def _sending(video: Path, frames: int, fps: float) -> Iterator[subprocess.Popen[str]]:
    """The sender, as a process of its own; it is gone afterwards."""
    command = [sys.executable, "-m", "edgeseg_bench.sender", json.dumps([str(video), frames, fps])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _next_line(process: subprocess.Popen[str]) -> str:
    """The next line that the sender prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SourceError("the sender of the measured stream failed; does `edgeseg run` play this video?")
    return line
