"""Rules of a camera: when a class covers more of a zone than it may, that is an event, and its end is one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording.fragments import Kind, LiveVideo
from edgeseg.serve.result_queue import ResultQueue
from edgeseg.serve.rules.event_files import EventFiles
from edgeseg.serve.rules.shares import RuleShares
from edgeseg.serve.rules.trigger import Trigger
from edgeseg.serve.settings import Rule, Zone
from edgeseg.video.model import Result

FRAMES = 8
"""Results that wait; of more, the oldest are lost."""


class Rules:
    """Looks at each mask, in a thread of its own; a sink of a camera's results."""

    def __init__(
        self,
        camera: str,
        zones: Sequence[Zone],
        rules: Sequence[Rule],
        classes: tuple[str, ...],
        events: EventLog,
        live: LiveVideo,
        folder: Path | None = None,
        kind: Kind = "plain",
    ) -> None:
        """Begins; no rule holds.

        Args:
            camera: its name.
            zones: that rules may name.
            rules: whose classes are among `classes`, and whose zones among `zones`.
            classes: names by class id.
            events: told when a rule begins to hold, and when it ends.
            live: the camera's video, for clips.
            folder: where stills and clips go; None: there are none.
            kind: of the video in clips; one that is recorded too is encoded once.
        """
        self._camera, self._rules, self._events = camera, tuple(rules), events
        self._shares = RuleShares(zones, rules, classes)
        self._size: tuple[int, ...] = ()  # of the last mask
        self._triggers = [Trigger(rule.above, rule.below, rule.seconds) for rule in rules]
        self._files = None if folder is None else EventFiles(folder, camera, live, kind, events)
        self._results: ResultQueue[tuple[Result, float]] = ResultQueue(FRAMES)
        self._thread = threading.Thread(target=self._run, name=f"edgeseg-{camera}-rules", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Results that came faster than they were looked at."""
        return self._results.lost

    def put(self, result: Result, now: float) -> None:
        """Takes a result, as `edgeseg.serve.sink.Sink` says."""
        self._results.put((result, now))

    def gap(self) -> None:
        """Whatever was to last for some seconds begins to count anew."""
        self._results.gap()

    def close(self, seconds: float) -> None:
        """Looks at what waits, and writes the files of events, within so many seconds."""
        self._results.close()
        self._thread.join(seconds)
        if self._files is not None:
            self._files.close(seconds)

    def _run(self) -> None:
        while not self._results.over:
            if (item := self._results.take()) is None:
                for trigger in self._triggers:
                    trigger.gap()
            else:
                self._look(*item)

    def _look(self, result: Result, now: float) -> None:
        assert result.mask is not None
        shares = self._shares.of(result.mask)
        if result.mask.shape != self._size:
            self._size = result.mask.shape
            for sentence in self._shares.empty():
                self._events.add("rule", "empty_zone", sentence, self._camera)
        for number, (rule, trigger, share) in enumerate(zip(self._rules, self._triggers, shares, strict=True), 1):
            if trigger.update(share, result.captured):
                self._tell(number, rule, trigger.active, share, result, now)

    def _tell(self, number: int, rule: Rule, active: bool, share: float, result: Result, now: float) -> None:
        place = "the picture" if rule.zone is None else f"zone {rule.zone}"
        limit = f"more than {100 * rule.above:g} %" if active else f"no more than {100 * rule.below:g} %"
        lasting = f" for {rule.seconds:g} s" if rule.seconds else ""
        text = f"{rule.class_name} covers {100 * share:.2f} % of {place}: {limit}{lasting}"
        files = None
        if active and self._files is not None:
            files = self._files.add(result.frame, now, result.captured, f"-event{number}")
        still, clip = files or (None, None)
        self._events.add("rule", rule.name, text, self._camera, active, still, clip)
