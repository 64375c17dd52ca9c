"""edgeseg's video decoder against OpenCV's, on one thread: python -m lab.decoding VIDEO [--json FILE].

The video is scaled to each size and encoded again as H.264; both decode it to BGR frames in turns, so that a busy
moment of the machine hits them alike. Reported is the processor's time of a frame, the fastest turn of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

import av
import cv2

from edgeseg.video.file import open_file
from edgeseg_bench.machine import processor
from edgeseg_bench.script import run_script
from lab.output import write_result

SIZES = {"540p": (960, 540), "1080p": (1920, 1080), "4K": (3840, 2160)}


class Figures(TypedDict):
    """Milliseconds a frame of both, and the median ratio of the paired turns."""

    edgeseg: float
    opencv: float
    ratio: float


def main(video: Path, *, frames: int = 60, rounds: int = 7, json: Path | None = None) -> None:
    """Measure both decoders at 540p, 1080p and 4K.

    Args:
        video: of any size.
        frames: of it that are used.
        rounds: turns of each decoder.
        json: write the figures here too.
    """
    figures: dict[str, Figures] = {}
    with TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            scaled = scale(video, Path(folder) / f"{name}.mp4", size, frames)
            figures[name] = compare(scaled, rounds)
            ours, theirs, ratio = figures[name].values()
            print(f"{name:6} edgeseg {ours:6.2f} ms, OpenCV {theirs:6.2f} ms, ratio {ratio:.3f}")
    if json is not None:
        write_result({"processor": processor(), "decoding": figures}, json)


def scale(video: Path, out: Path, size: tuple[int, int], frames: int) -> Path:
    """Writes the first frames of a video in another size."""
    with av.open(str(video)) as source, av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, frame in enumerate(source.decode(video=0)):
            if number == frames:
                break
            picture = frame.reformat(*size, "yuv420p")
            picture.pts = None
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return out


def compare(video: Path, rounds: int) -> Figures:
    """Decodes a video by both in turns."""
    cv2.setNumThreads(1)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_milliseconds(lambda: _edgeseg(video)))
        theirs.append(_milliseconds(lambda: _opencv(video)))
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return {"edgeseg": min(ours), "opencv": min(theirs), "ratio": ratios[len(ratios) // 2]}


def _milliseconds(decode: Callable[[], int]) -> float:
    start = time.process_time()
    frames = decode()
    return 1e3 * (time.process_time() - start) / frames


def _edgeseg(video: Path) -> int:
    with open_file(video, decoder_threads=1) as source:
        return sum(1 for _ in source)


def _opencv(video: Path) -> int:
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames = 0
    while capture.read()[0]:
        frames += 1
    capture.release()
    return frames


if __name__ == "__main__":
    run_script(main, "python -m lab.decoding")
