"""One worker: it does one task after the other, each to the end or not at all."""

from __future__ import annotations

import errno
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.archive import store, table
from edgeseg.archive.address import Location
from edgeseg.archive.join import join
from edgeseg.archive.piece import segment
from edgeseg.archive.place import FRAMES, WARNINGS, Place, piece_name, warnings
from edgeseg.archive.plan import Plan
from edgeseg.archive.settings import Loading, Settings
from edgeseg.archive.tasks import NOTHING, Begun, Failed, Finished, Inseparable, Made, Outcome, Task, Work
from edgeseg.archive.videos import Video
from edgeseg.engines import first_line
from edgeseg.errors import EdgeSegError, OutputError, SourceError
from edgeseg.video.span import InseparableError

FATAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""What the system says of a disk that takes no other video's results either."""


class Worker:
    """Does tasks."""

    def __init__(self, root: Location, loading: Loading, piece_seconds: float, progress: Callable[[int], None]) -> None:
        """Loads the network.

        Args:
            root: the place of the results.
            loading: how.
            piece_seconds: of a piece, at least.
            progress: told how many frames of a task are done.

        Raises:
            EdgeSegError: as `edgeseg.load` raises them.
        """
        self._place = Place(root)
        self._settings = loading.settings
        self._batch = loading.batch
        self._seconds = piece_seconds
        self._progress = progress
        self._model = loading.load()
        self._copy: Path | None = None

    def do(self, task: Task) -> Outcome:
        """Does a task; what goes wrong is its outcome."""
        outcome = self._outcome(task)
        if isinstance(outcome, (Failed, Inseparable)):
            outcome = outcome._replace(reason=self._named(outcome.reason, task.video))
        self._copy = None
        return outcome

    def _outcome(self, task: Task) -> Outcome:
        try:
            return self._do(task)
        except InseparableError as error:
            return Inseparable(str(error))
        except OutputError as error:
            cause = error.__cause__
            return Failed(str(error), fatal=isinstance(cause, OSError) and cause.errno in FATAL)
        except EdgeSegError as error:
            return Failed(str(error))
        except MemoryError:
            return Failed(f"there is not enough memory for {task.video.path}; take fewer --workers")
        except OSError as error:
            what = error.filename or task.video.path
            return Failed(f"{what}: {error.strerror or error}", fatal=error.errno in FATAL)
        except Exception as error:  # one video must not end the work on all others
            return Failed(f"{task.video.path} failed with an unforeseen {type(error).__name__}: {first_line(error)}")

    def _do(self, task: Task) -> Outcome:
        video = task.video
        if task.kind == "begin":
            return self._begin(video)
        if task.kind == "piece":
            plan, piece = self._plan(video), self._place.piece(video.name, task.piece)
            if self._place.has(piece):  # a worker of this run has died before it could say so
                return Made(Work(self._rows(piece), {}))
            return Made(self._piece(video, plan, task.piece, video.path))
        if self._place.has(result := self._place.result(video.name)):  # a worker died of this as it removed the pieces
            store.tidy(self._place.pieces(video.name))
            found = self._earlier(video, result)
            return found._replace(earlier=False) if task.kind == "join" else found  # pieces have been counted
        if task.kind == "whole":
            return self._whole(video)
        return self._join(video, self._plan(video), NOTHING)

    def _begin(self, video: Video) -> Outcome:
        result, pieces = self._place.result(video.name), self._place.pieces(video.name)
        if self._place.has(result):
            store.tidy(pieces)
            return self._earlier(video, result)
        plan = Plan.read(self._place.plan(video.name))
        if plan is None or not plan.is_of(video.path):
            store.remove(pieces)
            status = store.status(video.path)
            with self._fetched(video) as path:
                plan = Plan.of(path, self._seconds, status)
                plan.write(self._place.plan(video.name))
                if plan.pieces == 1:
                    return self._all(video, plan, path)
        if plan.pieces == 1:
            with self._fetched(video) as path:
                return self._all(video, plan, path)
        finished = [number for number in range(plan.pieces) if self._place.has(self._place.piece(video.name, number))]
        frames = sum(self._rows(self._place.piece(video.name, number)) for number in finished)
        return Begun(plan.pieces, frozenset(finished), frames, plan.frames)

    @contextmanager
    def _fetched(self, video: Video) -> Iterator[Path]:
        """The video on disk; where that is a copy, messages do not call it so."""
        with store.fetch(video.path) as self._copy:
            yield self._copy

    def _named(self, text: str, video: Video) -> str:
        return text if self._copy is None else text.replace(str(self._copy), str(video.path))

    def _rows(self, folder: Location) -> int:
        with store.open_file(folder / FRAMES) as file:
            return table.rows(file)

    def _earlier(self, video: Video, result: Location) -> Finished:
        """The results that an earlier run has finished, if they are still those of this video, by these settings."""
        try:
            with store.open_file(result / FRAMES) as file:
                origin = table.origin(file)
            source, settings = origin["source"], Settings.from_json(origin, result / FRAMES)
            frames = self._rows(result)
        except SourceError:
            raise
        except (OSError, KeyError, ValueError, TypeError, OutputError) as error:
            raise OutputError(f"{result} holds no results of this run; move it away") from error
        self._settings.check_same(settings, result)
        if source != store.status(video.path)._asdict():
            raise SourceError(f"{video.path} has changed since it was segmented; remove {result}, and it is done again")
        return Finished(frames, NOTHING, True, ())

    def _plan(self, video: Video) -> Plan:
        plan = Plan.read(self._place.plan(video.name))
        if plan is None or not plan.is_of(video.path):
            raise _changed(video)
        return plan

    def _whole(self, video: Video) -> Finished:
        """A video that was cut, as one piece. The pieces go first: the first of them must not pass for the whole."""
        plan = Plan.read(self._place.plan(video.name))
        status = store.status(video.path)
        with self._fetched(video) as path:
            if plan is None or plan.spans or not plan.is_of(video.path):
                store.remove(self._place.pieces(video.name))
                plan = Plan.of(path, math.inf, status)
                plan.write(self._place.plan(video.name))
            return self._all(video, plan, path)

    def _all(self, video: Video, plan: Plan, path: Path) -> Finished:
        """A video of one piece, which lies at `path`, from beginning to end."""
        return self._join(video, plan, self._piece(video, plan, 0, path))

    def _piece(self, video: Video, plan: Plan, number: int, path: Location) -> Work:
        """Segments a piece, unless it is there; what was done. The source's warnings lie beside it."""
        target = self._place.piece(video.name, number)
        if self._place.has(target):
            return NOTHING
        # A worker that was thought lost may have been quicker: its piece stays, and is the same.
        with plan.open(path, number) as source, self._place.new(target) as folder:
            work = segment(
                self._model,
                source,
                folder,
                overlay=self._settings.overlay,
                hardware=not plan.spans,
                watch=self._settings.watch,
                progress=self._progress,
                batch=self._batch,
            )
            if source.warnings:
                found = [self._named(each, video) for each in source.warnings]
                (folder / WARNINGS).write_text(json.dumps(found), encoding="utf-8")
        return work

    def _join(self, video: Video, plan: Plan, work: Work) -> Finished:
        if not plan.is_of(video.path):  # as one that a recorder still writes
            raise _changed(video)
        started = time.perf_counter()
        origin = {**self._settings.to_json(), "source": {"bytes": plan.bytes, "changed": plan.changed}}
        with (
            store.fetch(self._place.pieces(video.name)) as pieces,
            self._place.new(self._place.result(video.name)) as folder,
        ):
            parts = [pieces / piece_name(number) for number in range(plan.pieces)]
            said = [each for part in parts for each in warnings(part)]
            frames = join(
                parts,
                folder,
                self._model.spec,
                plan.fps,
                origin,
                overlay=self._settings.overlay,
                watch=self._settings.watch,
            )
            early = plan.early_end(video.path, frames, table.last_time(folder / FRAMES))
        store.tidy(self._place.pieces(video.name))
        seconds = {**work.seconds, "join": time.perf_counter() - started}
        said += [] if early is None else [early]
        return Finished(frames, Work(work.frames, seconds), False, tuple(dict.fromkeys(said)))


def _changed(video: Video) -> SourceError:
    return SourceError(f"{video.path} changed while it was segmented; run the same command again")
