"""The life of `edgeseg serve`: start, signals, settings that are read again, the watchdog, an end in order."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal

from edgeseg.interrupt import hangups, interruptible
from edgeseg.serve.fronts import Fronts
from edgeseg.serve.network import load_network
from edgeseg.serve.notify import Notifier
from edgeseg.serve.report import Reporter
from edgeseg.serve.service import PATIENCE, Service
from edgeseg.serve.settings_file import read_settings
from edgeseg.serve.together import together

PERIOD = 1.0
"""Seconds between two looks at whether work goes on."""

MARGIN = 0.5
"""Seconds that ending may take beyond what each part may."""

Message = Literal["stop", "reload", "broken"]


def run(path: Path, *, every: float, json: bool) -> bool:
    """Serves until SIGTERM or SIGINT comes; whether all could be finished, and the network worked to the end.

    Args:
        path: of the settings, which are read again on SIGHUP.
        every: seconds between two status objects, if they are printed.
        json: print events and the status on stdout, one JSON object a line.

    Raises:
        EdgeSegError: something in the settings, or the bundle, is not as it should be; no camera was opened.
    """
    take_all_descriptors()
    messages: SimpleQueue[Message] = SimpleQueue()  # whose put may be called by a signal handler at any time
    notifier = Notifier()
    settings, bundle = read_settings(path)
    service = Service(settings, load_network(settings.bundle, bundle), lambda: messages.put("broken"))
    reporter = Reporter(service, every) if json else None
    reloading = threading.Lock()
    message, in_time = None, False
    with ExitStack() as stack, ExitStack() as parts:
        if reporter is not None:
            stack.callback(reporter.close)
        parts.callback(service.close)
        fronts = Fronts(service)
        parts.callback(fronts.close)
        with interruptible(lambda: messages.put("stop")), hangups(lambda: messages.put("reload")):
            service.start()
            fronts.start()
            notifier.ready(_summary(service))
            while (message := _next(messages, service, notifier)) == "reload":
                change = partial(_reload, path, service, fronts, notifier, reloading)
                threading.Thread(target=change, name="edgeseg-reload", daemon=True).start()
            notifier.stopping()
            in_time = _end(service, fronts)
            parts.pop_all()  # a second call would wait, without a bound, for the first where that takes too long
    return message == "stop" and in_time


def _end(service: Service, fronts: Fronts) -> bool:
    """Ends all at once; whether all could be finished."""
    ended: list[bool] = []
    deadline = time.perf_counter() + PATIENCE + MARGIN
    return together([lambda: ended.append(service.close()), fronts.close], deadline) and all(ended)


def take_all_descriptors() -> None:
    """Raises the limit of open files to what the system allows: a camera needs four, and seven if it is recorded."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def leave(code: int) -> int:
    """The exit code of the process; ends it at once where a thread is left, which may be in native code.

    The interpreter's own end would abort the process then.
    """
    left = {thread.name for thread in threading.enumerate() if thread.name.startswith("edgeseg-")}
    if left:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _next(messages: SimpleQueue[Message], service: Service, notifier: Notifier) -> Message:
    """Waits for a message, and tells systemd meanwhile that work goes on, as long as it does."""
    due, well = 0.0, True
    while True:
        now, before = time.monotonic(), well
        well = service.is_well()
        if before and not well:
            service.events.add("service", "stuck", "a frame takes longer than a frame can take, or a worker has ended")
        if notifier.period is not None and now >= due and well:
            notifier.alive(_summary(service))
            due = now + notifier.period
        try:
            return messages.get(timeout=min(PERIOD, notifier.period or PERIOD))
        except Empty:
            continue


def _reload(path: Path, service: Service, fronts: Fronts, notifier: Notifier, reloading: threading.Lock) -> None:
    """Takes over what the file says now, or says why not; one at a time, so that the last one read holds."""
    with reloading:
        notifier.reloading()
        try:
            settings, bundle = read_settings(path, service.settings)
            service.reload(settings, bundle)
        except Exception as error:  # whatever it is, the service goes on as it was
            service.refuse(error)
        else:
            fronts.change(settings)
        notifier.ready(_summary(service))


def _summary(service: Service) -> str:
    status = service.status()
    live = sum(camera.state == "live" for camera in status.cameras)
    return f"{live} of {len(status.cameras)} cameras live, {status.fps:.1f} masks a second"
