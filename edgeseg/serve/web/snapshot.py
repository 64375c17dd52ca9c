"""The newest frame of a camera as a picture, encoded once however many ask for it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2

from edgeseg.arrays import Image, Mask
from edgeseg.serve.web.view import View
from edgeseg.video.masks import PARAMETERS
from edgeseg.video.model import Model, Result

QUALITY = 85
"""Of JPEG, 0 to 100."""

TYPES = {"frame.jpg": "image/jpeg", "overlay.jpg": "image/jpeg", "mask.png": "image/png"}
"""Of the pictures that there are."""


class Picture(NamedTuple):
    """An encoded picture of a result, whose frame lies in memory of a camera's process and is not held.

    Attributes:
        captured: when its frame was, a reading of time.perf_counter().
        content: of the file.
    """

    captured: float
    content: bytes


class Snapshots:
    """Encodes pictures on one thread, so that they never take more than one core from the cameras."""

    def __init__(self, view: View) -> None:
        """Of the cameras of this service."""
        self._view = view
        self._thread = ThreadPoolExecutor(1, "edgeseg-snapshot")
        self._newest: dict[tuple[str, str], Picture] = {}  # touched by that thread alone

    async def picture(self, camera: str, name: str) -> Picture | None:
        """The picture of that name in TYPES; None where the camera has given no frame yet, or is gone."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._picture, camera, name)

    def close(self) -> None:
        """Encodes no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _picture(self, camera: str, name: str) -> Picture | None:
        cameras = self._view.cameras
        for key in [key for key in self._newest if key[0] not in cameras]:
            del self._newest[key]
        result = cameras[camera].newest if camera in cameras else None
        if result is None or result.mask is None:
            return None
        known = self._newest.get((camera, name))
        if known is None or known.captured != result.captured:
            content = _encode(name, result, result.mask, self._view.model)
            known = self._newest[camera, name] = Picture(result.captured, content)
        return known


def _encode(name: str, result: Result, mask: Mask, model: Model) -> bytes:
    if name == "mask.png":
        rows = mask.reshape(-1, mask.shape[-1])  # labels that may overlap stand one below the other
        return _file(".png", rows, PARAMETERS)
    picture = model.paint(mask, result.frame) if name == "overlay.jpg" else result.frame
    return _file(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _file(suffix: str, picture: Image, parameters: list[int]) -> bytes:
    encoded, content = cv2.imencode(suffix, picture, parameters)
    if not encoded:
        raise RuntimeError(f"OpenCV encodes no {suffix} of {picture.shape}")
    return content.tobytes()
