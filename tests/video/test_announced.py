"""What containers announce of a video, where their writer could not go back to complete the header."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source
from tests.video.sent_videos import FRAMES, pushed

PIPED = {"avi": "mpeg4", "ivf": "libvpx"}
"""Containers whose header holds a placeholder then, with a codec each."""


@pytest.mark.parametrize("container", PIPED)
def test_a_length_that_was_never_written_is_not_missed(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"a.{container}"
    path.write_bytes(pushed(container, codec=PIPED[container]))
    with open_source(path) as source:
        assert isinstance(source, VideoSource)
        assert (source.length, source.frame_count) == (None, None)
        assert len(list(source)) == FRAMES
        assert source.warnings == []
        assert not source.ended_early
