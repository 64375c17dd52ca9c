"""Small real models and bundles for all tests."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, settings
from onnx import TensorProto, helper, numpy_helper

from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.cli import main
from edgeseg.golden import Golden, GoldenFile, GoldenFrame
from edgeseg.measured import Measured
from edgeseg.segmenter import load
from edgeseg.spec import Spec

settings.register_profile("edgeseg", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeseg")  # machines that test are slow and shared: time is no property

# Tests import ONNX Runtime themselves too, and it is to report to nobody (edgeseg/ort.py).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Tests make their own models, and need not try each in a child process first (edgeseg/limits.py).
os.environ.setdefault("EDGESEG_MODEL_MEMORY", "0")

# OpenCV asks for this once, when it first touches a video: here that is often a test that writes one.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# SVT-AV1 asks for this once, when it is first opened: here that is often by a test that makes a video.
os.environ.setdefault("SVT_LOG", "1")

# Workers side by side share the processors: threads of torch that wait for one another, spinning, take them away.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts tests in the background has them ignore Ctrl-C, and what they start inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def tiny_model(spec: Spec, channels: int | None = None) -> onnx.ModelProto:
    """One convolution that keeps `spec`: every logit sees its own stride x stride pixels."""
    channels = channels or len(spec.classes)
    size = -(-spec.height // spec.stride), -(-spec.width // spec.stride)
    beyond = [size[0] * spec.stride - spec.height, size[1] * spec.stride - spec.width]
    random = np.random.default_rng(0)
    weight = random.normal(size=(channels, 3, spec.stride, spec.stride)).astype(np.float32) / 64
    height, width = ("H", "W") if spec.dynamic else (spec.height, spec.width)
    batch = "N" if spec.batch > 1 else 1
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["frame"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["float", "mean"], ["centred"]),
            helper.make_node("Transpose", ["centred"], ["planar"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["planar", "weight"], ["logits"], strides=[spec.stride] * 2, pads=[0, 0, *beyond]),
        ],
        "tiny",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [batch, height, width, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, channels, None, None])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.array(128, np.float32), "mean")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests leave nothing in the user's cache and state, and find neither those nor his keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESEG_CACHE", str(tmp_path_factory.mktemp("own-cache")))
        patch.setenv("EDGESEG_STATE", str(tmp_path_factory.mktemp("own-state")))
        patch.setenv("EDGESEG_TRUST", str(tmp_path_factory.mktemp("own-trust")))
        yield


@pytest.fixture(autouse=True)
def ordinary_scheduling() -> Iterator[None]:
    """No test leaves the thread that runs them real-time (edgeseg/video/scheduling.py): it would stop the machine."""
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    after = os.sched_getscheduler(0)
    if after != before:
        os.sched_setscheduler(0, before, parameters)
    assert after == before


@pytest.fixture(scope="session")
def spec() -> Spec:
    """A small spec, not square, with a size that the stride does not divide."""
    return Spec(
        name="tiny",
        width=30,
        height=18,
        resize="stretch",
        stride=4,
        classes=("road", "car", "sky"),
        palette=((128, 64, 128), (64, 0, 128), (1, 2, 3)),
        ignore=255,
        licence="none",
    )


@pytest.fixture(scope="session")
def make_model() -> Callable[..., onnx.ModelProto]:
    """`make_model(spec, channels=None)`: an ONNX model that keeps the spec."""
    return tiny_model


@pytest.fixture(scope="session")
def make_bundle() -> Callable[[Path, Spec], Bundle]:
    """`make_bundle(folder, spec)`: a bundle with one tiny fp32 model and a card."""

    def make(folder: Path, spec: Spec, channels: int | None = None) -> Bundle:
        model = folder.parent / f"{spec.name}.fp32.onnx"
        onnx.save(tiny_model(spec, channels), model)
        measured = Measured({"agreement": {"mask": 1.0}})
        described = Artifact.of(model, target="onnxruntime", precision="fp32", measured=measured)
        bundle = write_bundle(folder, spec, {model: described}, "# A tiny model\n")
        model.unlink()
        return bundle

    return make


@pytest.fixture(scope="session")
def put_golden() -> Callable[..., Bundle]:
    """`put_golden(bundle, frames=2)`: the bundle with golden frames of noise, whose masks its fp32 artifact gives."""

    def put(bundle: Bundle, frames: int = 2) -> Bundle:
        random, spec = np.random.default_rng(1), bundle.spec
        model = load(bundle, precision="fp32", threads=1)
        with tempfile.TemporaryDirectory() as folder:
            made = []
            for number in range(frames):
                frame = random.integers(0, 256, (spec.height, spec.width, 3), np.uint8)
                paths = Path(folder, f"golden-{number}.png"), Path(folder, f"golden-{number}.mask.png")
                for path, picture in zip(paths, (frame, model(frame)), strict=True):
                    cv2.imwrite(str(path), picture)
                made.append(GoldenFrame(*map(GoldenFile.of, paths)))
            files = {bundle.path(artifact): artifact for artifact in bundle.artifacts}
            card = None if bundle.card is None else (bundle.folder / bundle.card).read_text()
            return write_bundle(bundle.folder, spec, files, card, (Path(folder), Golden("noise", tuple(made))))

    return put


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The CamVid data set, which is not part of the repository."""
    folder = SHARED / "camvid"
    if not folder.is_dir():
        pytest.skip(f"CamVid is not at {folder}")
    return folder


@pytest.fixture
def command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """`command_line("inspect", folder)`: exit code, stdout and stderr of `edgeseg`, in this process."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgeseg", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run
