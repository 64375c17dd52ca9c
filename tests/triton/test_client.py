"""What a device does about servers that fail. Patience is short here; nothing is timed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeseg
from edgeseg.arrays import Image
from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError, EngineError, FrameError, UsageError
from edgeseg.segmenter import load
from edgeseg.triton.client import RemoteSegmenter, connect
from edgeseg.triton.servers import Patience, checked_address
from tests.triton.faulty_server import FaultyServer

RANDOM = np.random.default_rng(0)
FRAME = RANDOM.integers(0, 256, (40, 50, 3), np.uint8)
SHORT = Patience(answer=0.5, frame=1.5)


def decoded(jpeg: Any) -> Image:
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


Serve = Callable[[Bundle], FaultyServer]
Connect = Callable[..., RemoteSegmenter]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[FaultyServer] = []

    def start(bundle: Bundle) -> FaultyServer:
        servers.append(FaultyServer(bundle))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def remote(bundle: Bundle, said: list[str]) -> Iterator[Connect]:
    """`remote(server, ...)`: a segmenter on these servers."""
    made: list[RemoteSegmenter] = []

    def start(*servers: FaultyServer | str, **options: Any) -> RemoteSegmenter:
        addresses = [server if isinstance(server, str) else server.address for server in servers]
        options = {"bundle": bundle, "patience": SHORT, "say": said.append, **options}
        made.append(connect(addresses, **options))
        return made[-1]

    yield start
    for model in made:
        model.close()


def test_masks_are_those_of_the_bundle(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    model, here = remote(serve(bundle)), load(bundle, threads=1)
    for size in ((18, 30), (40, 50), (1, 2)):
        frame = RANDOM.integers(0, 256, (*size, 3), np.uint8)
        assert np.array_equal(model(frame), here(frame))
    turned = FRAME[::-1, ::2]  # not contiguous
    assert np.array_equal(model(turned), here(np.ascontiguousarray(turned)))
    assert np.array_equal(model.paint(model(FRAME), FRAME), here.paint(here(FRAME), FRAME))


def test_a_bundle_that_takes_several_pictures(serve: Serve, remote: Connect, batched: Bundle) -> None:
    server, here = serve(batched), load(batched, threads=1)
    assert np.array_equal(remote(server, bundle=batched)(FRAME), here(FRAME))
    jpeg = decoded(cv2.imencode(".jpg", FRAME, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
    assert np.array_equal(remote(server, bundle=batched, jpeg=90)(FRAME), here(jpeg))


def test_labels_that_overlap(serve: Serve, remote: Connect, overlapping: Bundle) -> None:
    server, here = serve(overlapping), load(overlapping, threads=1)
    assert np.array_equal(remote(server, bundle=overlapping)(FRAME), here(FRAME))
    smooth = np.asarray(cv2.GaussianBlur(FRAME, (0, 0), 5), np.uint8)
    jpeg = decoded(cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
    assert np.array_equal(remote(server, bundle=overlapping, jpeg=90)(smooth), here(jpeg))


def test_a_stream_of_it_is_that_of_the_bundle(serve: Serve, remote: Connect, bundle: Bundle, tmp_path: Path) -> None:
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), RANDOM.integers(0, 256, (33, 44, 3), np.uint8))
    here = list(edgeseg.stream(load(bundle, threads=1), tmp_path, overlay=True))
    there = list(edgeseg.stream(remote(serve(bundle)), tmp_path, overlay=True, workers=3))
    assert len(here) == len(there) == 5
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(np.asarray(one.mask), np.asarray(other.mask))
        assert np.array_equal(np.asarray(one.overlay), np.asarray(other.overlay))


def test_the_second_server_takes_over(serve: Serve, remote: Connect, bundle: Bundle, said: list[str]) -> None:
    first, second = serve(bundle), serve(bundle)
    model, here = remote(first, second), load(bundle, threads=1)(FRAME)
    assert np.array_equal(model(FRAME), here)
    first.stop()
    seen = first.requests, second.requests
    for _ in range(3):
        assert np.array_equal(model(FRAME), here)
    assert (first.requests - seen[0], second.requests - seen[1]) == (0, 3)
    assert len([line for line in said if first.address in line]) == 1


def test_a_server_that_hangs_is_left(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    first, second = serve(bundle), serve(bundle)
    model = remote(first, second)
    first.fault = lambda _: first.stopped.wait(20)
    assert np.array_equal(model(FRAME), load(bundle, threads=1)(FRAME))


def test_a_server_that_comes_back_is_found(serve: Serve, remote: Connect, bundle: Bundle, said: list[str]) -> None:
    server = serve(bundle)
    model = remote(server, patience=Patience(1, 20))
    failures = iter(range(3))

    def fail_thrice(context: Any) -> None:
        if next(failures, None) is not None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the model is not ready")

    server.fault = fail_thrice
    assert model(FRAME).shape == (40, 50)
    assert said[-1] == f"server {server.address} answers again, after 3 failures"


def test_patience_ends(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    server = serve(bundle)
    model = remote(server)
    server.stop()
    with pytest.raises(EngineError, match=r"no server answered for 1\.5 s: .*cannot be reached"):
        model(FRAME)


def test_the_end_of_patience_hides_no_reason(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    server = serve(bundle)
    model = remote(server, patience=Patience(answer=5, frame=3))  # the first answer is to come in time

    def break_then_hang(context: Any) -> None:
        server.fault = lambda _: server.stopped.wait(30)
        context.abort(grpc.StatusCode.INTERNAL, "the engine broke")

    server.fault = break_then_hang
    with pytest.raises(EngineError, match=r"no server answered for 3 s: 127.* fails: the engine broke; start one"):
        model(FRAME)


def test_an_error_ends_a_stream(serve: Serve, remote: Connect, bundle: Bundle, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), FRAME)
    server = serve(bundle)
    model = remote(server)
    server.stop()
    with pytest.raises(EngineError, match="no server answered"):
        list(edgeseg.stream(model, tmp_path))


def test_closing_ends_who_waits(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    server = serve(bundle)
    model = remote(server, patience=Patience(60, 60))
    server.fault = lambda _: server.stopped.wait(60)
    seen = server.requests
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            model(FRAME)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while server.requests == seen:
        time.sleep(0.01)
    model.close()
    thread.join(20)
    assert not thread.is_alive()
    assert [type(error) for error in ended] == [EngineError]
    with pytest.raises(EngineError, match="closed"):
        model(FRAME)


def test_another_network_is_refused(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    good, other = serve(bundle), serve(bundle)
    other.network = bytes(32)
    with pytest.raises(EngineError, match=f"{other.address} runs another network than bundle tiny"):
        remote(good, other)
    model = remote(good)
    good.network = bytes(31)  # it was started again, with something else
    with pytest.raises(EngineError, match="runs another network"):
        model(FRAME)


def test_another_precision_is_refused(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    server = serve(bundle)
    assert remote(server, precision="fp32")(FRAME).shape == (40, 50)
    with pytest.raises(EngineError, match="runs fp32, not int8"):
        remote(server, precision="int8")


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:-1],
        lambda array: array.T,
        lambda array: array + np.uint8(200),
        lambda array: array.astype(np.uint16),
        lambda array: array[:0],
    ],
    ids=["short", "turned", "unknown classes", "wide", "empty"],
)
@pytest.mark.parametrize("jpeg", [None, 90])
def test_what_is_no_mask_is_refused(
    serve: Serve, remote: Connect, bundle: Bundle, change: Callable[[Any], Any], jpeg: int | None
) -> None:
    server = serve(bundle)
    model = remote(server, jpeg=jpeg)
    mask = load(bundle, threads=1)(FRAME)

    def damage(name: str, array: Any) -> Any:
        if name == "mask_png" and change(mask).size:
            return cv2.imencode(".png", change(mask))[1].ravel()
        return array if name == "network" else array[:40]

    server.change = damage
    with pytest.raises(EngineError, match=r"gives no mask \(40, 50\) of 0 to 2 for a frame 50x40"):
        model(FRAME)


def test_a_refused_frame_is_not_sent_again(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    first, second = serve(bundle), serve(bundle)
    model = remote(first, second)
    first.fault = lambda context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such frame")
    seen = second.requests
    with pytest.raises(EngineError, match="refuses: no such frame"):
        model(FRAME)
    assert second.requests == seen


@pytest.mark.parametrize("frame", [FRAME[..., 0], FRAME[..., :2], FRAME.astype(np.float32), FRAME[:0], None])
def test_what_is_no_frame_is_not_sent(serve: Serve, remote: Connect, bundle: Bundle, frame: Any) -> None:
    with pytest.raises(FrameError, match=r"got .* frame|got an array"):
        remote(serve(bundle))(frame)


def test_logits_stay_there(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    model = remote(serve(bundle))
    calls: list[Callable[[], object]] = [
        lambda: model.infer(FRAME),
        lambda: model.mask(None, 1, 1),
        lambda: model.overlay(None, FRAME),
    ]
    for call in calls:
        with pytest.raises(EngineError, match="masks, not logits"):
            call()


def test_nobody_there(remote: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineError, match=f"server {address} .*; is the address right"):
            remote(address)
    with pytest.raises(EngineError, match=r"cannot be reached \(Connection refused\)"):
        remote("127.0.0.1:1")


def test_a_name_that_nobody_has(remote: Connect) -> None:
    with pytest.raises(EngineError, match=r"server nobody\.invalid:8001 (cannot be found by its name|does not answer)"):
        remote("nobody.invalid")


def test_a_server_of_another_protocol(remote: Connect) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    with pytest.raises(EngineError, match="speaks gRPC, but not the KServe v2 protocol"):
        remote(address)
    server.stop(None).wait(10)


def test_a_port_of_http(remote: Connect) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(EngineError, match="does not speak gRPC there; give the port that does"):
                remote(f"127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_one_of_two_is_enough(serve: Serve, remote: Connect, bundle: Bundle, said: list[str]) -> None:
    assert remote("127.0.0.1:1", serve(bundle))(FRAME).shape == (40, 50)
    assert "server 127.0.0.1:1 cannot be reached (Connection refused)" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [({"jpeg": 0}, "JPEG quality 0"), ({"jpeg": 101}, "JPEG quality 101")],
)
def test_numbers_out_of_range(remote: Connect, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        remote("127.0.0.1:1", **options)


@pytest.mark.parametrize("seconds", [0, -1, 1e9, float("nan")])
def test_patience_is_a_number_of_seconds(seconds: float) -> None:
    with pytest.raises(UsageError, match=r"expected 0\.05 to 86400"):
        Patience(answer=seconds)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("gpu", "gpu:8001"),
        ("gpu:9", "gpu:9"),
        ("10.0.0.1:65535", "10.0.0.1:65535"),
        ("[::1]", "[::1]:8001"),
        ("[fe80::1]:80", "[fe80::1]:80"),
        ("grpcs://gpu", "grpcs://gpu:8001"),
        ("grpcs://[::1]:9", "grpcs://[::1]:9"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert checked_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "grpcs://",
        "grpcs://:1",
        "grpcs://grpcs://gpu",
        "grpc://gpu:1",
        "",
        ":80",
        "gpu:",
        "gpu:x",
        "gpu:0",
        "gpu:65536",
        "http://gpu:80",
        "a b:1",
        "::1",
        "a@b",
        "unix:/x",
        "\n",
    ],
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="expected HOST:PORT"):
        checked_address(text)


@given(st.text(max_size=30))
def test_an_address_is_checked_once(text: str) -> None:
    try:
        address = checked_address(text)
    except EdgeSegError:
        return
    assert checked_address(address) == address
