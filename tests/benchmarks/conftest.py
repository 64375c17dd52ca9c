"""A video and a result of a real, very short measurement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec
from edgeseg_bench import network, suite
from edgeseg_bench.job import Settings
from edgeseg_bench.windows import Window


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of noise, 256x64, at 25 frames a second."""
    path = tmp_path_factory.mktemp("video") / "noise.mp4"
    random = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (256, 64))
    for _ in range(12):
        writer.write(random.integers(0, 256, (64, 256, 3), dtype=np.uint8))
    writer.release()
    return path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    """A bundle whose network is one convolution."""
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", spec)


@pytest.fixture(scope="session")
def measured(tiny: Bundle, video: Path) -> dict[str, Any]:
    """The whole suite, in its shortest form; without a network stream, which takes seconds to settle."""
    settings = Settings(mode="throughput", frames=10, windows=3, fps=200.0, dataset=None)
    streamed = [Window((5.0, 6.0 + number / 10), 0.01, 0.005, dropped=number) for number in range(5)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "measure", lambda *_, **__: streamed)
        return suite.measure(tiny, video, engine_name="onnxruntime", settings=settings, say=lambda _: None)
