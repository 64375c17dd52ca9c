"""What a device does about servers that fail or are none. Patience is short here; nothing is timed."""

from __future__ import annotations

import socket
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError, EngineError, UsageError
from edgeseg.segmenter import load
from edgeseg.triton.servers import Patience, checked_address
from tests.triton.conftest import FRAME, Connect, Serve


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
