"""GStreamer pipelines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cpp.run.process import SECONDS, Start, complaint, pictures, report


def test_a_pipeline(start: Start) -> None:
    text = "videotestsrc is-live=true num-buffers=20 ! video/x-raw,width=320,height=240 ! videoconvert ! appsink"
    process = start(text)
    out, error = process.communicate(timeout=SECONDS)
    if "did not start" in error:
        pytest.skip("OpenCV here has no GStreamer, or GStreamer no videotestsrc")
    found = json.loads(out)
    assert (process.returncode, found["ended"]["how"]) == (0, "end_of_file")
    assert found["frames"] + found["dropped"] + found["skipped"]["before_start"] <= 20
    assert "no pipeline" in complaint(start("videotestsrc ! fakesink"))
    assert "did not start" in complaint(start("videotestsrc ! nothing-of-this-name ! appsink"))


def test_a_grey_pipeline_gives_the_masks_of_its_colours(start: Start, tmp_path: Path) -> None:
    source = "videotestsrc num-buffers=3 pattern=gradient ! video/x-raw,format={},width=320,height=240 ! {}appsink"
    process = start(source.format("GRAY8", ""), "--masks", "grey")
    out, error = process.communicate(timeout=SECONDS)
    if "did not start" in error:
        pytest.skip("OpenCV here has no GStreamer, or GStreamer no videotestsrc")
    assert process.returncode == 0, error
    found = json.loads(out)
    assert (found["width"], found["height"], found["ended"]["how"]) == (320, 240, "end_of_file")
    process = start(source.format("GRAY8", "videoconvert ! video/x-raw,format=BGR ! "), "--masks", "colours")
    assert report(process)["ended"]["how"] == "end_of_file"
    grey, colours = ({*pictures(tmp_path / name).values()} for name in ("grey", "colours"))
    assert grey == colours
    assert len(grey) == 1
    assert "no pictures in BGR or grey" in complaint(start(source.format("I420", "")))
