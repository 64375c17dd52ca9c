"""A running service: one network, many cameras, and what is told of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError
from edgeseg.segmenter import Segmenter
from edgeseg.serve.camera import CameraWorker, source_name, unstarted
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.network import Network, load_network
from edgeseg.serve.scheduler import Scheduler
from edgeseg.serve.settings import CameraSettings, ServiceSettings
from edgeseg.serve.sinks import Sinks, open_sinks
from edgeseg.serve.status import CameraStatus, ServiceStatus
from edgeseg.serve.together import together

PATIENCE = 5.0
"""Seconds that ending takes at most."""


class Service:
    """Segments cameras until it is closed.

    Attributes:
        settings: that hold now.
        events: what happened.
        cameras: that were started, by name, in the order of the settings; replaced as a whole.
    """

    def __init__(self, settings: ServiceSettings, network: Network, broken: Callable[[], None]) -> None:
        """Makes it; `start` opens the cameras.

        Args:
            settings: what is to run.
            network: loaded by these settings; the service closes it.
            broken: called when the network gives no masks any more.
        """
        self.settings = settings
        self.events = EventLog()
        self.cameras: dict[str, CameraWorker] = {}
        self._listed: tuple[CameraWorker | CameraStatus, ...] = ()  # with those that could not be started
        self._network = network
        self._started = time.perf_counter()
        self._changing = threading.Lock()  # held while the settings change, or all ends
        self._closed = False
        self._broken = broken
        self._scheduler = Scheduler(network.model, network.workers, self._break, network.batch, self._separate)

    def start(self) -> None:
        """Opens the cameras."""
        with self._changing:
            self.events.add("service", "started", f"{self._network_text()}; cameras: {', '.join(self._names())}")
            self._start_cameras(self.settings.cameras, {})

    def status(self) -> ServiceStatus:
        """Where it stands now."""
        network, spec = self._network, self._network.bundle.spec
        return ServiceStatus(
            version=version("edgeseg"),
            bundle=spec.name,
            sha256=network.artifact.sha256,
            engine=network.engine,
            precision=network.artifact.precision,
            classes=spec.classes,
            palette=spec.palette,
            batch=self._scheduler.batch,
            seconds=time.perf_counter() - self._started,
            lost_events=self.events.lost(),
            cameras=tuple(each.status() if isinstance(each, CameraWorker) else each for each in self._listed),
        )

    @property
    def model(self) -> Segmenter:
        """What segments now."""
        return self._network.model

    def is_well(self) -> bool:
        """Whether work goes on, for whatever frames come."""
        return self._scheduler.is_well()

    def reload(self, settings: ServiceSettings, bundle: Bundle) -> None:
        """Takes other settings over: all of them, or none. To be called by one thread at a time.

        Cameras whose settings are the same go on without a gap, unless they have failed: those are started again. A
        new bundle is loaded and asked for its golden frames first; the old one serves until then.

        Args:
            settings: as `read_settings` gave them.
            bundle: that they name.

        Raises:
            EdgeSegError: the new bundle cannot be taken; nothing has changed.
        """
        network = before = self._network
        if (settings.bundle, bundle) != (before.settings, before.bundle):
            network = _proved(load_network(settings.bundle, bundle))
        with self._changing:
            if self._closed:
                return
            # Whatever is not to see the new network's masks ends with the old one's.
            kept = self._end_others(settings.cameras if network.answers_like(before) else ())
            if network is not before:
                self._take_over(network)
            self.settings = settings
            self._start_cameras(settings.cameras, kept)
            self.events.add("service", "reloaded", f"{self._network_text()}; cameras: {', '.join(self._names())}")

    def refuse(self, error: Exception) -> None:
        """Says that other settings were not taken over."""
        self.events.add("service", "refused", f"the new settings are refused, the old ones stay: {error}")

    def close(self, seconds: float = PATIENCE) -> bool:
        """Ends the cameras, finishes what they write, and frees the network; whether all ended within the time."""
        deadline = time.perf_counter() + seconds
        with self._changing:
            if self._closed:
                return True
            self._closed = True
        in_time = together([partial(camera.close, deadline) for camera in self.cameras.values()], deadline)
        in_time = self._scheduler.close(deadline) and in_time
        if in_time:
            self._network.model.close()
        self.events.add("service", "stopped", "all is finished" if in_time else "not all could be finished in time")
        return in_time

    def _take_over(self, network: Network) -> None:
        """Segments with another network from the next frame on."""
        before, self._network = self._network, network
        if self._scheduler.replace(network.model, network.workers, PATIENCE, network.batch):
            before.model.close()

    def _end_others(self, wanted: Sequence[CameraSettings]) -> dict[str, CameraWorker]:
        """Ends the cameras that are not wanted so; those that go on, by name."""
        kept = {
            each.name: camera
            for each in wanted
            if (camera := self.cameras.get(each.name)) is not None
            and camera.settings == each
            and camera.status().state != "failed"
        }
        ended = [camera for name, camera in self.cameras.items() if name not in kept]
        self._scheduler.cameras = tuple(kept.values())
        deadline = time.perf_counter() + PATIENCE
        together([partial(camera.close, deadline) for camera in ended], deadline)
        return kept

    def _start_cameras(self, wanted: Sequence[CameraSettings], kept: Mapping[str, CameraWorker]) -> None:
        """Starts the cameras that are not there."""
        self._listed = tuple(kept.get(each.name) or self._camera(each) for each in wanted)
        self.cameras = {each.name: each for each in self._listed if isinstance(each, CameraWorker)}
        self._scheduler.cameras = tuple(self.cameras.values())
        self._scheduler.arrived()

    def _camera(self, settings: CameraSettings) -> CameraWorker | CameraStatus:
        """A camera that runs; where it stands, if it cannot be started: the others run all the same."""
        classes, sinks = self._network.bundle.spec.classes, Sinks()
        try:
            sinks = open_sinks(settings, lambda: self.model, self.events, self._folders)
            return CameraWorker(settings, classes, self.events, self._scheduler.arrived, sinks)
        except Exception as error:  # the system gives no more descriptors, threads or memory
            for sink in sinks.all:
                sink.close(PATIENCE)
            reason = f"{source_name(settings)} could not be started ({error}); the next SIGHUP tries it again"
            self.events.add("state", "failed", reason, settings.name)
            return unstarted(settings, reason)

    def _folders(self) -> list[Path]:
        """Of the recordings that leave room on their disks."""
        recordings = [camera.recording for camera in self.settings.cameras]
        return [each.folder for each in recordings if each is not None and each.keep_free is not None]

    def _break(self, sentence: str) -> None:
        self.events.add("service", "broken", sentence)
        self._broken()

    def _separate(self, sentence: str) -> None:
        self.events.add("service", "batch_failed", sentence)

    def _network_text(self) -> str:
        network = self._network
        proof = "" if network.agreement is None else f", {network.agreement:.2f} % of its golden frames"
        batch = f", up to {network.batch} frames in one call" if network.batch > 1 else ""
        return f"bundle {network.bundle.spec.name} in {network.engine} {network.artifact.precision}{proof}{batch}"

    def _names(self) -> list[str]:
        return [camera.name for camera in self.settings.cameras]


def _proved(network: Network) -> Network:
    """The network itself; raises EngineError where it has no golden frames, with which it could prove itself."""
    if network.agreement is None:
        network.model.close()
        raise EngineError(
            f"bundle {network.bundle.spec.name} has no golden frames to prove itself with, and a running service "
            "does not accept it; restart the service, or export the bundle with golden frames"
        )
    return network
