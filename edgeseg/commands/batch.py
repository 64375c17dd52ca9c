"""`edgeseg batch`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.artifact import Precision
from edgeseg.errors import UsageError
from edgeseg.json_fields import print_json

if TYPE_CHECKING:
    from edgeseg.archive.pool import Start
    from edgeseg.archive.report import BatchReport
    from edgeseg.archive.run import Pool
    from edgeseg.segmenter import Segmenter

LONGEST_PIECE = 86400.0
"""Seconds."""

MOST_ACTORS = 10000
"""Workers in a cluster."""


def batch_command(
    *videos: str | Path,
    out: str | Path,
    bundle: str = "road",
    engine: str | None = None,
    precision: Precision | None = None,
    overlay: bool = False,
    rules: Path | None = None,
    workers: int | None = None,
    ray: str | None = None,
    batch: int | None = None,
    piece: float = 60.0,
    require_signature: bool = False,
    trust: Path | None = None,
    min_version: int | None = None,
    json: bool = False,
) -> int:
    """Segment an archive of recorded videos on all cores.

    Each video becomes a folder in --out: masks.mov (lossless: a PNG of class ids per frame, with the class table in the
    file's metadata) and frames.parquet (a row per frame: time, confidence, and the fraction of each class). Long videos
    are cut at key frames, so that several workers share one; the results are the same. What is finished appears whole.
    Running the same command again does only what is left.

    Exit code 0 when all videos are done, 2 when something was wrong or a video failed (the others are done all the
    same), and 128 plus its number after a signal.

    Args:
        videos: video files; folders, with the folders below, of which files with a video's suffix are taken; or lists
            (.txt) with one path per line. Each may lie in a bucket, as s3://BUCKET/KEY.
        out: the folder of the results, new or of an earlier run, or s3://BUCKET/KEY.
        bundle: the network: the name of one that comes with edgeseg, or a path.
        engine: the runtime, as for run; by default auto, or the one that the results were begun with.
        precision: the artifact's precision, as for run.
        overlay: write overlay.mkv too, the frames with their classes painted over them.
        rules: a TOML file with zones and rules, as a camera under serve has them; frames.parquet then says which rules
            hold, and where they begin and end.
        workers: processes, by default one per core, with --ray as many as the cluster has room for; each has its own
            network, on one thread.
        ray: work on a Ray cluster: HOST:PORT of its head, auto for the one that this machine belongs to, or local to
            start one here. All its machines must see the videos and --out under the same paths or URLs.
        batch: frames that a worker gives the network at once, if it was exported with --batch. By default one, or with
            --engine auto, without --ray, what measured fastest here.
        piece: seconds of video in a piece, at least; one that is shorter than two of them is not cut.
        require_signature: run only a bundle that a trusted key signed, as for run.
        trust: a public key (.pub) or a folder of some, as for run.
        min_version: refuse a lower version of the bundle, as for run.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.archive import store
    from edgeseg.archive.address import locate
    from edgeseg.archive.events import Watch
    from edgeseg.archive.place import Place
    from edgeseg.archive.pool import Start
    from edgeseg.archive.run import run_batch
    from edgeseg.archive.settings import Loading, Settings
    from edgeseg.archive.videos import find_videos
    from edgeseg.auto import AUTO
    from edgeseg.bundle import Bundle
    from edgeseg.cache import tell
    from edgeseg.processor import most_threads
    from edgeseg.segmenter import load
    from edgeseg.terminal import print_report
    from edgeseg.trust import Demand

    most = most_threads() if ray is None else MOST_ACTORS
    if workers is not None and not 1 <= workers <= most:
        raise UsageError(f"--workers is {workers}, expected 1 to {most} here")
    if not 0 < piece <= LONGEST_PIECE:
        raise UsageError(f"--piece is {piece:g}, expected seconds above 0 and up to {LONGEST_PIECE:g}")
    root = locate(out)
    given = [locate(each) for each in videos]
    store.check(root)
    found, others = find_videos(given, root)
    opened = Bundle.open(bundle)
    watch = None if rules is None else Watch.read(rules, opened.spec)
    demand = Demand(require_signature, trust, min_version)
    place = Place(root.absolute() if isinstance(root, Path) else root)
    with place.locked():
        earlier = Settings.read(place.settings)
        artifact = None
        if earlier is not None and engine is None and precision is None:  # auto may choose otherwise by now
            artifact = next((each for each in opened.artifacts if each.sha256 == earlier.sha256), None)
        model = load(
            opened,
            engine=earlier.engine if earlier is not None and artifact is not None else engine or AUTO,
            precision=precision,
            artifact=artifact,
            threads=1,
            say=tell,
            **vars(demand),
        )
        assert model.candidate is not None
        settings = Settings(
            opened.spec.name,
            model.candidate.engine,
            model.candidate.artifact.precision,
            model.candidate.artifact.sha256,
            overlay,
            watch,
        )
        at_once = _at_once(model, batch, workers, measure=engine is None and ray is None)
        model.close()
        if earlier is not None:
            settings.check_same(earlier, root)
        loading = Loading(str(opened.folder.absolute()), settings, demand, at_once)
        start = Start(place.root, loading, piece)
        with _pools(ray, workers, start) as make_pool:
            settings.write(place.settings)  # the same again, too: it shows at once whether anything can be written
            report = run_batch(found, make_pool, others=others, quiet=json)
    if json:
        print_json(report.to_json())
    else:
        print_report(report.table(), report.warnings)
    return _exit_code(report)


@contextmanager
def _pools(ray: str | None, workers: int | None, start: Start) -> Iterator[Callable[[], Pool]]:
    """How workers are started: as processes here, or in a cluster, which this process joins for the block.

    Raises:
        EdgeSegError: as `edgeseg.archive.cluster.connection.connected` raises them.
    """
    if ray is None:
        from edgeseg.archive.pool import ProcessPool
        from edgeseg.processor import available_cores

        yield lambda: ProcessPool(workers or available_cores(), start)
    else:
        from edgeseg.archive.cluster.connection import connected

        with connected(ray):
            from edgeseg.archive.cluster.pool import RayPool

            yield lambda: RayPool(workers, start)


def _at_once(model: Segmenter, batch: int | None, workers: int | None, *, measure: bool) -> int:
    """How many frames a worker gives the network at once.

    Raises:
        UsageError: the network takes fewer.
    """
    from edgeseg.batch_size import choose_batch
    from edgeseg.cache import tell
    from edgeseg.processor import available_cores
    from edgeseg.video.options import StreamOptions
    from edgeseg.video.pipeline import check_batch

    if batch is not None:
        check_batch(model, StreamOptions(batch=batch))
        return batch
    if not measure:
        return 1
    return choose_batch(model, workers=min(workers or available_cores(), available_cores()), say=tell).best


def _exit_code(report: BatchReport) -> int:
    """The exit code, with a sentence on stderr for what went wrong."""
    import signal

    from edgeseg.interrupt import exit_code
    from edgeseg.terminal import complain

    for failure in report.failures:
        complain(f"{failure.video} failed: {failure.reason}")
    if report.fatal is not None:
        complain(f"{report.fatal}; the same command continues from what is finished")
    if report.interrupted is not None:
        complain(
            f"interrupted after {report.finished} of {report.videos} videos; the same command continues from what is "
            "finished"
        )
        return exit_code(signal.Signals[report.interrupted])
    return 2 if report.failures or report.fatal is not None else 0
