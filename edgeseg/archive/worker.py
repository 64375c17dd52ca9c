"""One worker: it does one task after the other, each to the end or not at all."""

from __future__ import annotations

import errno
import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from edgeseg.archive import table
from edgeseg.archive.join import join
from edgeseg.archive.piece import segment
from edgeseg.archive.place import FRAMES, WARNINGS, Place
from edgeseg.archive.plan import Plan
from edgeseg.archive.settings import Loading, Settings
from edgeseg.archive.tasks import NOTHING, Begun, Failed, Finished, Inseparable, Made, Outcome, Task, Work
from edgeseg.archive.videos import Video
from edgeseg.atomic import atomic_folder
from edgeseg.engines import first_line
from edgeseg.errors import EdgeSegError, OutputError, SourceError
from edgeseg.video.span import InseparableError

FATAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""What the system says of a disk that takes no other video's results either."""


class Worker:
    """Does tasks."""

    def __init__(self, root: Path, loading: Loading, piece_seconds: float, progress: Callable[[int], None]) -> None:
        """Loads the network.

        Args:
            root: the folder of the results.
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

    def do(self, task: Task) -> Outcome:
        """Does a task; what goes wrong is its outcome."""
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
            if piece.exists():  # a worker of this run has died before it could say so
                return Made(Work(table.rows(piece / FRAMES), {}))
            return Made(self._piece(video, plan, task.piece))
        if (result := self._place.result(video.name)).exists():  # a worker died of this as it removed the pieces
            shutil.rmtree(self._place.pieces(video.name), ignore_errors=True)
            found = self._earlier(video, result)
            return found._replace(earlier=False) if task.kind == "join" else found  # pieces have been counted
        if task.kind == "whole":
            return self._whole(video)
        return self._join(video, self._plan(video), NOTHING)

    def _begin(self, video: Video) -> Outcome:
        result, pieces = self._place.result(video.name), self._place.pieces(video.name)
        if result.exists():
            shutil.rmtree(pieces, ignore_errors=True)
            return self._earlier(video, result)
        plan = Plan.read(self._place.plan(video.name))
        if plan is None or not plan.is_of(video.path):
            shutil.rmtree(pieces, ignore_errors=True)
            plan = Plan.of(video.path, self._seconds)
            plan.write(self._place.plan(video.name))
        if plan.pieces == 1:
            return self._all(video, plan)
        finished = [number for number in range(plan.pieces) if self._place.piece(video.name, number).exists()]
        frames = sum(table.rows(self._place.piece(video.name, number) / FRAMES) for number in finished)
        return Begun(plan.pieces, frozenset(finished), frames, plan.frames)

    def _earlier(self, video: Video, result: Path) -> Finished:
        """The results that an earlier run has finished, if they are still those of this video, by these settings."""
        try:
            origin = table.origin(result / FRAMES)
            source, settings = origin["source"], Settings.from_json(origin, result / FRAMES)
            frames = table.rows(result / FRAMES)
        except (OSError, KeyError, ValueError, TypeError, OutputError) as error:
            raise OutputError(f"{result} holds no results of this run; move it away") from error
        self._settings.check_same(settings, result)
        status = video.path.stat()
        if source != {"bytes": status.st_size, "changed": status.st_mtime_ns}:
            raise SourceError(f"{video.path} has changed since it was segmented; remove {result}, and it is done again")
        return Finished(frames, NOTHING, True, ())

    def _plan(self, video: Video) -> Plan:
        plan = Plan.read(self._place.plan(video.name))
        if plan is None or not plan.is_of(video.path):
            raise SourceError(f"{video.path} changed while it was segmented; run the same command again")
        return plan

    def _whole(self, video: Video) -> Finished:
        """A video that was cut, as one piece. The pieces go first: the first of them must not pass for the whole."""
        plan, pieces = Plan.read(self._place.plan(video.name)), self._place.pieces(video.name)
        if plan is None or plan.spans or not plan.is_of(video.path):
            if pieces.exists():
                shutil.rmtree(pieces)
            plan = Plan.of(video.path, math.inf)
            plan.write(self._place.plan(video.name))
        return self._all(video, plan)

    def _all(self, video: Video, plan: Plan) -> Finished:
        """A video of one piece, from beginning to end."""
        return self._join(video, plan, self._piece(video, plan, 0))

    def _piece(self, video: Video, plan: Plan, number: int) -> Work:
        """Segments a piece, unless it is there; what was done. The source's warnings lie beside it."""
        target = self._place.piece(video.name, number)
        if target.exists():
            return NOTHING
        # A worker that was thought lost may have been quicker: its piece stays, and is the same.
        with plan.open(video.path, number) as source, atomic_folder(target, replace=False) as folder:
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
                (folder / WARNINGS).write_text(json.dumps(source.warnings), encoding="utf-8")
        return work

    def _join(self, video: Video, plan: Plan, work: Work) -> Finished:
        started = time.perf_counter()
        warnings = [each for number in range(plan.pieces) for each in self._place.warnings(video.name, number)]
        pieces = [self._place.piece(video.name, number) for number in range(plan.pieces)]
        origin = {**self._settings.to_json(), "source": {"bytes": plan.bytes, "changed": plan.changed}}
        with atomic_folder(self._place.result(video.name), replace=False) as folder:
            frames = join(
                pieces,
                folder,
                self._model.spec,
                plan.fps,
                origin,
                overlay=self._settings.overlay,
                watch=self._settings.watch,
            )
            early = plan.early_end(video.path, frames, table.last_time(folder / FRAMES))
        shutil.rmtree(self._place.pieces(video.name), ignore_errors=True)
        seconds = {**work.seconds, "join": time.perf_counter() - started}
        warnings += [] if early is None else [early]
        return Finished(frames, Work(work.frames, seconds), False, tuple(dict.fromkeys(warnings)))
