"""What peers need before their first turn: environments, the network in the forms that they read, videos."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edgeseg.accuracy.dataset import Dataset
from edgeseg.atomic import atomic_file
from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, DataError, EngineError, UsageError
from edgeseg.processor import available_cores
from edgeseg.segmenter import load
from edgeseg.video.open import open_source
from edgeseg.video.recording import Recording
from lab.peers import float_graph
from lab.peers.environment import python_of
from lab.peers.peer import Peer
from lab.peers.rounds import Job
from lab.peers.turn import Task

TARGET = "onnxruntime"

CALIBRATION = 300
"""Inputs for the peers that quantise the network themselves: NNCF's own number."""


@dataclass(frozen=True)
class Limits:
    """When a turn ends: after so many frames, or so many seconds."""

    frames: int
    seconds: float


class Preparation:
    """A bundle in the forms that all peers read; they are kept in a folder for the next measurement."""

    def __init__(self, bundle: Bundle, data: Path | None, folder: Path) -> None:
        """Writes the network in the forms that the peers read.

        Args:
            bundle: the network; it needs an fp32 artifact, and an int8 one for the peers that run it.
            data: a data set, whose split "train" calibrates; without one no peer can quantise.
            folder: for environments, converted networks and videos.

        Raises:
            BundleError: the bundle has no fp32 artifact.
            DataError: the data set is not there.
            UsageError: the network takes inputs of any size, or does not begin as ours do.
        """
        if bundle.spec.dynamic:
            raise UsageError(f"bundle {bundle.spec.name} takes inputs of any size, expected a fixed size; export it so")
        self.bundle = bundle
        fp32 = bundle.artifact(target=TARGET, precision="fp32")
        self._fp32 = bundle.path(fp32).resolve()
        self._environments = folder.resolve() / "environments"
        self._folder = folder.resolve() / f"{bundle.spec.name}.{fp32.sha256[:12]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._float_model = self._folder / "float.onnx"
        self._normalisation = float_graph.write(self._fp32, self._float_model)
        self._calibration = None if data is None else self._inputs(Dataset.open(data, "train"))

    def job(self, peer: Peer, video: Path, overlay: bool, limits: Limits) -> Job:
        """A peer with its task.

        Raises:
            EngineError: its environment cannot be set up, or the bundle has no artifact of its precision.
        """
        spec = self.bundle.spec
        model = self._fp32
        if peer.artifact:
            try:
                artifact = self.bundle.artifact(target=TARGET, precision=peer.precision)
            except BundleError as error:
                raise EngineError(f"{error}; edgeseg quantize makes it") from error
            model = self.bundle.path(artifact).resolve()
        environment = peer.environment
        python = python_of(environment, self._environments) if environment else Path(sys.executable)
        with open_source(video) as source:
            placed = spec.placement(source.width, source.height)
        task = Task(
            bundle=str(self.bundle.folder.resolve()),
            precision=peer.precision,
            model=str(model),
            float_model=str(self._float_model),
            mean=self._normalisation.mean,
            deviation=self._normalisation.deviation,
            calibration=None if self._calibration is None else str(self._calibration),
            folder=str(self._folder),
            cores=available_cores(),
            width=spec.width,
            height=spec.height,
            placed=list(placed),
            pad=spec.pad,
            stride=spec.stride,
            palette=[list(colour) for colour in spec.palette],
            video=str(video.resolve()),
            overlay=overlay,
            frames=limits.frames,
            seconds=limits.seconds,
            masks=None,
        )
        return Job(peer, python, task)

    def enlarged(self, video: Path, width: int, height: int) -> Path:
        """The video at another size, made once.

        Raises:
            SourceError: it cannot be opened.
        """
        digest = hashlib.sha256(video.read_bytes()).hexdigest()[:12]
        path = self._environments.parent / f"{video.stem}.{width}x{height}.{digest}.mp4"
        if not path.exists():
            with open_source(video) as source, atomic_file(path) as temporary:
                recording = Recording(temporary, width, height, source.fps, overwrite=True)
                for frame in source:
                    image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_CUBIC)
                    recording.write(np.asarray(image, np.uint8), frame.timestamp)
                recording.close()
        return path

    def _inputs(self, dataset: Dataset) -> Path:
        """.npy file of network inputs, evenly spaced over the data set, uint8 (N, H, W, 3)."""
        file = self._folder / f"calibration.{dataset.digest[:12]}.npy"
        if not file.exists():
            if dataset.classes.names != self.bundle.spec.classes:
                raise DataError(f"{dataset.folder} has other classes than the bundle; give the data it was trained on")
            model = load(self.bundle, precision="fp32", threads=1)
            indices = np.unique(np.linspace(0, len(dataset) - 1, CALIBRATION).round().astype(int))
            inputs = [model.prepare(dataset.load(int(index))[0])[0] for index in indices]
            model.close()
            with atomic_file(file) as temporary:
                np.save(temporary, np.stack(inputs))
        return file
