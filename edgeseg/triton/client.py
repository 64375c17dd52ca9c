"""Masks from a server: what a stream needs of a model, on a device that runs no network itself.

    model = edgeseg.triton.client.connect(["gpu-box:8001", "spare:8001"], "road")
    for result in edgeseg.stream(model, "/dev/video0"):
        result.mask

Frames are sent raw, and masks are then those that the bundle gives where the server runs, bit for bit; or as JPEG,
which takes a fraction of the network's rate, and changes the frames a little. Masks come as PNG, which are their run
lengths, and change nothing.
"""

from __future__ import annotations

import logging
import math
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg import kernels
from edgeseg.arrays import Image, Mask
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, UsageError
from edgeseg.golden import GREY, HEAD
from edgeseg.segmenter_arguments import frame_size
from edgeseg.triton.access import ServerAccess
from edgeseg.triton.contract import FRAME, MASK_PNG, NETWORK, PICTURE, identity, is_batched
from edgeseg.triton.messages import Request, make_request, read_outputs
from edgeseg.triton.servers import Patience, Servers
from edgeseg.trust import NO_DEMAND, Demand, check_trust

_log = logging.getLogger("edgeseg")

_ANY_FRAME = np.zeros((8, 8, 3), np.uint8)
"""Sent once, to learn what a server runs."""


class RemoteSegmenter:
    """Segments frames on a server. Several threads may use one at once; each waits for its own answer.

    Attributes:
        spec: the contract of the bundle.
        palette: uint8 (classes, 3), BGR.
        threads: 1: a device sends as many frames at once as it has cores, unless it is told otherwise.
        batch: 1: a request holds one frame.
        makes_masks: True: logits stay on the server.
    """

    threads = 1
    batch = 1
    makes_masks = True

    def __init__(self, servers: Servers, bundle: Bundle, *, precision: str | None = None, jpeg: int | None = None):
        """Asks each server which network it runs; `connect` does it with addresses.

        Raises:
            EngineError: none answers, or one runs another network.
            UsageError: the quality is out of range.
        """
        if jpeg is not None and not 1 <= jpeg <= 100:
            raise UsageError(f"got JPEG quality {jpeg}, expected 1 to 100")
        self.spec = bundle.spec
        self.palette: NDArray[np.uint8] = np.ascontiguousarray(np.array(self.spec.palette, np.uint8)[:, ::-1])
        self._servers, self._jpeg, self._precision = servers, jpeg, precision
        self._networks = {identity(bundle.spec, artifact): artifact for artifact in bundle.artifacts}
        greeting = self._request(_ANY_FRAME, NETWORK)
        for address, answer in servers.greet(greeting).items():
            self._check_network(address, read_outputs(answer))

    @property
    def retries(self) -> int:
        """How often a frame had to be sent once more."""
        return self._servers.retries

    def __call__(self, frame: Image) -> Mask:
        """The mask of a frame, uint8, `spec.mask_shape`.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3).
            EngineError: as `segment`.
        """
        return self.segment(self.prepare(frame), frame.shape[1], frame.shape[0])

    def prepare(self, frame: Image, *, out: Image | None = None) -> Image | bytes:  # noqa: ARG002  a stream's memory
        """What is sent: the frame itself, or its JPEG; `out` is not used.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3).
        """
        frame_size(frame)
        if self._jpeg is None:
            return frame
        encoded: bytes = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, self._jpeg])[1].tobytes()
        return encoded

    def segment(self, tensor: Image | bytes, width: int, height: int) -> Mask:
        """The mask of what `prepare` gave for a frame of that size.

        Raises:
            EngineError: no server answers in time; or one refuses the frame, runs another network by now, or gives
                something else than a mask.
            AbandonedError: no server answers at once after `hurry` was called.
        """
        request = self._request(tensor, MASK_PNG, NETWORK)
        address, answer = self._servers.ask(request)
        outputs = read_outputs(answer)
        self._check_network(address, outputs)
        shape = self.spec.mask_shape(width, height)
        mask = _decode(outputs.get(MASK_PNG), shape)
        highest = len(self.spec.classes) - 1 if self.spec.head.exclusive else 1
        if mask is None or int(mask.max()) > highest:
            raise EngineError(f"server {address} gives no mask {shape} of 0 to {highest} for a frame {width}x{height}")
        return mask

    def paint(self, mask: Mask, frame: Image, *, alpha: float = 0.5) -> Image:
        """The frame with the classes of its mask painted over it.

        Raises:
            FrameError: the frame is not uint8 (H, W, 3), or the mask is none of its size.
        """
        blend = kernels.blend if self.spec.head.exclusive else kernels.blend_labels
        return blend(mask, frame, self.palette, alpha=alpha)

    def infer(self, tensor: Any) -> NoReturn:  # noqa: ARG002
        """Raises EngineError: logits stay on the server."""
        raise EngineError("a server gives masks, not logits; load the bundle here for these")

    def mask(self, logits: Any, width: int, height: int) -> NoReturn:  # noqa: ARG002
        """Raises EngineError, as `infer`."""
        self.infer(logits)

    def overlay(self, logits: Any, frame: Image, *, alpha: float = 0.5, mask: Mask | None = None) -> NoReturn:  # noqa: ARG002
        """Raises EngineError, as `infer`."""
        self.infer(logits)

    def hurry(self) -> None:
        """Its stream is to end: a frame is waited for a second more at most, and ends with an AbandonedError then.

        A signal handler may call it.
        """
        self._servers.hurry()

    def close(self) -> None:
        """Ends the connections; a `segment` that waits ends with an EngineError."""
        self._servers.close()

    def _request(self, tensor: Image | bytes, *outputs: str) -> Request:
        axis = (1,) if is_batched(self.spec) else ()
        if isinstance(tensor, bytes):
            return make_request(self.spec.name, PICTURE, (*axis, len(tensor)), tensor, outputs)
        return make_request(self.spec.name, FRAME, (*axis, *tensor.shape), tensor.tobytes(), outputs)

    def _check_network(self, address: str, outputs: dict[str, NDArray[np.uint8]]) -> None:
        """Refuses an answer that was not made by an artifact of the bundle, or by one of another precision."""
        found = outputs.get(NETWORK)
        artifact = None if found is None else self._networks.get(found.tobytes())
        if artifact is None:
            raise EngineError(
                f"server {address} runs another network than bundle {self.spec.name} here; serve this one, or give "
                "--bundle the one that is served"
            )
        if self._precision not in (None, artifact.precision):
            reason = f"server {address} runs {artifact.precision}, not {self._precision}"
            raise EngineError(f"{reason}; serve that, or ask for no precision")


def connect(
    addresses: Sequence[str],
    bundle: str | os.PathLike[str] | Bundle = "road",
    *,
    precision: str | None = None,
    jpeg: int | None = None,
    patience: Patience | None = None,
    access: ServerAccess | None = None,
    demand: Demand = NO_DEMAND,
    say: Callable[[str], None] = _log.info,
) -> RemoteSegmenter:
    """A segmenter whose network runs on one of these servers.

    Args:
        addresses: HOST:PORT of each, or grpcs://HOST:PORT for TLS; one that fails is followed by the next.
        bundle: the one that the servers must run: a path, or the name of one that comes with edgeseg. Its model files
            are not loaded here.
        precision: that they must run; by default any that the bundle has.
        jpeg: send frames as JPEG of this quality, 1 to 100; None: raw.
        patience: how long the servers may take.
        access: how they are entered; None: as any device.
        demand: what is asked of the bundle.
        say: told when a server fails, and when it answers again.

    Raises:
        BundleError: the bundle is missing, or is not signed as asked for.
        EngineError: no server answers, or one runs another network.
        UsageError: an address is none, a number is out of range, or the access cannot be used.
    """
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    check_trust(opened, **vars(demand))
    servers = Servers(addresses, patience or Patience(), say, access)
    try:
        return RemoteSegmenter(servers, opened, precision=precision, jpeg=jpeg)
    except BaseException:
        servers.close()
        raise


def _decode(file: NDArray[np.uint8] | None, shape: tuple[int, ...]) -> Mask | None:
    """The mask in a PNG, whose size is looked at before it is decoded; None where it is none of this shape."""
    width, height = shape[-1], math.prod(shape[:-1])
    file = None if file is None else file.ravel()  # from a model with an axis of frames
    head = HEAD + struct.pack(">IIBBBBB", width, height, 8, GREY, 0, 0, 0)
    if file is None or file[: len(head)].tobytes() != head:
        return None
    mask = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)
    return None if mask is None else np.asarray(mask, np.uint8).reshape(shape)
