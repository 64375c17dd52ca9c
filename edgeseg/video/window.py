"""A window on the screen that shows overlays."""

from __future__ import annotations

import os
import re
import sys

import cv2

from edgeseg.arrays import Image
from edgeseg.errors import UsageError

_TITLE = "edgeseg (q ends)"
_ESCAPE = 27


class Window:
    """Shows images; to be used by the main thread alone, as all window systems want."""

    def __init__(self) -> None:
        """Checks that there is a screen.

        Raises:
            UsageError: this OpenCV cannot open windows, or there is no display.
        """
        if re.search(r"GUI:\s+NONE", cv2.getBuildInformation()):
            raise UsageError(
                "this OpenCV has no windows (opencv-python-headless), expected one that has for --show: "
                "pip uninstall opencv-python-headless, then pip install opencv-python"
            )
        # Qt would abort the whole process.
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise UsageError(
                "there is no display to show a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
                "record with --out instead, or log in with ssh -X"
            )

    def show(self, image: Image) -> bool:
        """Shows a BGR uint8 (H, W, 3) image; False when the user pressed q or Escape."""
        cv2.imshow(_TITLE, image)
        return (cv2.waitKey(1) & 0xFF) not in (ord("q"), _ESCAPE)

    def close(self) -> None:
        """Closes the window."""
        cv2.destroyAllWindows()
