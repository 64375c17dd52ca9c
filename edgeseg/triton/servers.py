"""Asks one of several servers over gRPC, as the KServe v2 protocol has it, and the next one where one fails.

A frame is tried on the servers by turns until one answers, for a bounded time. Meanwhile nothing else is sent for it:
a stream that waits here reads no further frames, so that a live source counts those that it replaces.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import grpc
from tritonclient.grpc import service_pb2_grpc

from edgeseg.errors import AbandonedError, EngineError, UsageError
from edgeseg.redact import redact
from edgeseg.spec import MAX_SIDE
from edgeseg.triton.access import TLS, ServerAccess
from edgeseg.triton.messages import REFUSALS, Answer, Request, reason_of

GRPC_PORT = 8001
"""Triton's own choice."""

PAUSE = 0.2
"""Seconds between two rounds in which no server answered."""

GRACE = 1.0
"""Seconds that a frame under way is waited for once its stream is to end."""

GLANCE = 0.2
"""Seconds between two looks whether that is so."""

LARGEST_ANSWER = MAX_SIDE**2 + 2**20
"""Bytes: a mask of the largest frame, and what is around it."""

OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_ANSWER),
    ("grpc.max_send_message_length", -1),
    # A server that was started again is to be found soon: gRPC's own pauses grow to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


@dataclass(frozen=True)
class Patience:
    """How long servers may take.

    Attributes:
        answer: seconds for one answer; then the next server is asked.
        frame: seconds that a frame is tried on all of them before they are lost.
    """

    answer: float = 10.0
    frame: float = 30.0

    def __post_init__(self) -> None:
        for name, seconds in (("time-out of a server", self.answer), ("wait for the servers", self.frame)):
            if not 0.05 <= seconds <= 86400:
                raise UsageError(f"the {name} is {seconds:g}, expected 0.05 to 86400 seconds")


@dataclass
class Server:
    """One of them.

    Attributes:
        address: "host:8001".
        channel: to it.
        failures: of it, since it answered last.
    """

    address: str
    channel: grpc.Channel = field(repr=False)
    failures: int = 0
    stub: service_pb2_grpc.GRPCInferenceServiceStub = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self.channel)


class Servers:
    """Several threads may ask at once; each starts at the server that answered last.

    Attributes:
        retries: how often a frame had to be sent once more.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        patience: Patience,
        say: Callable[[str], None],
        access: ServerAccess | None = None,
    ) -> None:
        """Takes the addresses, and connects when the first frame is sent.

        Raises:
            UsageError: there is none, one is no HOST:PORT, or the access cannot be used.
        """
        self.retries = 0
        access = access or ServerAccess()
        self._servers = [
            Server(address, access.channel(address, OPTIONS)) for address in map(checked_address, addresses)
        ]
        if not self._servers:
            raise UsageError("no server is named, expected HOST:PORT")
        self._patience, self._say = patience, say
        self._lock = threading.Lock()  # guards all that follows, the servers' failures and `retries`
        self._first = 0
        self._closed = threading.Event()
        self._grace: float | None = None  # set once, by a signal handler: nothing is locked for it

    def greet(self, request: Request) -> dict[str, Answer]:
        """The answers of all servers that give one, by their addresses; each is asked once.

        Raises:
            EngineError: none gives one.
        """
        answers, reasons = {}, []
        for server in self._servers:
            try:
                answers[server.address] = self._call(server, request, self._patience.answer)
            except grpc.RpcError as error:
                reasons.append(f"server {server.address} {reason_of(error)}")
        if not answers:
            raise EngineError(f"{'; '.join(reasons)}; is the address right, and the model loaded?")
        for reason in reasons:
            self._say(reason)
        return answers

    def ask(self, request: Request) -> tuple[str, Answer]:
        """The address of the first server that answers, and its answer.

        Raises:
            EngineError: none answers in time, one refuses the request, or `close` was called.
            AbandonedError: none answers at once after `hurry` was called.
        """
        until = time.monotonic() + self._patience.frame
        reasons: dict[str, str] = {}
        for number in self._turns():
            left = until - time.monotonic()
            tried = self._grace is not None and len(reasons) == len(self._servers)
            if left <= 0 or tried or self._closed.is_set():
                break
            server, seconds = self._servers[number], min(left, self._patience.answer)
            try:
                answer = self._call(server, request, seconds)
            except grpc.RpcError as error:
                reason = reason_of(error)
                if error.code() in REFUSALS:
                    raise EngineError(f"server {server.address} {reason}") from error
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and seconds < self._patience.answer:
                    reasons.setdefault(server.address, reason)  # it had too little time for that to be its fault
                else:
                    reasons[server.address] = reason
                self._failed(server, reason)
            else:
                self._answered(number)
                return server.address, answer
        if self._closed.is_set():
            raise EngineError("the connection to the servers was closed")
        if self._grace is not None:
            raise AbandonedError("no server answers a frame at once")
        listed = "; ".join(f"{address} {reason}" for address, reason in reasons.items())
        raise EngineError(f"no server answered for {self._patience.frame:g} s: {listed}; start one, or wait longer")

    def hurry(self) -> None:
        """What is under way is waited for no longer than GRACE, and not sent again. A signal handler may call it."""
        self._grace = time.monotonic() + GRACE

    def close(self) -> None:
        """Ends all connections; who waits for an answer gets an EngineError."""
        self._closed.set()
        for server in self._servers:
            server.channel.close()

    def _call(self, server: Server, request: Request, seconds: float) -> Answer:
        try:
            call = server.stub.ModelInfer.future(request, timeout=seconds)
        except ValueError as error:  # a closed channel, in gRPC's words
            raise EngineError("the connection to the servers was closed") from error
        while True:
            try:
                answer: Answer = call.result(timeout=GLANCE)
            except grpc.FutureTimeoutError:
                if self._grace is not None and time.monotonic() > self._grace:
                    call.cancel()
            except grpc.FutureCancelledError as error:
                if self._grace is None or self._closed.is_set():
                    raise EngineError("the connection to the servers was closed") from error
                raise AbandonedError(f"server {server.address} did not answer at once") from error
            else:
                return answer

    def _turns(self) -> Iterator[int]:
        """Numbers of servers by turns, for ever, with a pause after each round."""
        with self._lock:
            first = self._first
        while True:
            for step in range(len(self._servers)):
                yield (first + step) % len(self._servers)
            self._closed.wait(PAUSE)

    def _failed(self, server: Server, reason: str) -> None:
        with self._lock:
            self.retries += 1
            server.failures += 1
            first = server.failures == 1
        if first:
            self._say(f"server {server.address} {reason}; the frame is sent again")

    def _answered(self, number: int) -> None:
        server = self._servers[number]
        with self._lock:
            self._first = number
            failures, server.failures = server.failures, 0
        if failures:
            self._say(f"server {server.address} answers again, after {failures} failures")


def checked_address(address: str) -> str:
    """The address as `ServerAccess.channel` takes it; without a port, with Triton's own.

    Raises:
        UsageError: it is no HOST or HOST:PORT, with grpcs:// before it or without.
    """
    scheme = TLS if address.startswith(TLS) else ""
    place = address.removeprefix(scheme)
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, str(GRPC_PORT)
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host.replace(":", "/")
    fits = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
    if not bare or not fits or any(each in bare for each in "/@ []") or not host.isprintable():
        raise UsageError(
            f"{redact(address)!r:.80} is no address of a server, expected HOST:PORT or {TLS}HOST:PORT, as "
            f"triton.local:{GRPC_PORT}"
        )
    return f"{scheme}{host}:{port}"
