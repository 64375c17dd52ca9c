"""Opening an encoder leaves the scheduling of every thread as it was."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.video import scheduling


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's threads become real-time")
@pytest.mark.parametrize("policy", [os.SCHED_OTHER, os.SCHED_BATCH])
def test_svt_av1_makes_no_thread_real_time(tmp_path: Path, policy: int) -> None:
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("this FFmpeg is built without libsvtav1")
    own, parameters, before = os.sched_getscheduler(0), os.sched_getparam(0), threads()
    os.sched_setscheduler(0, policy, os.sched_param(0))
    try:
        with av.open(tmp_path / "a.mkv", "w") as container:
            stream = container.add_stream("libsvtav1", rate=25, width=64, height=64, pix_fmt="yuv420p")
            with scheduling.unchanged():
                container.start_encoding()
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
            assert len(threads() - before) > 1
            assert {os.sched_getscheduler(thread) for thread in (threads() - before) | {os.getpid()}} == {policy}
            container.mux(stream.encode(None))
    finally:
        os.sched_setscheduler(0, own, parameters)


def test_an_error_passes_through() -> None:
    with pytest.raises(ValueError, match="no such codec"), scheduling.unchanged():
        raise ValueError("no such codec")


def threads() -> set[int]:
    return {int(task.name) for task in Path("/proc/self/task").iterdir()}
