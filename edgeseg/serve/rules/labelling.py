"""Frames that are worth a label, kept as a data set: those that the network doubts most, spread over time.

The data set has edgeseg's plain layout: images, the predicted masks, classes.json, and COCO's JSON beside them. Of
every span of `every` seconds a few frames are judged, and the one that is doubted most is kept. A set that is full
gives up a sixteenth of its frames, each time the one that is doubted least of those whose absence leaves no long gap.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from edgeseg.accuracy.classes import Classes
from edgeseg.arrays import Mask
from edgeseg.atomic import new_file
from edgeseg.errors import EdgeSegError, OutputError, UsageError
from edgeseg.segmenter import Segmenter
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording.names import entries, file_name
from edgeseg.serve.rules.coco_file import locked, write_coco
from edgeseg.serve.rules.doubt import disagreement, uncertainty
from edgeseg.serve.settings import LabellingSettings
from edgeseg.spec import Spec
from edgeseg.video.masks import PARAMETERS
from edgeseg.video.model import Result

JUDGED = 5
"""Frames of a span that are judged: each takes another inference."""

ANNOTATED = 300.0
"""Seconds after which COCO's JSON is written again for new frames; for frames that go it is at once."""

SPARE = 16
"""A full set gives up one frame of so many at once: for each of them alone the JSON would be written again."""

QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95]


@dataclass(frozen=True, order=True)
class _Frame:
    """A frame of the set, ordered by its time.

    Attributes:
        time: seconds since the epoch, whole.
        name: of its files, without extension; it ends with the doubt, in ten-thousandths.
        bytes: of image and mask.
    """

    time: float
    name: str
    bytes: int = field(compare=False)

    @property
    def doubt(self) -> int:
        return int(self.name[-4:])


class LabellingSet:
    """Keeps frames of one camera, in a thread of its own; a sink of its results."""

    def __init__(
        self,
        settings: LabellingSettings,
        camera: str,
        spec: Spec,
        model: Callable[[], Segmenter],
        events: EventLog,
        drifting: Callable[[], bool] = lambda: False,
    ) -> None:
        """Begins; frames of earlier runs count as part of the set.

        Args:
            settings: where they go, and how many; cameras of one bundle may share a folder, each with its own number.
            camera: its name.
            spec: names and colours of the classes.
            model: returns what segments now; it may change.
            events: told when frames cannot be kept, and when they can again.
            drifting: returns whether what the camera shows has drifted away from its reference.

        Raises:
            UsageError: the network's labels may overlap.
        """
        if not spec.head.exclusive:
            raise UsageError(
                f"labels of {spec.name} may overlap, and frames are kept for labelling by classes that do not; "
                "leave out the camera's labelling"
            )
        self._settings, self._camera, self._model, self._events = settings, camera, model, events
        self._drifting = drifting
        self._classes = Classes(spec.classes, spec.palette, spec.ignore)
        self._before: Mask | None = None
        self._judged_at: float | None = None
        self._span = 0
        self._began: float | None = None
        self._candidates: queue.Queue[tuple[int, Result, Mask | None, float] | None] = queue.Queue(2)
        self._best: tuple[float, Result, float] | None = None
        self._failing = False
        self._annotated_at = -math.inf
        self._unlisted = False
        self._list_failing = False
        self._thread = threading.Thread(target=self._run, name=f"edgeseg-{camera}-labelling", daemon=True)
        self._thread.start()

    def put(self, result: Result, now: float) -> None:
        """Takes a result, as `edgeseg.serve.sink.Sink` says."""
        before, self._before = self._before, result.mask
        if self._began is None:
            self._began = result.captured
        span = int((result.captured - self._began) / self._settings.every)
        due = self._judged_at is None or result.captured - self._judged_at >= self._settings.every / JUDGED
        if due or span != self._span:
            self._span, self._judged_at = span, result.captured
            with suppress(queue.Full):  # the disk, or the network, is behind
                self._candidates.put_nowait((span, result, before, now))

    def gap(self) -> None:
        """The next frame has no neighbour before it."""
        self._before = None

    def close(self, seconds: float) -> None:
        """Keeps the last frame, if any, within so many seconds."""
        with suppress(queue.Full):
            self._candidates.put(None, timeout=seconds)
            self._thread.join(seconds)

    def _run(self) -> None:
        present = 0
        while (candidate := self._candidates.get()) is not None:
            span, result, before, now = candidate
            if span != present:
                self._keep_best()
                present = span
            try:
                assert result.mask is not None
                doubt = max(uncertainty(self._model(), result.frame), disagreement(result.mask, before))
                if self._drifting():  # each such frame is doubted more than most others, and they keep their order
                    doubt = (1 + doubt) / 2
            except EdgeSegError as error:
                self._fail(str(error))
                continue
            if self._best is None or doubt > self._best[0]:
                self._best = doubt, result, now
        self._keep_best()
        if self._unlisted:
            self._annotate([])

    def _keep_best(self) -> None:
        """Writes the frame of the span that ends."""
        best, self._best = self._best, None
        if best is None:
            return
        try:
            self._check_classes()
            self._write(*best)
            surplus = self._surplus()
            if surplus or time.monotonic() - self._annotated_at >= ANNOTATED:
                self._annotate(surplus)
        except (OutputError, OSError) as error:
            self._fail(str(error))
        else:
            if self._failing:
                self._failing = False
                self._events.add("recording", "labelling_resumed", "frames are kept for labelling", self._camera)

    def _fail(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            self._events.add("recording", "labelling_failed", f"no frames are kept: {reason}", self._camera)

    def _write(self, doubt: float, result: Result, now: float) -> None:
        """The mask first: an image without one would be no pair. A mask without one would be nobody's to delete."""
        assert result.mask is not None
        name = file_name(self._camera, now, f"-{min(9999, round(10000 * doubt)):04d}")
        with new_file(self._mask(name)) as temporary:
            temporary.write_bytes(cv2.imencode(".png", result.mask, PARAMETERS)[1].tobytes())
        try:
            with new_file(self._image(name)) as temporary:
                temporary.write_bytes(cv2.imencode(".jpg", result.frame, QUALITY)[1].tobytes())
        except OutputError:
            self._mask(name).unlink(missing_ok=True)
            raise
        self._unlisted = True

    def _surplus(self) -> list[str]:
        """Names of the frames that are given up, if the set has more, or more bytes, than it may."""
        frames, most, most_bytes = self._frames(), self._settings.most, self._settings.most_bytes
        kept = sum(frame.bytes for frame in frames)
        if len(frames) <= most and kept <= most_bytes:
            return []
        names = []
        while len(frames) > most - most // SPARE or (len(frames) > 1 and kept > most_bytes - most_bytes // SPARE):
            frame = _dispensable(frames)
            frames.remove(frame)
            kept -= frame.bytes
            names.append(frame.name)
        return names

    def _delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._image(name).unlink(missing_ok=True)
            self._mask(name).unlink(missing_ok=True)

    def _annotate(self, surplus: list[str]) -> None:
        """Writes COCO's JSON, then deletes frames; where somebody else's file has its name, frames come and go too."""
        try:
            with locked(self._settings.folder):  # a camera that writes it next finds these frames gone
                try:
                    write_coco(self._settings.folder, self._classes, without=surplus)
                finally:
                    self._delete(surplus)
        except OutputError as error:
            self._delete(surplus)  # the set is bounded, whatever becomes of the file
            if not self._list_failing:
                self._list_failing = True
                self._events.add("recording", "labelling_unlisted", f"frames are kept, but {error}", self._camera)
        else:
            self._list_failing = False
        self._annotated_at, self._unlisted = time.monotonic(), False

    def _frames(self) -> list[_Frame]:
        """The camera's frames, oldest first."""
        masks = {entry.path.stem: entry.bytes for entry in entries(self._settings.folder / "masks", self._camera)}
        return [
            _Frame(entry.time, entry.path.stem, entry.bytes + masks.get(entry.path.stem, 0))
            for entry in entries(self._settings.folder / "images", self._camera)
            if entry.path.stem[-5] == "-" and entry.path.stem[-4:].isdigit()
        ]

    def _check_classes(self) -> None:
        """Makes the folders and classes.json; raises OutputError where frames of other classes are there."""
        path = self._settings.folder / "classes.json"
        text = json.dumps(self._classes.to_json(), indent=1) + "\n"
        for folder in ("images", "masks"):
            (self._settings.folder / folder).mkdir(exist_ok=True)
        if not path.exists():
            with new_file(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            raise OutputError(f"{path} has other classes than the network; give the camera's labelling another folder")

    def _image(self, name: str) -> Path:
        return self._settings.folder / "images" / f"{name}.jpg"

    def _mask(self, name: str) -> Path:
        return self._settings.folder / "masks" / f"{name}.png"


def _dispensable(frames: list[_Frame]) -> _Frame:
    """The least doubted of the frames whose absence leaves no longer gap than twice the mean; first and last stay.

    There always is one: n frames over a time T have n - 2 between first and last, and the gaps that their absences
    would leave are 2 T / (n - 2) long on average, at most. So no gap is longer than that, or the camera was away. Of
    one or two frames it is the least doubted.
    """
    longest = 2 * (frames[-1].time - frames[0].time)
    between = [
        frame
        for before, frame, after in zip(frames, frames[1:], frames[2:], strict=False)
        if (after.time - before.time) * (len(frames) - 2) <= longest
    ]
    return min(between or frames, key=lambda frame: frame.doubt)
