"""A repository in Triton itself: masks, refusals, and a server that is killed and started again under a stream."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tritonclient import grpc as triton
from tritonclient.utils import InferenceServerException

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.cli import app
from edgeseg.errors import EngineError
from edgeseg.segmenter import load
from edgeseg.triton.access import TLS, ServerAccess
from edgeseg.triton.client import connect
from edgeseg.triton.repository import Serving, write_repository
from edgeseg.triton.servers import Patience
from edgeseg.video.live import LiveSource, Reading
from lab.tritonserver import TritonServer, missing

pytest.importorskip("cryptography", reason="it makes the certificates: edgeseg[sign]")

from tests.triton.authority import Authority

REASON = missing()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

RANDOM = np.random.default_rng(0)
SECONDS = 60.0
"""After which a test gives up."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Path:
    out = tmp_path_factory.mktemp("triton") / "repository"
    write_repository(bundle, out, Serving(instances=2))
    return out


@pytest.fixture(scope="module")
def served(repository: Path) -> Iterator[TritonServer]:
    with TritonServer(repository, "tiny") as server:
        server.wait(SECONDS)
        yield server


@pytest.fixture
def client(served: TritonServer) -> Iterator[triton.InferenceServerClient]:
    """Triton's own, which knows nothing of edgeseg."""
    with triton.InferenceServerClient(served.grpc) as client:
        yield client


def infer(client: triton.InferenceServerClient, name: str, array: np.ndarray, *outputs: str) -> triton.InferResult:
    tensor = triton.InferInput(name, array.shape, "UINT8")
    tensor.set_data_from_numpy(array)
    wanted = [triton.InferRequestedOutput(output) for output in outputs] or None
    return client.infer("tiny", [tensor], outputs=wanted, client_timeout=SECONDS)


@pytest.mark.parametrize("size", [(18, 30), (97, 64), (1, 1), (540, 960)])
def test_masks_are_those_of_the_bundle(
    client: triton.InferenceServerClient, bundle: Bundle, size: tuple[int, int]
) -> None:
    frame = RANDOM.integers(0, 256, (*size, 3), np.uint8)
    answer, mask = infer(client, "frame", frame), load(bundle, threads=1)(frame)
    assert np.array_equal(answer.as_numpy("mask"), mask)
    assert np.array_equal(np.asarray(cv2.imdecode(answer.as_numpy("mask_png"), cv2.IMREAD_UNCHANGED)), mask)


def test_a_picture(client: triton.InferenceServerClient, bundle: Bundle) -> None:
    jpeg = cv2.imencode(".jpg", RANDOM.integers(0, 256, (50, 60, 3), np.uint8))[1].ravel()
    answer = infer(client, "picture", jpeg, "mask")
    mask = load(bundle, threads=1)(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8))
    assert np.array_equal(answer.as_numpy("mask"), mask)
    assert answer.as_numpy("mask_png") is None


def test_what_it_says_of_itself(client: triton.InferenceServerClient, repository: Path) -> None:
    metadata = client.get_model_metadata("tiny", as_json=True)
    assert metadata["versions"] == ["1"]
    assert [each["name"] for each in metadata["inputs"]] == ["frame", "picture"]
    config = client.get_model_config("tiny", as_json=True)["config"]
    notes = json.loads((repository / "edgeseg.json").read_text())
    digest = notes["files"]["tiny/1/bundle/bundle.json"]
    assert config["parameters"]["edgeseg.bundle_sha256"]["string_value"] == digest
    assert len(config["model_warmup"]) == 2


def test_what_is_no_frame_is_refused_and_the_next_is_answered(client: triton.InferenceServerClient) -> None:
    good = np.zeros((20, 20, 3), np.uint8)
    for name, array in (("picture", np.zeros(7, np.uint8)), ("frame", np.zeros((0, 4, 3), np.uint8))):
        with pytest.raises(InferenceServerException, match=r"cannot be decoded|empty frame"):
            infer(client, name, array)
        assert infer(client, "frame", good).as_numpy("mask").shape == (20, 20)


def test_edgeseg_run_gives_the_same_masks(served: TritonServer, bundle: Bundle, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(6):
        cv2.imwrite(str(pictures / f"{number}.png"), RANDOM.integers(0, 256, (45, 80, 3), np.uint8))
    common = ["run", str(pictures), "--bundle", str(bundle.folder), "--json"]
    ways = {"here": ["--engine", "onnxruntime"], "there": ["--engine", "triton", "--server", served.grpc]}
    for name, options in ways.items():
        assert app([*common, *options, "--masks", str(tmp_path / name)], result_action="return_value") == 0
    here, there = (sorted((tmp_path / name).iterdir()) for name in ways)
    assert [path.name for path in here] == [path.name for path in there] == [f"{number}.png" for number in range(6)]
    for one, other in zip(here, there, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_labels_that_overlap_over_tls(overlapping: Bundle, tmp_path: Path) -> None:
    """Server and device verify each other."""
    write_repository(overlapping, tmp_path / "repository", Serving())
    frame = RANDOM.integers(0, 256, (33, 47, 3), np.uint8)
    authority = Authority("authority")
    ca = authority.write(tmp_path / "ca.pem")
    for file, content in zip(("server.pem", "server.key"), authority.sign("127.0.0.1"), strict=True):
        (tmp_path / file).write_bytes(content)
    (tmp_path / "device.pem").write_bytes(b"".join(authority.sign("192.0.2.1")))
    tls = [f"--grpc-server-cert={tmp_path}/server.pem", f"--grpc-server-key={tmp_path}/server.key"]
    tls += [f"--grpc-root-cert={ca}", "--grpc-use-ssl-mutual=true"]
    with TritonServer(tmp_path / "repository", "labels", options=tls) as server:
        server.wait(SECONDS)
        with pytest.raises(EngineError, match="hangs up"):
            connect([TLS + server.grpc], overlapping, access=ServerAccess(ca))
        model = connect([TLS + server.grpc], overlapping, access=ServerAccess(ca, tmp_path / "device.pem"))
        assert np.array_equal(model(frame), load(overlapping, threads=1)(frame))
        model.close()


def test_requests_go_through_the_network_together(batched: Bundle, tmp_path: Path) -> None:
    """Frames of three sizes and one that is none, all at once: each gets what it gets alone."""
    write_repository(batched, tmp_path / "repository", Serving())
    sizes = [(18, 30), (97, 64), (270, 480)] * 8
    frames = [RANDOM.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    here = load(batched, threads=1)
    with TritonServer(tmp_path / "repository", "many") as server:
        server.wait(SECONDS)
        model = connect([server.grpc], batched)
        with triton.InferenceServerClient(server.grpc) as client, ThreadPoolExecutor(len(frames)) as pool:
            bad = triton.InferInput("frame", (1, 0, 4, 3), "UINT8")
            bad.set_data_from_numpy(np.zeros((1, 0, 4, 3), np.uint8))
            masks = pool.map(model, frames)
            with pytest.raises(InferenceServerException, match="empty frame"):
                client.infer("many", [bad], client_timeout=SECONDS)
            for frame, mask in zip(frames, masks, strict=True):
                assert np.array_equal(mask, here(frame))
            (statistics,) = client.get_inference_statistics("many", as_json=True)["model_stats"]
        model.close()
    assert int(statistics["execution_count"]) < int(statistics["inference_count"])


def test_a_bundle_that_was_altered_is_not_served(bundle: Bundle, tmp_path: Path) -> None:
    write_repository(bundle, tmp_path / "repository", Serving())
    model = tmp_path / "repository/tiny/1/bundle" / bundle.artifacts[0].file
    content = model.read_bytes()
    model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with TritonServer(tmp_path / "repository", "tiny") as server:
        with pytest.raises(RuntimeError, match="not ready"):
            server.wait(SECONDS)
        assert "it was altered or cut off" in server.log.read_text()


def test_a_server_is_killed_and_started_again_under_a_live_stream(repository: Path, bundle: Bundle) -> None:
    """Nothing hangs, every frame is a mask or counted, and the masks after it are those of the bundle."""
    frames = [RANDOM.integers(0, 256, (36, 60, 3), np.uint8) for _ in range(4)]
    source = _Camera(frames, fps=50)
    here = [load(bundle, threads=1)(frame) for frame in frames]
    with TritonServer(repository, "tiny") as server:
        server.wait(SECONDS)
        model = connect([server.grpc], bundle, patience=Patience(answer=1.0, frame=SECONDS))
        stream = edgeseg.stream(model, source.open(), workers=2, tolerate_loss=True)
        again = threading.Timer(0.5, server.start)
        results = 0
        for result in stream:
            results += 1
            assert np.array_equal(np.asarray(result.mask), here[result.index % len(frames)])
            if results == 20:
                server.kill()
                again.start()
            if results == 60:
                source.end.set()
        again.join()
        model.close()
    assert results >= 60
    assert stream.stats.dropped > 0
    skipped = stream.source.skipped
    lost = skipped.before_start + skipped.replaced + skipped.at_end + skipped.damaged
    assert results + lost == source.sent


class _Camera:
    """A live source of frames by turns; it ends when `end` is set."""

    def __init__(self, frames: list[np.ndarray], fps: int) -> None:
        self.end, self.sent = threading.Event(), 0
        self._frames, self._fps = frames, fps

    def open(self) -> LiveSource:
        return LiveSource("camera", self._read, lambda: None, fps=Fraction(self._fps), timeout=SECONDS)

    def _read(self) -> Reading | None:
        if self.end.wait(1 / self._fps):
            return None
        image = self._frames[self.sent % len(self._frames)]
        self.sent += 1
        return Reading(image, None, time.perf_counter(), 0.0)
