"""The main job: segment a source and show, record or measure it. `edgeseg run` calls this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from edgeseg.arrays import Image
from edgeseg.errors import UsageError
from edgeseg.video.images import is_image
from edgeseg.video.model import Model, Result
from edgeseg.video.open import Input
from edgeseg.video.pipeline import Mode, Stream, stream
from edgeseg.video.report import Report
from edgeseg.video.sink import Sink
from edgeseg.video.source import Source
from edgeseg.video.window import Window
from edgeseg.video.writer import MaskWriter, PictureWriter, VideoWriter


def run(
    model: Model,
    source: Input | Source,
    *,
    out: Path | None = None,
    masks: Path | None = None,
    show: bool = False,
    max_frames: int | None = None,
    mode: Mode = "throughput",
    workers: int | None = None,
    alpha: float = 0.5,
    timeout: float = 10.0,
    quiet: bool = False,
) -> Report:
    """Segments a source to its end, or until Ctrl-C, q or Escape; outputs are then complete up to there.

    Args:
        model: best loaded with `engine_threads(mode)` threads.
        source: whatever `edgeseg.video.open.open_source` takes, or an open source.
        out: overlays as an .mp4 or .mkv file; for a single image, a .png or .jpg file.
        masks: a folder for masks as PNG; class ids are the grey levels.
        show: overlays in a window.
        max_frames: stop after so many.
        mode: "throughput" or "latency", as `edgeseg.stream` explains.
        workers: how many frames at once, instead of what the mode says.
        alpha: weight of the classes' colours in an overlay, 0 to 1.
        timeout: seconds that a live source may take to open, and to give each frame.
        quiet: neither progress bar nor table.

    Raises:
        UsageError: an argument is out of range, an output would replace the source, or there is no display for `show`.
        SourceError: the source cannot be opened or gives no frame.
        OutputError: an output cannot be written; found before the first frame is segmented, unless the disk fills up.
    """
    _spare_source(source, out, masks)
    with ExitStack() as stack:
        window = stack.enter_context(closing(Window())) if show else None
        overlay = show or out is not None
        running = stream(
            model,
            source,
            mode=mode,
            workers=workers,
            overlay=overlay,
            masks=masks is not None or not overlay,
            alpha=alpha,
            max_frames=max_frames,
            timeout=timeout,
        )
        stack.enter_context(closing(running))
        sinks: dict[str, Sink] = {}
        for name, sink in _sinks(running.source, out, masks):
            sinks[name] = stack.enter_context(sink)
        with _progress(running, max_frames, quiet=quiet) as advance:
            interrupted = _drain(running, list(sinks.values()), window, advance)
    report = Report(
        source=running.source.name,
        width=running.source.width,
        height=running.source.height,
        mode=mode,
        workers=running.workers,
        threads=model.threads,
        frames=running.stats.frames,
        fps=running.stats.fps,
        dropped=running.source.dropped,
        stages={name: times.summary() for name, times in running.stats.stages.items()}
        | {name: sink.seconds.summary() for name, sink in sinks.items()},
        capture_to_mask=running.stats.capture_to_mask.summary(),
        outputs=tuple(str(path) for path in (out, masks) if path is not None and running.stats.frames),
        warnings=tuple(running.source.warnings),
        interrupted=interrupted,
    )
    if not quiet:
        _show(report)
    return report


def _spare_source(source: Input | Source, out: Path | None, masks: Path | None) -> None:
    """Refuses outputs that would replace what is read: a video by its overlay, an image by its mask."""
    if not isinstance(source, (str, Path)):
        return
    read = Path(source).resolve()
    if out is not None and out.resolve() == read:
        raise UsageError(f"the output {out} is the source itself and would replace it; give it another name")
    if masks is not None and masks.resolve() in (read, read.parent if is_image(read) else read):
        raise UsageError(f"masks in {masks} would replace the images that are read; give them another folder")


def _sinks(source: Source, out: Path | None, masks: Path | None) -> Iterator[tuple[str, Sink]]:
    """Opens what was asked for, one after the other."""
    if out is not None and source.still:
        picture = PictureWriter(out)
        yield "write", Sink(picture, lambda result: picture.write(_overlay(result)))
    elif out is not None:
        video = VideoWriter(out, source.width, source.height, source.fps)
        yield "write", Sink(video, lambda result: video.write(_overlay(result), result.timestamp))
    if masks is not None:
        folder = MaskWriter(masks)
        yield "write masks", Sink(folder, lambda result: folder.write(_mask(result), result.index, result.name))


def _drain(running: Stream, sinks: list[Sink], window: Window | None, advance: Callable[[], None]) -> bool:
    """Hands every result to the sinks and the window; True if Ctrl-C ended it."""
    try:
        for result in running:
            for sink in sinks:
                sink.put(result)
            advance()
            if window is not None and not window.show(_overlay(result)):
                break
    except KeyboardInterrupt:
        return True
    return False


def _overlay(result: Result) -> Image:
    assert result.overlay is not None
    return result.overlay


def _mask(result: Result) -> Image:
    assert result.mask is not None
    return result.mask


@contextmanager
def _progress(running: Stream, max_frames: int | None, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Yields what counts one frame: a progress bar on stderr if that is a terminal, else nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda: None
        return
    known = [count for count in (running.source.frame_count, max_frames) if count is not None]
    text = TextColumn("{task.fields[fps]:.1f} fps, {task.fields[dropped]} dropped")
    columns = (BarColumn(), MofNCompleteColumn(), text, TimeRemainingColumn())
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        task = progress.add_task("frames", total=min(known, default=None), fps=0.0, dropped=0)
        yield lambda: progress.update(task, advance=1, fps=running.stats.fps, dropped=running.stats.dropped)


def _show(report: Report) -> None:
    """Prints the table on stdout, and on stderr what went wrong."""
    from rich.console import Console

    Console().print(report.table())
    for warning in report.warnings:
        Console(stderr=True).print(f"warning: {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)
