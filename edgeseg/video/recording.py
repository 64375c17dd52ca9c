"""The overlays of a run as video: what `--out` makes of a video, camera or stream."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from edgeseg.arrays import Image
from edgeseg.counted import counted
from edgeseg.errors import OutputError
from edgeseg.temporary import in_work
from edgeseg.video.encoders import AUTO, Picture, choose
from edgeseg.video.names import PART, check_target, nth_name
from edgeseg.video.recovery import finish_orphans
from edgeseg.video.sound import Sound
from edgeseg.video.source import NOMINAL_FPS
from edgeseg.video.timeline import Timeline
from edgeseg.video.video_file import CONTAINERS, VideoFile


class Recording:
    """A video file with the source's own time stamps, starting at 0; a new one each time the frames change their size.

    Attributes:
        paths: the files that are finished.
        warnings: one sentence for each thing that went otherwise than asked for.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction | None,
        *,
        live: bool = False,
        overwrite: bool = False,
        codec: str = AUTO,
        crf: int | None = None,
        sound: Sound | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Opens the file, and finishes what killed runs left in its folder.

        Args:
            path: of an .mp4, .mkv or .webm file, in a folder that exists.
            width: of the first frames, in pixels.
            height: of the first frames, in pixels.
            fps: for the header and the bit rate; time stamps decide when a frame shows. None if unknown.
            live: frames arrive on the clock here, which judges their time stamps.
            overwrite: replace what has the name, once the new video is finished.
            codec: as `edgeseg.video.encoders.choose` takes it.
            crf: constant quality, lower is better; None for the encoder's default.
            sound: of the source, copied as far as it is recorded; closed with the recording.
            say: told at once what was finished of killed runs; otherwise it is in `warnings`.

        Raises:
            OutputError: it cannot be written, has another extension, or is there already.
            UsageError: the codec or quality is unknown or does not go with the container.
        """
        self.paths: list[Path] = []
        self.warnings: list[str] = []
        self._path, self._overwrite, self._codec, self._crf = path, overwrite, codec, crf
        self._rate = fps or NOMINAL_FPS
        self._timeline = Timeline(float(1 / self._rate), live=live)
        self._size = (height, width)
        self._number = 1
        self._file_start: float | None = None
        self._sound_start = 0.0
        self._sound = sound
        try:
            check_target(path, tuple(CONTAINERS), overwrite=overwrite)
            for sentence in finish_orphans(path.parent, spare=path):
                (say or self.warnings.append)(sentence)
            if in_work(path, PART):
                raise OutputError(f"{path} is being written by another process; choose another name, or end that one")
            self._file = self._open(path)
        except BaseException:
            self._end_sound()
            raise

    def write(self, image: Image, timestamp: float, captured: float = 0.0) -> None:
        """Records one BGR uint8 (H, W, 3) image.

        Args:
            image: of any size.
            timestamp: seconds on the source's clock.
            captured: seconds on the clock here, when a live source's frame arrived.

        Raises:
            OutputError: it cannot be written; what was recorded before is kept, as the message says.
        """
        seconds = self._timeline.place(timestamp, captured)
        if image.shape[:2] != self._size:
            self._next_file(image)
        if self._file_start is None:
            self._file_start, self._sound_start = seconds, timestamp
        try:
            self._file.write(image, seconds - self._file_start)
            self._copy_sound(timestamp)
        except OutputError:
            self._collect()
            raise

    def close(self) -> None:
        """Finishes the file; more calls do nothing. Without a frame there is none.

        Raises:
            OutputError: the disk is full; what was recorded before is kept, as the message says.
        """
        try:
            self._file.close()
        finally:
            self._collect()
            self._end_sound()
            if self._timeline.jumps:
                self.warnings.append(
                    f"the time stamps of the source jumped, {counted(self._timeline.jumps, 'time')}; {self._path.name} "
                    "goes on without the jumps"
                )
                self._timeline.jumps = 0

    def _open(self, path: Path) -> VideoFile:
        height, width = self._size
        _, time_base, _ = CONTAINERS[path.suffix.lower()]
        picture = Picture(width + width % 2, height + height % 2, self._rate, time_base, self._crf)
        encoder, sentences = choose(path.suffix.lower(), self._codec, picture)
        self.warnings += [sentence for sentence in sentences if sentence not in self.warnings]
        sound = None if self._sound is None else self._sound.stream
        return VideoFile(path, encoder, picture, overwrite=self._overwrite, sound=sound)

    def _next_file(self, image: Image) -> None:
        """Frames of another size go into a file of their own, unless none came before: they may have been dropped."""
        (height, width), self._size = self._size, image.shape[:2]
        self._file.close()
        if self._file_start is None:
            self._file = self._open(nth_name(self._path, self._number))
            return
        self._collect()
        self._number += 1
        while not self._overwrite and os.path.lexists(nth_name(self._path, self._number)):
            self._number += 1
        path = nth_name(self._path, self._number)
        self._file, self._file_start = self._open(path), None
        self.warnings.append(
            f"frames of {width}x{height} pixels became {image.shape[1]}x{image.shape[0]}; they go on in {path.name}"
        )

    def _copy_sound(self, timestamp: float) -> None:
        if self._sound is None:
            return
        if not self._timeline.jumps:
            self._file.mux(self._sound.between(self._sound_start, timestamp + float(1 / self._rate)))
        if self._timeline.jumps or self._sound.broken:
            self.warnings.append(f"the sound ends at {timestamp:.1f} s, where the time stamps of the source jump")
            self._end_sound()

    def _end_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()
            self._sound = None

    def _collect(self) -> None:
        """Notes the file if it has its name now."""
        if self._file.path is not None and self._file.path not in self.paths:
            self.paths.append(self._file.path)
            name = nth_name(self._path, self._number)
            if self._file.path != name:
                self.warnings.append(f"{name} was taken in the meantime; the recording is {self._file.path}")
