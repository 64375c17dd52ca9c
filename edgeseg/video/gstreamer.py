"""GStreamer pipelines, such as a Jetson's CSI camera through its hardware: any that ends in one appsink.

OpenCV runs them where it is built with GStreamer, which pip's is not; PyGObject does elsewhere (python3-gi of the
system, or pip's, with the extra `gstreamer`). A pipeline that is not live, such as a file through a hardware decoder,
gives every frame.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from edgeseg.arrays import Image
from edgeseg.errors import LostError, SourceError
from edgeseg.redact import redact
from edgeseg.video.bounded import within
from edgeseg.video.geometry import square_size
from edgeseg.video.live import LiveSource, Reading
from edgeseg.video.opencv import open_capture
from edgeseg.video.source import NOMINAL_FPS, Ended, Frame, Source

POLL = 0.1
"""Seconds between looks at the pipeline's errors while no frame comes."""

WAITING = 4
"""Frames that a live pipeline may hold for the thread that takes them; older ones are dropped in it."""


def open_gstreamer(pipeline: str, *, timeout: float) -> Source:
    """Opens a pipeline.

    Raises:
        SourceError: there is no GStreamer, or the pipeline is wrong, does not start or sends nothing.
    """
    name = redact(pipeline)
    if re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()):
        return open_capture(pipeline, cv2.CAP_GSTREAMER, name=name, timeout=timeout)
    try:
        gst = _gst()
    except (ImportError, ValueError) as error:
        raise SourceError(
            f"a GStreamer pipeline needs PyGObject with GStreamer ({error}), or an OpenCV built with GStreamer: "
            "apt install python3-gi gir1.2-gst-plugins-base-1.0 and a virtual environment made with "
            "--system-site-packages, or pip install 'edgeseg[gstreamer]'",
            cause="unsupported",
        ) from error
    running = _Pipeline(gst, pipeline, name, timeout)
    if running.live:
        return LiveSource(name, running.read, running.close, fps=None, timeout=timeout)
    return PipelineSource(name, running)


class PipelineSource(Source):
    """A pipeline that waits for whoever reads: every frame, in order."""

    def __init__(self, name: str, pipeline: _Pipeline) -> None:
        super().__init__(name, fps=pipeline.rate)
        self._pipeline = pipeline
        self._index = 0
        self._timestamp = 0.0
        self._decode_first()

    def _read(self) -> Frame | None:
        if self.ended is not None:
            return None
        started = time.perf_counter()
        try:
            reading = self._pipeline.read()
        except LostError as error:
            if self._index == 0:
                self.close()
                raise SourceError(f"{self.name} {error}") from None
            self.ended = Ended("lost", f"{self.name} {error}")
            self.ended_early = True
            self.warnings.append(f"{self.name} {error}: what came before is kept")
            return None
        if reading is None:
            self.ended = Ended("end_of_file")
            return None
        index, self._index = self._index, self._index + 1
        following = self._timestamp + float(1 / (self.fps or NOMINAL_FPS)) if index else 0.0
        at = reading.timestamp
        self._timestamp = at if at is not None and (at > self._timestamp or not index) else following
        return Frame(index, reading.image, self._timestamp, started, time.perf_counter() - started)

    def close(self) -> None:
        """Stops the pipeline; more calls do nothing."""
        self.ended = self.ended or Ended("interrupted")
        self._pipeline.close()


class _Pipeline:
    """A running pipeline.

    Attributes:
        live: its frames come on their own clock.
        rate: frames a second that its caps announce; None where they vary.
    """

    def __init__(self, gst: Any, text: str, name: str, timeout: float) -> None:
        self._gst = gst
        self._timeout = timeout
        try:
            self._pipeline = gst.parse_launch(text)
        except Exception as error:  # GLib.Error, which is no class of its own before gi is there
            words = getattr(error, "message", error)
            raise SourceError(f"{name} is no pipeline: {words}", cause="unsupported") from None
        sinks = _appsinks(gst, self._pipeline)
        if len(sinks) != 1:
            raise SourceError(
                f"{name} has {len(sinks)} appsinks, expected one: let it end in ! videoconvert ! appsink",
                cause="unsupported",
            )
        (self._sink,) = sinks
        self._sink.set_property("caps", gst.Caps.from_string("video/x-raw,format=BGR"))
        self._sink.set_property("sync", False)
        self._sink.set_property("max-buffers", WAITING)
        state = self._start(lambda: self._pipeline.set_state(gst.State.PAUSED), name)
        self.live = state == gst.StateChangeReturn.NO_PREROLL
        self._sink.set_property("drop", self.live)
        self._start(lambda: self._pipeline.set_state(gst.State.PLAYING), name)
        self.rate: Fraction | None = None
        caps = self._sink.get_static_pad("sink").get_current_caps()
        if caps is not None and not self.live:
            known, numerator, denominator = caps.get_structure(0).get_fraction("framerate")
            self.rate = Fraction(numerator, denominator) if known and numerator and denominator else None

    def _start(self, change: Callable[[], Any], name: str) -> Any:
        """Changes the state and waits until it is reached."""
        gst = self._gst

        def reach() -> Any:
            state = change()
            if state == gst.StateChangeReturn.ASYNC:
                state, _, _ = self._pipeline.get_state(int(self._timeout * gst.SECOND))
            return state

        try:
            state = within(self._timeout + 1.0, reach)
        except TimeoutError:
            state = gst.StateChangeReturn.ASYNC
        if state in (gst.StateChangeReturn.FAILURE, gst.StateChangeReturn.ASYNC):
            reason = self._error() or f"did not start within {self._timeout:g} s"
            self.close()
            raise SourceError(f"{name} {reason}")
        return state

    def read(self) -> Reading | None:
        """Blocks until the next frame; None at the end.

        Raises:
            LostError: an element failed, or no frame came in time.
        """
        deadline = time.perf_counter() + self._timeout
        while (sample := self._sink.try_pull_sample(int(POLL * self._gst.SECOND))) is None:
            if (reason := self._error()) is not None:
                raise LostError(reason)
            if self._sink.get_property("eos"):
                return None
            if time.perf_counter() > deadline:
                raise LostError(f"gave no frame for {self._timeout:g} s", cause="timeout")
        arrived = time.perf_counter()
        buffer = sample.get_buffer()
        image = _image(self._gst, buffer, sample.get_caps().get_structure(0))
        at = None if buffer.pts == self._gst.CLOCK_TIME_NONE else buffer.pts / self._gst.SECOND
        return Reading(image, at, arrived, time.perf_counter() - arrived)

    def _error(self) -> str | None:
        message = self._pipeline.get_bus().pop_filtered(self._gst.MessageType.ERROR)
        if message is None:
            return None
        error, _ = message.parse_error()  # what is left out may hold the URL
        return f"failed in {message.src.get_name()}: {error.message}"

    def close(self) -> None:
        """Stops it; more calls do nothing."""
        self._pipeline.set_state(self._gst.State.NULL)


def _gst() -> Any:
    """GStreamer's module.

    Raises:
        ImportError: there is no PyGObject.
        ValueError: it has no GStreamer.
    """
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstApp", "1.0")
    from gi.repository import Gst, GstApp

    assert GstApp  # its import gives appsinks their methods
    Gst.init(None)
    return Gst


def _appsinks(gst: Any, pipeline: Any) -> list[Any]:
    if not isinstance(pipeline, gst.Bin):
        return []
    sinks: list[Any] = []
    iterator = pipeline.iterate_sinks()
    while True:
        result, element = iterator.next()
        if result != gst.IteratorResult.OK:
            return sinks
        if element.get_factory().get_name() == "appsink":
            sinks.append(element)


def _image(gst: Any, buffer: Any, structure: Any) -> Image:
    """The frame in square pixels; a copy, for the buffer goes back to its pool."""
    (_, width), (_, height) = structure.get_int("width"), structure.get_int("height")
    known, numerator, denominator = structure.get_fraction("pixel-aspect-ratio")
    stride = (3 * width + 3) // 4 * 4  # GStreamer's, of packed formats
    mapped, memory = buffer.map(gst.MapFlags.READ)
    if not mapped:
        raise LostError("gave a frame that lies where the processor cannot read it; add ! videoconvert before appsink")
    try:
        rows = np.frombuffer(memory.data, np.uint8)[: stride * height].reshape(height, stride)
        image = rows[:, : 3 * width].reshape(height, width, 3).copy()
    finally:
        buffer.unmap(memory)
    size = square_size(width, height, Fraction(numerator, denominator) if known and denominator else None)
    return image if size == (width, height) else np.asarray(cv2.resize(image, size), np.uint8)
