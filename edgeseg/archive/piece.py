"""One piece of a video, segmented frame by frame: a table with the masks in it, and overlays if they are asked for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from itertools import islice
from pathlib import Path

from edgeseg.archive.events import Watch
from edgeseg.archive.place import FRAMES, OVERLAY
from edgeseg.archive.table import PieceTable, confidence
from edgeseg.archive.tasks import Work
from edgeseg.arrays import Image
from edgeseg.errors import SourceError
from edgeseg.segmenter import Segmenter
from edgeseg.video.encoders import AUTO, Picture, choose
from edgeseg.video.segment import make_room, prepare
from edgeseg.video.source import NOMINAL_FPS, Source
from edgeseg.video.video_file import CONTAINERS, VideoFile


def segment(
    model: Segmenter,
    source: Source,
    folder: Path,
    *,
    overlay: bool,
    hardware: bool = True,
    watch: Watch | None = None,
    progress: Callable[[int], None],
    batch: int = 1,
) -> Work:
    """Segments a source to its end.

    Args:
        model: the network.
        source: open; the caller closes it. Its warnings get those of the rules.
        folder: where the files go.
        overlay: write overlays too.
        hardware: encode them by that of this machine, where it has any. Cards take few videos at once, and pieces
            that go together must be of one encoder.
        watch: the rules whose shares are kept, None if there are none.
        progress: told how many frames are done.
        batch: frames that the network is given at once, up to `model.batch`.

    Returns:
        What that was: frames, and the seconds of each stage.

    Raises:
        SourceError: the source failed, or its frames change their size and overlays are asked for.
        OutputError: the overlays cannot be written.
        OSError: the disk is full.
    """
    seconds: Counter[str] = Counter()
    frames = 0
    room = make_room(model.spec, batch)
    with ExitStack() as stack:
        table = stack.enter_context(PieceTable(folder / FRAMES, model.spec, watch))
        overlays = _Overlays(folder / OVERLAY, source, hardware) if overlay else None
        if overlays is not None:
            stack.callback(overlays.close)
        while group := list(islice(source, batch)):
            started = time.perf_counter()
            together = model.infer(prepare(model, [frame.image for frame in group], room))
            seconds.update({"infer": time.perf_counter() - started})
            for place, frame in enumerate(group):
                height, width = frame.image.shape[:2]
                logits = together[place : place + 1]
                begun = time.perf_counter()
                mask = model.mask(logits, width, height)
                masked = time.perf_counter()
                table.add(frame.timestamp, mask, confidence(model.spec, logits, width, height))
                if overlays is not None:
                    overlays.write(model.paint(mask, frame.image), frame.timestamp)
                frames += 1
                progress(frames)
                ends = (frame.seconds, masked - begun, time.perf_counter() - masked)
                seconds.update(dict(zip(("decode", "mask", "write"), ends, strict=True)))
    source.warnings += [f"{source.name}: {sentence}" for sentence in table.warnings]
    return Work(frames, dict(seconds))


class _Overlays:
    """The overlays of a piece, with the times of the whole video."""

    def __init__(self, path: Path, source: Source, hardware: bool) -> None:
        self._name = source.name
        self._size = source.width, source.height
        width, height = self._size
        rate, (_, tick, _) = source.fps or NOMINAL_FPS, CONTAINERS[path.suffix]
        picture = Picture(width + width % 2, height + height % 2, Fraction(rate), tick)
        encoder, _ = choose(path.suffix, AUTO, picture, hardware=hardware)
        self._file = VideoFile(path, encoder, picture)

    def write(self, image: Image, seconds: float) -> None:
        size = image.shape[1], image.shape[0]
        if size != self._size:
            width, height = self._size
            raise SourceError(
                f"{self._name} changes from {width}x{height} to {size[0]}x{size[1]} pixels, and a video of overlays "
                "has one size; leave out --overlay"
            )
        self._file.write(image, seconds)

    def close(self) -> None:
        self._file.close()
