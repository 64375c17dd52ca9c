"""What becomes of the results of a run: a recording, masks, a window. One that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from edgeseg.arrays import Image, Mask
from edgeseg.errors import UsageError
from edgeseg.files import real
from edgeseg.video.encoders import AUTO
from edgeseg.video.file import VideoSource
from edgeseg.video.images import is_image
from edgeseg.video.masks import MaskWriter
from edgeseg.video.model import Result
from edgeseg.video.picture import PictureWriter
from edgeseg.video.recording import Recording
from edgeseg.video.sink import Sink, Writer
from edgeseg.video.sound import Sound
from edgeseg.video.source import Source
from edgeseg.video.timing import Summary
from edgeseg.video.window import Window


def check_outputs(source: str | Path, out: Path | None, masks: Path | None) -> None:
    """Refuses outputs that would replace what is read, a video by its overlay, an image by its mask; or each other.

    Raises:
        UsageError: one would.
    """
    original = real(Path(source))
    if out is not None and masks is not None and real(out) == real(masks):
        raise UsageError(f"--out and --masks both name {out}, a file and a folder; give one of them another name")
    if out is not None and real(out) == original:
        raise UsageError(f"the output {out} is the source itself and would replace it; give it another name")
    if masks is not None and real(masks) in (original, original.parent if is_image(original) else original):
        raise UsageError(f"masks in {masks} would replace the images that are read; give them another folder")


class Outputs:
    """The outputs of one run, open. Leaving the block completes them; those without a frame leave nothing behind.

    Attributes:
        overlay: whether one of them wants overlays.
        masks: whether one of them wants masks.
    """

    def __init__(
        self,
        source: Source,
        *,
        out: Path | None = None,
        masks: Path | None = None,
        show: bool = False,
        overwrite: bool = False,
        codec: str = AUTO,
        crf: int | None = None,
        sound: Path | None = None,
        options: Mapping[str, str] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Opens them.

        Args:
            source: whose frames they get.
            out: overlays as an .mp4, .mkv or .webm file; for a single image, a .png or .jpg file.
            masks: a folder for masks as PNG; class ids are the grey levels. Labels that may overlap have a folder each.
            show: overlays in a window.
            overwrite: replace a file, and masks of the same names.
            codec: as `edgeseg.video.encoders.choose` takes it.
            crf: constant quality of a video, lower is better.
            sound: the file that `source` reads, whose sound is copied.
            options: FFmpeg's, with which it was opened.
            say: told at once what was finished of killed runs; otherwise it is in `warnings`.

        Raises:
            UsageError: there is no display for `show`, or an option does not go with the output.
            OutputError: an output cannot be written, or is there already.
        """
        if (out is None or source.still) and (codec != AUTO or crf is not None or sound is not None):
            raise UsageError("--codec, --crf and --sound are for a video in --out, and none is written; leave them out")
        self.overlay = show or out is not None
        self.masks = masks is not None
        self._sinks: dict[str, Sink] = {}
        with ExitStack() as stack:
            self._window = Window() if show else None
            if self._window is not None:
                stack.callback(self._window.close)
            if out is not None and source.still:
                picture = PictureWriter(out, overwrite=overwrite)
                self._add(stack, "write", picture, lambda result: picture.write(_overlay(result)))
            elif out is not None:
                video = Recording(
                    out,
                    source.width,
                    source.height,
                    source.fps,
                    live=source.live,
                    overwrite=overwrite,
                    codec=codec,
                    crf=crf,
                    sound=None if sound is None else _sound(source, sound, options),
                    say=say,
                )
                self._add(
                    stack,
                    "write",
                    video,
                    lambda result: video.write(_overlay(result), result.timestamp, result.captured),
                )
            if masks is not None:
                folder = MaskWriter(masks, overwrite=overwrite)
                self._add(
                    stack,
                    "write masks",
                    folder,
                    lambda result: folder.write(_mask(result), result.index, result.name, result.labels),
                )
            self._stack = stack.pop_all()

    def _add(self, stack: ExitStack, name: str, writer: Writer, write: Callable[[Result], None]) -> None:
        sink = self._sinks[name] = Sink(writer, write)
        stack.callback(sink.close)

    def put(self, result: Result) -> str | None:
        """Hands a result to every output.

        Returns:
            Why there is no need for more: the user closed the window, or no output is left; None otherwise.
        """
        for sink in self._sinks.values():
            sink.put(result)
        if self._window is not None:
            return None if self._window.show(_overlay(result)) else "q or Escape was pressed"
        failed = self._sinks and all(sink.failure is not None for sink in self._sinks.values())
        return "no output can be written any more" if failed else None

    def close(self) -> None:
        """Completes the outputs; more calls do nothing."""
        self._stack.close()

    @property
    def paths(self) -> tuple[str, ...]:
        """What is finished, in files and folders; all of it after `close`."""
        return tuple(str(path) for sink in self._sinks.values() for path in sink.writer.paths)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each thing that went otherwise than asked for; all of them after `close`."""
        return tuple(warning for sink in self._sinks.values() for warning in sink.writer.warnings)

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each output that could not be written to its end."""
        return tuple(str(sink.failure) for sink in self._sinks.values() if sink.failure is not None)

    def seconds(self) -> dict[str, Summary]:
        """What writing took, by output."""
        return {name: sink.seconds.summary() for name, sink in self._sinks.items()}

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _sound(source: Source, path: Path, options: Mapping[str, str] | None) -> Sound:
    """Raises UsageError unless the source is a video file; OutputError if that has no sound."""
    if not (isinstance(source, VideoSource) and path.is_file()):
        raise UsageError(f"--sound copies the sound of a video file, and {source.name} is none; leave out --sound")
    return Sound(path, source.start_time, options)


def _overlay(result: Result) -> Image:
    assert result.overlay is not None
    return result.overlay


def _mask(result: Result) -> Mask:
    assert result.mask is not None
    return result.mask
