"""What tests of commands share with those of video."""

from __future__ import annotations

from tests.video.conftest import loopback

__all__ = ["loopback"]
