"""A camera for the tests in a network namespace: python network_server.py KIND PORT [OPTION=VALUE ...]

KIND is mjpeg (over HTTP), mpegts (over TCP, or UDP with to=HOST) or garbage (over HTTP). Each picture has a level of
grey of its own, 10 more than the one before, and its number is how many pictures were made since the server started.
Options: size=64x48, fps=20, user=NAME:PASSWORD (HTTP's basic authentication), still=1 (the same picture always), lose=N
(of UDP, every Nth datagram is not sent), type=image/jpg (of the parts of MJPEG), clip=FILE (MJPEG of a video, over and
over, in its own size). It serves any number of clients, until it is killed.
"""

from __future__ import annotations

import base64
import io
import itertools
import random
import socket
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import cv2
import numpy as np

KIND, PORT = sys.argv[1], int(sys.argv[2])
OPTIONS = dict(word.split("=", 1) for word in sys.argv[3:])
WIDTH, HEIGHT = (int(side) for side in OPTIONS.get("size", "64x48").split("x"))
PAUSE = 1 / float(OPTIONS.get("fps", "20"))


def contents() -> Iterator[np.ndarray]:
    """Pictures without an end."""
    while "clip" in OPTIONS:
        with av.open(OPTIONS["clip"]) as clip:
            yield from (frame.to_ndarray(format="bgr24") for frame in clip.decode(video=0))
    for number in itertools.count():
        yield np.full((HEIGHT, WIDTH, 3), 0 if "still" in OPTIONS else 10 * number % 250, np.uint8)


def pictures() -> Iterator[np.ndarray]:
    """Pictures, each when its time has come."""
    started = time.monotonic()
    for number, picture in enumerate(contents(), start=1):
        yield picture
        time.sleep(max(0.0, started + number * PAUSE - time.monotonic()))


class Camera(BaseHTTPRequestHandler):
    """MJPEG, or bytes that are none."""

    def do_GET(self) -> None:
        wanted = OPTIONS.get("user")
        given = self.headers.get("Authorization", "")
        if wanted is not None and given != "Basic " + base64.b64encode(wanted.encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for picture in pictures():
            data = cv2.imencode(".jpg", picture)[1].tobytes()
            if KIND == "garbage":
                data = random.Random(0).randbytes(len(data))
            kind = OPTIONS.get("type", "image/jpeg")
            head = f"--frame\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class Datagrams(io.RawIOBase):
    """Sends what is written to it, in datagrams of seven packets of MPEG-TS, and loses some."""

    def __init__(self) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._every = int(OPTIONS.get("lose", "0"))
        self._sent = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        for start in range(0, len(view), 7 * 188):
            self._sent += 1
            if not self._every or self._sent % self._every:
                self._socket.sendto(view[start : start + 7 * 188], (OPTIONS["to"], PORT))
        return len(view)


def send(file: object) -> None:
    """MPEG-TS without an end."""
    with av.open(file, "w", format="mpegts", options={"flush_packets": "1"}) as output:
        codec = {"preset": "ultrafast", "tune": "zerolatency", "g": "10"}
        stream = output.add_stream("libx264", rate=round(1 / PAUSE), options=codec)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures():
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))


if KIND in ("mjpeg", "garbage"):
    server = ThreadingHTTPServer(("0.0.0.0", PORT), Camera)
    server.daemon_threads = True
    print("ready", flush=True)
    server.serve_forever()
elif "to" in OPTIONS:
    print("ready", flush=True)
    send(Datagrams())
else:
    listener = socket.create_server(("0.0.0.0", PORT))
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        try:
            with connection, connection.makefile("wb") as file:
                send(file)
        except OSError:  # the client has gone
            pass
