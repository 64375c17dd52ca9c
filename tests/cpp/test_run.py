"""edgeseg-run against `edgeseg run`: the same masks, figures, reasons and exit codes, for files and local servers."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.artifact import SHIPPED
from edgeseg.bundle import Bundle
from edgeseg.redact import redact
from edgeseg.spec import Head, Spec
from edgeseg.video.open import open_source
from tests.cpp.library import Library
from tests.cpp.test_video import QUARTER, Case, write
from tests.video.namespace import Loopback, free_port, wait_until

SECONDS = 120.0
"""After which a test gives up."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def program(built: Path, library: Library) -> Path:
    path = built / "edgeseg-run"
    if not path.exists():
        pytest.skip("edgeseg-run was left out: it needs libavformat-dev and libswscale-dev")
    if "openvino" not in library.engines():
        pytest.skip("libedgeseg was built without openvino")
    return path


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Iterator[Start]:
    """`start(source, ...)`: edgeseg-run as a process."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        common = ["--bundle", SHIPPED / "road-nano", "--engine", "openvino", "--precision", "fp32", "--json"]
        # Signals that whoever started the tests ignores would stay ignored.
        command = [str(word) for word in ("env", "--default-signal=INT,TERM,HUP", program, *arguments, *common)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def servers() -> Iterator[Loopback]:
    loopback = Loopback()
    yield loopback
    loopback.remove()


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, error = process.communicate(timeout=SECONDS)
    assert out, error
    read: dict[str, Any] = json.loads(out)
    return read


def complaint(process: subprocess.Popen[str]) -> str:
    out, error = process.communicate(timeout=SECONDS)
    assert (out, process.returncode) == ("", 2)
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def pictures(folder: Path) -> dict[str, bytes]:
    return {
        path.name: np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)).tobytes() for path in folder.glob("*.png")
    }


def written(masks: Path) -> int:
    return sum(1 for path in masks.glob("[!.]*.png")) if masks.is_dir() else 0


def shape(value: Any) -> Any:
    """A JSON value without its figures and paths."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return type(value) if not isinstance(value, (int, float)) or isinstance(value, bool) else float


def test_a_file_as_python(start: Start, lossless: Path, tmp_path: Path) -> None:
    ours = start(lossless, "--masks", "cpp", "--out", "cpp.mp4")
    arguments = ["--bundle", "road-nano", "--engine", "openvino", "--precision", "fp32", "--json"]
    command = [sys.executable, "-m", "edgeseg", "run", str(lossless), "--masks", "python", "--out", "python.mp4"]
    theirs = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    cpp, python = report(ours), report(theirs)
    assert (ours.returncode, theirs.returncode) == (0, 0)
    assert shape(cpp) == shape(python)
    same = (
        "source",
        "width",
        "height",
        "mode",
        "workers",
        "threads",
        "frames",
        "dropped",
        "skipped",
        "ended",
        "warnings",
    )
    assert {key: cpp[key] for key in same} == {key: python[key] for key in same}
    assert list(cpp) == list(python)
    assert list(cpp["stages"]) == list(python["stages"])
    assert cpp["outputs"] == ["cpp.mp4", "cpp"]
    assert len(pictures(tmp_path / "cpp")) == 7
    assert pictures(tmp_path / "cpp") == pictures(tmp_path / "python")
    with av.open(str(tmp_path / "cpp.mp4")) as one, av.open(str(tmp_path / "python.mp4")) as other:
        assert one.streams.video[0].average_rate == other.streams.video[0].average_rate
        frames = [
            [frame.to_ndarray(format="bgr24").astype(int) for frame in each.decode(video=0)] for each in (one, other)
        ]
    assert [len(each) for each in frames] == [7, 7]
    assert (
        max(float(np.abs(a - b).mean()) for a, b in zip(*frames, strict=True)) < 8
    )  # other encoders, the same pictures
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cpp", "cpp.mp4", "python", "python.mp4"]


def test_turned_wide_pixels_and_damage_as_python(start: Start, tmp_path: Path) -> None:
    """H.264 with all that it says of its shape, and without its end: masks, size and warnings are Python's."""
    whole = tmp_path / "whole.mkv"
    wide = {"sample_aspect_ratio": Fraction(3, 2)}
    times = tuple(range(12))
    write(whole, Case("libx264", ".mkv", (160, 96), "yuv444p", {"crf": "8"}, wide, QUARTER, times))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: 2 * whole.stat().st_size // 3])
    model = edgeseg.load("road-nano", engine="openvino", precision="fp32", threads=1)
    for path in (whole, cut):
        with open_source(path) as source:
            masks = [np.asarray(model(frame.image)).tobytes() for frame in source]
        found = report(start(path, "--masks", path.stem))
        assert (found["width"], found["height"]) == (source.width, source.height) == (96, 240)
        assert [mask for _, mask in sorted(pictures(tmp_path / path.stem).items())] == masks
        assert found["warnings"] == source.warnings
    assert "is damaged or ends early" in found["warnings"][0]


def test_a_file_loads_no_opencv(program: Path) -> None:
    """Nor what FFmpeg's filters bring along: hundreds of libraries, which would double the memory."""
    loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert "libavformat" in loaded
    assert not re.search(r"opencv|gdal|gstreamer|avfilter", loaded)


def test_cameras_need_the_program_beside_it(program: Path, tmp_path: Path) -> None:
    for name in (program.name, "libedgeseg.so"):
        shutil.copy(program.with_name(name), tmp_path / name)
    command: list[str | Path] = [tmp_path / "edgeseg-run", "videotestsrc ! appsink", "--bundle", SHIPPED / "road-nano"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs edgeseg-run-opencv, which is not there" in done.stderr


def test_a_video_on_a_network_has_every_frame(start: Start, lossless: Path, tmp_path: Path) -> None:
    """Its length is known: none is dropped, however slow the masks are, and the times are its own."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(lossless.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/{lossless.name}"
        found = report(start(url, "--masks", "url", "--mode", "latency", "--out", "url.mkv"))
        again = start(url, "--reconnect")
        assert "it has an end" in complaint(again)
        server.shutdown()
    assert (found["frames"], found["dropped"], found["warnings"]) == (7, 0, [])
    assert found["ended"] == {"how": "end_of_file", "reason": None}
    with av.open(str(tmp_path / "url.mkv")) as recorded:
        assert [round(10 * frame.time) for frame in recorded.decode(video=0) if frame.time is not None] == [*range(7)]
    report(start(lossless, "--masks", "file"))
    assert pictures(tmp_path / "url") == pictures(tmp_path / "file")


@pytest.mark.parametrize("container", ["mkv", "mp4", "webm"])
def test_a_recording_has_the_times_of_its_source(start: Start, tmp_path: Path, container: str) -> None:
    """Of a variable rate, with odd sides."""
    times = [0, 40, 80, 400, 410, 2000, 2033]  # milliseconds
    with av.open(str(tmp_path / "variable.mkv"), "w") as variable:
        stream = variable.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 65, 49, "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, at in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((49, 65, 3), 30 * number, np.uint8), "bgr24").reformat(
                format="bgr0"
            )
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            variable.mux(stream.encode(frame))
        variable.mux(stream.encode())
    found = report(start("variable.mkv", "--out", f"out.{container}"))
    assert (found["frames"], found["warnings"]) == (7, [])
    with av.open(str(tmp_path / f"out.{container}")) as written:
        frames = list(written.decode(video=0))
    assert [round(1000 * frame.time) for frame in frames if frame.time is not None] == times
    assert {(frame.width, frame.height) for frame in frames} == {(66, 50)}


def test_a_full_disk_leaves_what_was_recorded(program: Path, lossless: Path, tmp_path: Path) -> None:
    """As a limit on the size of files has it, which FFmpeg sees as a disk that is full."""
    options = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--precision", "fp32", "--json"]
    done = subprocess.run(
        [str(program), str(lossless), "--out", "out.mkv", *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=SECONDS,
        preexec_fn=limit_files,
    )
    assert done.returncode == 2
    assert "error: cannot write out.mkv: File too large" in done.stderr
    (failure,) = json.loads(done.stdout)["failures"]
    (left,) = tmp_path.iterdir()
    assert failure.endswith(f"; what was recorded is in {left.name}")
    assert left.stat().st_size == 8192


def limit_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


def test_labels_that_overlap_have_folders(
    program: Path, lossless: Path, tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    head = Head("multi-label", "probabilities", 0.5, exclusive=False)
    classes = ("road: left", ".car", "sky")
    bundle = make_bundle(tmp_path / "labels", replace(spec, name="labels", classes=classes, head=head))
    options = [str(lossless), "--bundle", str(bundle.folder), "--engine", "openvino", "--max-frames", "2"]
    for name, command in {"cpp": [str(program)], "python": [sys.executable, "-m", "edgeseg", "run"]}.items():
        (tmp_path / name / "sky").mkdir(parents=True)
        (tmp_path / name / "sky" / "old.png").write_bytes(b"of another run")
        outputs = ["--masks", str(tmp_path / name), "--overwrite", "--out", str(tmp_path / f"{name}.mkv"), "--json"]
        done = subprocess.run([*command, *options, *outputs], capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        assert any("1 files that are not of this run" in each for each in json.loads(done.stdout)["warnings"])
        assert len(list((tmp_path / name).rglob("0*.png"))) == 6
    for path in (tmp_path / "python").rglob("0*.png"):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        other = cv2.imread(str(tmp_path / "cpp" / path.relative_to(tmp_path / "python")), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(np.asarray(mask), np.asarray(other))


def test_modes_give_the_same_masks(start: Start, lossless: Path, tmp_path: Path) -> None:
    for name, *options in (("a", "--mode", "latency"), ("b", "--workers", "3"), ("c", "--workers=1", "--max-frames=5")):
        assert report(start(lossless, "--masks", name, "--threads", "1", *options))["frames"] == (
            5 if name == "c" else 7
        )
    assert pictures(tmp_path / "a") == pictures(tmp_path / "b")
    assert pictures(tmp_path / "c").items() <= pictures(tmp_path / "a").items()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.mp4"],
        [],
        ["."],
        ["empty.mp4"],
        ["text.mp4"],
        ["street.mkv", "--out", "there.mp4"],
        ["street.mkv", "--out", "street.mkv", "--overwrite"],
        ["street.mkv", "--out", "nowhere/a.mp4"],
        ["street.mkv", "--out", "a.avi"],
        ["street.mkv", "--masks", "full"],
        ["street.mkv", "--max-frames", "1.5"],
        ["street.mkv", "--max-frames", "0"],
        ["street.mkv", "--alpha", "nan"],
        ["street.mkv", "--alpha", "1.1"],
        ["street.mkv", "--timeout", "0"],
        ["street.mkv", "--workers", "100000"],
        ["street.mkv", "--threads", "100000"],
        ["street.mkv", "--mode", "fast"],
        ["street.mkv", "--jsno"],
        ["street.mkv", "--out", ""],
        ["street.mkv", "--reconnect"],
        ["street.mkv", "--give-up-after", "3"],
        ["street.mkv", "--precision", "int4"],
        ["street.mkv", "--engine", "tensorflow"],
        ["street.mkv", "street.mkv"],
        ["street.mkv", "--source-option", "nonsense"],
        ["99"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_what_is_wrong_is_one_sentence(start: Start, lossless: Path, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "street.mkv").symlink_to(lossless)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "there.mp4").write_text("old")
    (tmp_path / "text.mp4").write_text("no video" * 100)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/000000.png").touch()
    before = sorted(tmp_path.rglob("*"))
    if arguments == ["."] or not {"--engine", "--precision"} & {*arguments}:
        complaint(start(*arguments))
    else:
        process = start(*arguments)
        process.communicate(timeout=SECONDS)
        assert process.returncode in (0, 2)  # the fixture's own --engine and --precision come last
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.mp4").read_text() == "old"


def test_a_control_groups_share_is_counted(program: Path, lossless: Path, tmp_path: Path) -> None:
    """As in a container that may use one of its machine's cores."""
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    script = 'mount -t tmpfs none /sys/fs/cgroup && cp cpu.max /sys/fs/cgroup && exec "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*unshare, "sh", "-c", script, "-", "true"], cwd=tmp_path).returncode
    ):
        pytest.skip("no mount of our own can be made here")
    options = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--max-frames", "1", "--json"]
    command = [*unshare, "sh", "-c", script, "-", str(program), str(lossless), "--mode", "latency", *options]
    assert json.loads(subprocess.check_output(command, cwd=tmp_path, timeout=SECONDS))["threads"] == 1


def test_a_bundle_that_is_missing_or_altered(program: Path, lossless: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "bundle.json").write_text("{}")
    for bundle in ("nothing", str(tmp_path), str(bad)):
        done = subprocess.run([program, lossless, "--bundle", bundle], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")


def test_what_this_machine_computes_otherwise_is_not_taken_unasked(
    program: Path, lossless: Path, tmp_path: Path
) -> None:
    """INT8 that was to agree in every pixel with fp32, and does not."""
    bundle = tmp_path / "bundle"
    shutil.copytree(SHIPPED / "road-nano", bundle)
    index = bundle / "bundle.json"
    described = json.loads(index.read_text())
    assert described["artifacts"][0]["precision"] == "int8"

    def masks(name: str, *options: str) -> tuple[dict[str, bytes], str]:
        places = ["--bundle", bundle, "--masks", tmp_path / name]
        command = [str(word) for word in (program, lossless, *places, "--engine", "openvino", *options)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        return pictures(tmp_path / name), done.stderr

    fp32, _ = masks("fp32", "--precision", "fp32")
    int8, said = masks("int8")
    assert not said
    assert int8 != fp32
    described["artifacts"][0]["measured"]["golden"]["mask_agreement"] = 100.0
    index.write_text(json.dumps(described))
    taken, said = masks("taken")
    assert "fp32 is taken in its place" in said
    assert taken == fp32
    assert masks("asked", "--precision", "int8") == (int8, "")


def test_fp32_is_taken_where_the_best_is_refused(program: Path, lossless: Path, tmp_path: Path) -> None:
    """INT8 that is of another network."""
    bundle = tmp_path / "bundle"
    shutil.copytree(SHIPPED / "road-nano", bundle)
    described = json.loads((bundle / "bundle.json").read_text())
    best = described["artifacts"][0]
    assert best["precision"] == "int8"
    other = json.loads((SHIPPED / "road/bundle.json").read_text())["artifacts"][0]
    (bundle / best["file"]).write_bytes((SHIPPED / "road" / other["file"]).read_bytes())
    best |= {key: other[key] for key in ("sha256", "bytes")}
    (bundle / "bundle.json").write_text(json.dumps(described))
    command: list[str | Path] = [program, lossless, "--bundle", bundle, "--engine", "openvino", "--max-frames", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert "carries another spec" in done.stderr
    assert "fp32 is taken in its place" in done.stderr
    asked = subprocess.run([*command, "--precision", "int8"], capture_output=True, text=True, timeout=SECONDS)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1:9/path",
        "rtsp://user:sec/ret@127.0.0.1:9/live?key=secret",
        "http://127.0.0.1:9/cgi;password=secret",
        "http://127.0.0.1:9/a=secret",
        "http://127.0.0.1:9/user:secret/a",
        "rtsp:///user:secret@127.0.0.1:9/live",
        "rtsp://us/er:secret@127.0.0.1:9/live",
    ],
)
def test_nobody_listens_and_no_secret_is_shown(start: Start, url: str) -> None:
    said = complaint(start(url, "--timeout", "3"))
    assert redact(url) in said
    assert "secret" not in said


def test_refusals_have_their_reason(start: Start, servers: Loopback) -> None:
    assert "refused the connection" in complaint(start("http://127.0.0.1:9/"))
    assert "not known here" in complaint(start("http://nowhere.invalid/"))
    port = free_port()
    servers.start("mjpeg", port, "user=me:word")
    assert "user and password" in complaint(start(f"http://127.0.0.1:{port}/"))
    assert "user and password" in complaint(start(f"http://me:no@127.0.0.1:{port}/"))
    assert report(start(f"http://me:word@127.0.0.1:{port}/", "--max-frames", "3"))["frames"] == 3


def test_credentials_of_a_file(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    servers.start("mjpeg", port, "user=me:wo@r/d")
    file = tmp_path / "secret"
    file.write_text("me:wo@r/d\n")
    assert "chmod 600" in complaint(start(f"http://127.0.0.1:{port}/", "--credentials", file))
    file.chmod(0o600)
    assert report(start(f"http://127.0.0.1:{port}/", "--credentials", file, "--max-frames", "3"))["frames"] == 3


def test_the_newest_frame_of_a_camera(start: Start, servers: Loopback) -> None:
    port = free_port()
    servers.start("mjpeg", port, "fps=200", "size=640x480")
    process = start(f"http://127.0.0.1:{port}/", "--max-frames", "20", "--mode", "latency")
    found = report(process)
    assert (process.returncode, found["frames"]) == (0, 20)
    assert found["dropped"] == found["skipped"]["replaced"] > 0
    assert found["ended"] == {"how": "stopped", "reason": "after 20 frames, as asked"}
    assert found["connection"] is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_in_order(
    start: Start, servers: Loopback, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    port = free_port()
    servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--out", "out.mkv")
    wait_until(lambda: written(tmp_path / "masks") > 5, SECONDS)
    process.send_signal(number)
    found = report(process)
    assert process.returncode == code
    assert found["ended"] == {"how": "interrupted", "reason": number.name}
    assert found["frames"] == written(tmp_path / "masks")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 5
    assert not list(tmp_path.glob(".*"))


def test_a_signal_while_nothing_answers(start: Start) -> None:
    process = start(f"http://127.0.0.1:{free_port()}/", "--reconnect")
    assert process.stderr is not None
    assert "trying again" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 143


@pytest.mark.parametrize("tolerate", [False, True])
def test_a_camera_that_goes_is_lost(start: Start, servers: Loopback, tmp_path: Path, tolerate: bool) -> None:
    port = free_port()
    server = servers.start("mjpeg", port)
    options = ["--tolerate-loss"] if tolerate else []
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--timeout", "2", *options)
    wait_until(lambda: written(tmp_path / "masks") > 3, SECONDS)
    servers.stop(server)
    found = report(process)
    assert process.returncode == (0 if tolerate else 3)
    assert found["ended"]["how"] == "lost"
    assert f"http://127.0.0.1:{port}/" in found["ended"]["reason"]
    assert found["frames"] == written(tmp_path / "masks")


def test_it_is_connected_again(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    server = servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--reconnect", "--timeout", "2")
    wait_until(lambda: written(tmp_path / "masks") > 3, SECONDS)
    servers.stop(server)
    before = written(tmp_path / "masks") + 3
    servers.start("mjpeg", port)
    wait_until(lambda: written(tmp_path / "masks") > before, SECONDS)
    process.send_signal(signal.SIGTERM)
    found = report(process)
    assert sum(found["connection"]["reconnects"].values()) > 0
    assert found["connection"]["gaps"] > 0
    assert found["connection"]["gap_seconds"] > 0
    assert set(found["connection"]) == {"reconnects", "stalls", "gaps", "gap_seconds", "freezes"}


def test_what_is_given_up(start: Start) -> None:
    process = start(f"http://127.0.0.1:{free_port()}/", "--reconnect", "--give-up-after", "1.5")
    out, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, "")
    assert "gave no frame for 1.5 s" in error
    assert "refused the connection" in error


def test_a_reader_that_is_killed_is_started_again(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--reconnect")
    wait_until(lambda: written(tmp_path / "masks") > 3, SECONDS)
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    assert len(children) == 1
    os.kill(children[0], signal.SIGKILL)
    before = written(tmp_path / "masks") + 3
    wait_until(lambda: written(tmp_path / "masks") > before, SECONDS)
    process.send_signal(signal.SIGINT)
    assert report(process)["connection"]["reconnects"] == {"crashed": 1}


def test_rtsp(start: Start, servers: Loopback) -> None:
    port = free_port()
    servers.rtsp(int(port))
    found = report(start(f"rtsp://127.0.0.1:{port}/live", "--max-frames", "10"))
    assert (found["frames"], found["width"], found["height"]) == (10, 320, 240)


def test_a_pipeline(start: Start) -> None:
    text = "videotestsrc is-live=true num-buffers=20 ! video/x-raw,width=320,height=240 ! videoconvert ! appsink"
    process = start(text)
    out, error = process.communicate(timeout=SECONDS)
    if "did not start" in error:
        pytest.skip("OpenCV here has no GStreamer, or GStreamer no videotestsrc")
    found = json.loads(out)
    assert (process.returncode, found["ended"]["how"]) == (0, "end_of_file")
    assert found["frames"] + found["dropped"] + found["skipped"]["before_start"] <= 20
    assert "no pipeline" in complaint(start("videotestsrc ! fakesink"))
    assert "did not start" in complaint(start("videotestsrc ! nothing-of-this-name ! appsink"))


def test_a_grey_pipeline_gives_the_masks_of_its_colours(start: Start, tmp_path: Path) -> None:
    source = "videotestsrc num-buffers=3 pattern=gradient ! video/x-raw,format={},width=320,height=240 ! {}appsink"
    process = start(source.format("GRAY8", ""), "--masks", "grey")
    out, error = process.communicate(timeout=SECONDS)
    if "did not start" in error:
        pytest.skip("OpenCV here has no GStreamer, or GStreamer no videotestsrc")
    assert process.returncode == 0, error
    found = json.loads(out)
    assert (found["width"], found["height"], found["ended"]["how"]) == (320, 240, "end_of_file")
    process = start(source.format("GRAY8", "videoconvert ! video/x-raw,format=BGR ! "), "--masks", "colours")
    assert report(process)["ended"]["how"] == "end_of_file"
    grey, colours = ({*pictures(tmp_path / name).values()} for name in ("grey", "colours"))
    assert grey == colours
    assert len(grey) == 1
    assert "no pictures in BGR or grey" in complaint(start(source.format("I420", "")))
