"""A service in this process, to test its page: a real network, frames that a test makes, states that it sets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from io import RawIOBase
from queue import Empty, Full, Queue
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from edgeseg.segmenter import Segmenter
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.status import CameraStatus, DriftStatus, RecordingStatus, ServiceStatus
from edgeseg.serve.web.view import Kind
from edgeseg.video.model import Result
from edgeseg.video.supervised.status import Connection, State
from edgeseg.video.timing import Histogram

Image = NDArray[np.uint8]

FPS = 12


def moving_square(width: int = 320, height: int = 180) -> Iterator[Image]:
    """A square that walks over a grey ground, for ever."""
    ground = np.full((height, width, 3), 90, np.uint8)
    ground[height // 2 :] = 60
    for step in range(10**9):
        frame = ground.copy()
        left = step * 8 % (width - 40)
        frame[60:100, left : left + 40] = (40, 40, 220)
        yield frame


class SmallFragments:
    """A queue of fragments; the newest is lost where it is full."""

    codec = "avc1.42c01f"
    init = b""

    def __init__(self, live: SmallLive) -> None:
        self.lost = 0
        self.fragments: Queue[tuple[bytes, bytes]] = Queue(4)
        self._live = live

    def get(self, timeout: float | None = None) -> bytes | None:
        try:
            self.init, fragment = self.fragments.get(timeout=timeout)
        except Empty:
            return None
        return fragment

    def close(self) -> None:
        self._live.leave(self)


class _Pieces(RawIOBase):
    """Takes what the muxer writes."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


class SmallLive:
    """H.264 in fragments of half a second, of one kind, made while somebody is subscribed."""

    def __init__(self, model: Segmenter) -> None:
        self.subscriptions: dict[SmallFragments, Kind] = {}
        self._model = model
        self._lock = threading.Lock()
        self._muxers: dict[Kind, tuple[Any, Any, _Pieces, list[bytes], tuple[int, ...]]] = {}
        self._count = 0

    def subscribe(self, kind: Kind) -> SmallFragments:
        subscription = SmallFragments(self)
        with self._lock:
            self.subscriptions[subscription] = kind
        return subscription

    def leave(self, subscription: SmallFragments) -> None:
        with self._lock:
            self.subscriptions.pop(subscription, None)

    def put(self, result: Result) -> None:
        self._count += 1
        with self._lock:
            wanted = set(self.subscriptions.values())
            for kind in list(self._muxers):
                if kind not in wanted:
                    del self._muxers[kind]
            for kind in wanted:
                self._encode(kind, result)

    def _encode(self, kind: Kind, result: Result) -> None:
        assert result.mask is not None
        picture = result.frame if kind == "plain" else self._model.paint(result.mask, result.frame)
        found = self._muxers.get(kind)
        if found is None or found[4] != picture.shape:
            pieces = _Pieces()
            container: Any = av.open(
                pieces, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}
            )
            stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "tune": "zerolatency"})
            stream.height, stream.width = picture.shape[:2]
            stream.pix_fmt, stream.profile = "yuv420p", "Baseline"
            stream.codec_context.gop_size = FPS // 2
            found = self._muxers[kind] = container, stream, pieces, [], picture.shape
        container, stream, pieces, init, _ = found
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = self._count
        container.mux(stream.encode(frame))
        written = bytes(pieces.written)
        if not init and b"moof" in written:
            start = written.index(b"moof") - 4
            init.append(written[:start])
            written = written[start:]
        if init and written:
            for subscription, its in self.subscriptions.items():
                if its == kind:
                    try:
                        subscription.fragments.put_nowait((init[0], written))
                    except Full:
                        subscription.lost += 1
            pieces.written.clear()


class SmallCamera:
    """Segments frames on a thread of its own while it is live."""

    def __init__(self, name: str, model: Segmenter, events: EventLog, frames: Iterator[Image]) -> None:
        self.name = name
        self.newest: Result | None = None
        self.live: SmallLive | None = SmallLive(model)
        self.frozen = False
        self.recording: RecordingStatus | None = None
        self.drift: DriftStatus | None = None
        self.missed: dict[str, int] = {}
        self._model = model
        self._events = events
        self._frames = frames
        self._lock = threading.Lock()
        self._stages = {stage: Histogram() for stage in ("capture", "prepare", "infer", "kernel", "capture_to_mask")}
        self._masks = 0
        self._reconnects: dict[str, int] = {}
        self._state: State = "connecting"
        self._since = time.perf_counter()
        self._reason: str | None = None
        self._started = time.perf_counter()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._enter("live", "frames come")
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()

    def kill(self) -> None:
        self._reconnects["refused"] = self._reconnects.get("refused", 0) + 1
        self._enter("reconnecting", f"{self.name} refuses connections; does it run?")

    def revive(self) -> None:
        self._enter("live", "frames come")

    def status(self) -> CameraStatus:
        newest, now = self.newest, time.perf_counter()
        height, width = (0, 0) if newest is None else newest.frame.shape[:2]
        fractions = {}
        if newest is not None and newest.mask is not None:
            counts = np.bincount(newest.mask.ravel(), minlength=len(self._model.spec.classes))
            fractions = dict(zip(self._model.spec.classes, (counts / newest.mask.size).tolist(), strict=True))
        down = self._state != "live"
        return CameraStatus(
            name=self.name,
            source=f"rtsp://10.0.0.1/{self.name}",
            state=self._state,
            seconds=now - self._since,
            cause="refused" if self._reconnects else None,
            reason=self._reason if down else None,
            retry_in=1.5 if self._state == "reconnecting" else None,
            frozen=self.frozen,
            width=width,
            height=height,
            fps=0.0 if down else self._masks / (now - self._started),
            masks=self._masks,
            skipped={"before_start": 0, "replaced": self._masks // 7, "at_end": 0, "damaged": 0, "too_old": 0},
            age=None if newest is None else now - newest.captured,
            connection=Connection(dict(self._reconnects), 0, int(down), 0.0, 0),
            stages=self._stages,
            fractions=fractions,
            recording=self.recording,
            drift=self.drift,
            missed=self.missed,
        )

    def step(self) -> None:
        """Segments one frame."""
        frame, start = next(self._frames), time.perf_counter()
        tensor = self._model.prepare(frame)
        prepared = time.perf_counter()
        logits = self._model.infer(tensor)
        inferred = time.perf_counter()
        mask = self._model.mask(logits, frame.shape[1], frame.shape[0])
        done = time.perf_counter()
        seconds = {"prepare": prepared - start, "infer": inferred - prepared, "kernel": done - inferred}
        result = Result(self._masks, frame, mask, None, self._masks / FPS, start, done, seconds, None)
        for stage, duration in {**seconds, "capture_to_mask": done - start}.items():
            self._stages[stage].add(duration)
        self._masks += 1
        self.newest = result
        if self.live is not None:
            self.live.put(result)

    def _run(self) -> None:
        while not self._closed.wait(1 / FPS):
            if self._state == "live":
                self.step()

    def _enter(self, state: State, reason: str) -> None:
        self._state, self._since, self._reason = state, time.perf_counter(), reason
        self._events.add("state", state, reason, self.name)


class SmallService:
    """Cameras by name on one segmenter; `sha256` is its artifact's."""

    def __init__(self, model: Segmenter, names: tuple[str, ...], frames: Any = moving_square) -> None:
        self.model = model
        self.events = EventLog()
        self.cameras = {name: SmallCamera(name, model, self.events, frames()) for name in names}
        self.well = True
        self._started = time.perf_counter()

    def is_well(self) -> bool:
        return self.well

    def start(self) -> None:
        self.events.add("service", "started", f"bundle {self.model.spec.name}; cameras: {', '.join(self.cameras)}")
        for camera in self.cameras.values():
            camera.start()

    def close(self) -> None:
        for camera in self.cameras.values():
            camera.close()

    def status(self) -> ServiceStatus:
        spec, candidate = self.model.spec, self.model.candidate
        assert candidate is not None
        return ServiceStatus(
            version="0.0.0",
            bundle=spec.name,
            sha256=candidate.artifact.sha256,
            engine=candidate.engine,
            precision=candidate.artifact.precision,
            classes=spec.classes,
            palette=spec.palette,
            seconds=time.perf_counter() - self._started,
            cameras=tuple(replace(camera.status()) for camera in self.cameras.values()),
            lost_events=self.events.lost(),
        )
