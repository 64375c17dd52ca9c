"""The main job: segment a source and show, record or measure it. `edgeseg run` calls this."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import asdict, replace

from edgeseg.errors import AbandonedError
from edgeseg.interrupt import interruptible
from edgeseg.progress import progress_bar
from edgeseg.video.model import Model, RemoteModel
from edgeseg.video.options import StreamOptions
from edgeseg.video.outputs import Outputs
from edgeseg.video.pipeline import Stream
from edgeseg.video.report import Report
from edgeseg.video.source import Ended, Source


def run(model: Model, source: Source, outputs: Outputs, options: StreamOptions, *, quiet: bool = False) -> Report:
    """Segments a source to its end, or until a signal, q or Escape; outputs are then complete up to there.

    Args:
        model: best loaded with `engine_threads(mode)` threads.
        source: open; it is closed in the end.
        outputs: open; they are completed in the end. They decide whether masks and overlays are computed.
        options: how.
        quiet: no progress bar.

    Raises:
        BaseException: whatever the source or the model raised; the outputs hold what came before.
    """
    masks = outputs.masks or not outputs.overlay
    running = Stream(model, source, replace(options, overlay=outputs.overlay, masks=masks, tolerate_loss=True))
    ended: Ended | None = None

    def total() -> int | None:
        return min((count for count in (source.frame_count, options.max_frames) if count is not None), default=None)

    def stop() -> None:
        running.stop()
        if isinstance(model, RemoteModel):
            model.hurry()

    with (
        interruptible(stop) as signals,
        outputs,
        closing(running),
        progress_bar("frames", total=total(), quiet=quiet) as progress,
        suppress(AbandonedError),  # after a signal, whose frames are counted as left at the end
    ):
        for result in running:
            enough = outputs.put(result)
            progress(running.stats.frames, total(), note=f"{running.stats.fps:.1f} fps, {source.dropped} dropped")
            if enough is not None:
                ended = Ended("stopped", enough)
                break
    if signals:
        ended = Ended("interrupted", signals[0].name)
    stats, skipped = running.stats, asdict(source.skipped)
    skipped["at_end"] += stats.discarded
    return Report(
        source=source.name,
        width=source.width,
        height=source.height,
        mode=options.mode,
        workers=running.workers,
        threads=model.threads,
        batch=running.batch,
        frames=stats.frames,
        fps=stats.fps,
        dropped=source.dropped,
        connection=source.connection,
        skipped=skipped,
        stages={name: times.summary() for name, times in stats.stages.items()} | outputs.seconds(),
        capture_to_mask=stats.capture_to_mask.summary(),
        outputs=outputs.paths,
        failures=outputs.failures,
        warnings=(*source.warnings, *outputs.warnings),
        ended=ended or running.ended or Ended("end_of_file"),
    )
