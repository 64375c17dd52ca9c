"""Watches one camera for drift: learns a reference, and says when its figures leave it and when they are back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Mask
from edgeseg.errors import DataError, EdgeSegError, OutputError
from edgeseg.segmenter import Segmenter
from edgeseg.serve.drift.chart import FIGURES, Chart, Figure
from edgeseg.serve.drift.period import PeriodMeans
from edgeseg.serve.drift.reference import View, read_reference, write_reference
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.figures import fractions
from edgeseg.serve.result_queue import ResultQueue
from edgeseg.serve.rules.doubt import disagreement, uncertainty
from edgeseg.serve.rules.trigger import Trigger
from edgeseg.serve.settings import DriftSettings
from edgeseg.serve.status import DriftStatus
from edgeseg.video.model import Result

JUDGED = 6
"""Frames of a period that are asked for their confidence: each takes another inference."""

SAVED = 10
"""Periods after which what is learnt is written, while it is being learnt."""

BACK = 0.8
"""Of the limit: drift ends below it."""

WAITING = 8
"""Results that wait; of more, the oldest are left out."""

WORDS: dict[Figure, str] = {"mix": "the mix of classes", "confidence": "the confidence", "churn": "the masks' churn"}


class DriftWatch:
    """Looks at each mask, in a thread of its own; a sink of a camera's results.

    Attributes:
        status: where it stands; replaced as a whole.
    """

    def __init__(
        self, settings: DriftSettings, camera: str, smooth: float, model: Callable[[], Segmenter], events: EventLog
    ) -> None:
        """Begins; a reference of earlier runs is gone on with.

        Args:
            settings: where the reference lies, how long it is learnt, and from where on it is drift.
            camera: its name.
            smooth: how its masks are steadied.
            model: returns what segments now; it may change, to one of the same classes.
            events: told of drift, and what becomes of the reference.
        """
        self.status = DriftStatus("learning", 0.0, {}, {})
        self._settings, self._camera, self._smooth = settings, camera, smooth
        self._model, self._events = model, events
        self._path = settings.folder / f"{camera}-reference.json"
        self._view = self._view_now()
        self._means = PeriodMeans(settings.every)
        self._judged_at: float | None = None
        self._known = False  # whether there is a reference on the disk has been seen
        self._saved: int | None = None  # device of the folder that it lies in
        self._unsaved = 0  # periods
        self._failing = False
        self._periods: list[NDArray[np.float64]] = []
        self._chart: Chart | None = None
        self._triggers: dict[Figure, Trigger] = {}
        self._before: Mask | None = None
        self._results: ResultQueue[tuple[Result, Mask | None]] = ResultQueue(WAITING)
        self._thread = threading.Thread(target=self._run, name=f"edgeseg-{camera}-drift", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Results that came faster than they were looked at."""
        return self._results.lost

    @property
    def drifting(self) -> bool:
        """Whether any figure has left the reference."""
        return self.status.state == "drifting"

    def put(self, result: Result, now: float) -> None:
        """Takes a result, as `edgeseg.serve.sink.Sink` says."""
        del now
        before, self._before = self._before, result.mask
        self._results.put((result, before))

    def gap(self) -> None:
        """The next frame has no neighbour before it, and the time until then does not count."""
        self._before = None
        self._results.gap()

    def close(self, seconds: float) -> None:
        """Saves what was learnt, within so many seconds."""
        self._results.close()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._results.over:
            if (item := self._results.take()) is None:
                self._means.gap()
            else:
                self._look(*item)
        if self._unsaved:
            self._save()

    def _look(self, result: Result, before: Mask | None) -> None:
        assert result.mask is not None
        shares = np.array(list(fractions(result.mask, self._view.classes).values()))
        confidence = None
        if self._judged_at is None or result.captured - self._judged_at >= self._settings.every / JUDGED:
            self._judged_at = result.captured
            try:
                confidence = 1 - uncertainty(self._model(), result.frame)
            except EdgeSegError as error:
                self._say_once("confidence_unknown", f"the confidence of a frame is not known: {error}")
        churn = None if before is None or before.shape != result.mask.shape else disagreement(result.mask, before)
        self._means.add(result.captured, shares, confidence, churn)
        if (period := self._means.take()) is not None:
            self._take(period.row)

    def _take(self, row: NDArray[np.float64]) -> None:
        """Takes a period: a part of the reference, or held against it."""
        view_before, self._view = self._view, self._view_now()
        if not self._known:
            self._find()
        elif self._view != view_before:
            self._learn_anew("the network has changed")
        elif self._is_gone():
            self._learn_anew(f"{self._path} was deleted")
        if not self._known or self._view != view_before:  # the period is partly of the network before
            return
        if self._chart is not None:
            self._chart.add(row)
            self._judge(self._chart)
        else:
            self._periods.append(row)
            self._unsaved += 1
            self._chart_if_learnt("learnt", f"the reference is learnt: {self._settings.periods} periods")
        soon = self._chart is not None or self._saved is None
        if self._unsaved >= (1 if soon else SAVED):
            self._save()

    def _find(self) -> None:
        """Goes on with the reference on the disk, if there is one that fits."""
        try:
            periods = read_reference(self._path, self._view)
        except DataError as error:
            self._known = True
            self._learn_anew(str(error))
        except OSError as error:
            self._say_once("reference_unreadable", f"the reference is not read: {error.strerror or error}")
        else:
            self._known = True
            if periods is None:
                self._learn_anew(f"there is no {self._path}")
                return
            self._saved = _device(self._path.parent)
            self._periods = list(periods)
            text = f"the reference in {self._path} holds: {len(periods)} of {self._settings.periods} periods are learnt"
            if not self._chart_if_learnt("found", text):
                self._tell("found", text)

    def _learn_anew(self, reason: str) -> None:
        hours = self._settings.learn_hours
        self._tell("learning", f"{reason}; a reference is learnt from {hours:g} hours in which frames come")
        for figure, trigger in self._triggers.items():
            if trigger.active:
                self._tell(figure, f"{WORDS[figure]} is held against no reference any more", active=False)
        self._periods, self._chart, self._triggers = [], None, {}
        self._saved, self._unsaved = None, 0
        self.status = DriftStatus("learning", 0.0, {}, {})

    def _chart_if_learnt(self, name: str, text: str) -> bool:
        """Begins to hold periods against the reference, if it has all of its own."""
        wanted = self._settings.periods
        if len(self._periods) < wanted:
            self.status = DriftStatus("learning", len(self._periods) / wanted, {}, {})
            return False
        self._chart = Chart(np.array(self._periods), exclusive=self._model().spec.head.exclusive)
        self._triggers = {figure: Trigger(self._settings.limit, BACK * self._settings.limit, 0.0) for figure in FIGURES}
        self.status = DriftStatus("steady", 1.0, {}, {})
        self._tell(name, text)
        return True

    def _judge(self, chart: Chart) -> None:
        values, deviations = chart.values(), chart.deviations()
        changed = [figure for figure in FIGURES if self._triggers[figure].update(deviations[figure], 0.0)]
        drifting = any(trigger.active for trigger in self._triggers.values())
        self.status = DriftStatus("drifting" if drifting else "steady", 1.0, values, deviations)
        for figure in changed:
            active = self._triggers[figure].active
            bound = f"more than {self._settings.limit:g}" if active else f"no more than {BACK * self._settings.limit:g}"
            text = f"{WORDS[figure]} is {deviations[figure]:.1f} times its usual spread from the reference, {bound}"
            self._tell(figure, f"{text}: {self._news(figure, chart)}", active=active)

    def _news(self, figure: Figure, chart: Chart) -> str:
        """What the figure was, and what it is: of the mix, the class that changed most."""
        place, name = {"confidence": -2, "churn": -1}.get(figure), ""
        if place is None:
            place = int(np.argmax(np.abs(chart.average - chart.mean)[:-2]))
            name = f"{self._view.classes[place]} has "
        return f"{name}{100 * chart.average[place]:.1f} % instead of {100 * chart.mean[place]:.1f} %"

    def _save(self) -> None:
        try:
            write_reference(self._path, self._view, np.array(self._periods))
            self._saved = _device(self._path.parent)
        except OutputError as error:
            self._say_once("reference_unsaved", f"the reference is not saved, and will be: {error}")
        else:
            self._unsaved, self._failing = 0, False

    def _is_gone(self) -> bool:
        """Whether somebody deleted the reference; a disk that is not there takes its folder with it."""
        folder = self._path.parent
        return self._saved is not None and _device(folder) == self._saved and not os.path.exists(self._path)  # noqa: PTH110 - which raises nothing

    def _view_now(self) -> View:
        model = self._model()
        assert model.candidate is not None
        return View(model.candidate.artifact.sha256, model.spec.classes, self._settings.every, self._smooth)

    def _say_once(self, name: str, text: str) -> None:
        """What goes on going wrong is told once."""
        if not self._failing:
            self._failing = True
            self._tell(name, text)

    def _tell(self, name: str, text: str, active: bool | None = None) -> None:
        self._events.add("drift", name, text, self._camera, active)


def _device(folder: Path) -> int | None:
    """Of the file system that a folder lies on; None where it is not there."""
    try:
        return folder.stat().st_dev
    except OSError:
        return None
