"""The card that is not there."""

from tests.engines.conftest import card, launcher, nvcc

__all__ = ["card", "launcher", "nvcc"]
