"""One worker, in this process: what comes of a task, also of one whose worker died before."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")

from edgeseg.archive.piece import segment
from edgeseg.archive.settings import Loading, Settings
from edgeseg.archive.tasks import Begun, Failed, Finished, Inseparable, Made, Outcome, Task
from edgeseg.archive.videos import Video
from edgeseg.archive.worker import Worker
from edgeseg.bundle import Bundle
from edgeseg.video.encoders import Encoder, choose
from edgeseg.video.open import open_source
from tests.video.conftest import held

MakeWorker = Callable[..., Worker]

CLUSTER = b"\x1f\x43\xb6\x75"
"""The element of Matroska that holds some seconds of frames (RFC 9559, 5.1.3)."""


@pytest.fixture
def make_worker(tiny: str, tmp_path: Path) -> MakeWorker:
    """`make_worker(piece, overlay=False)`: a worker with the tiny network; its results lie in "out"."""

    def make(piece: float, overlay: bool = False) -> Worker:
        opened = Bundle.open(tiny)
        settings = Settings(opened.spec.name, "onnxruntime", "fp32", opened.artifacts[0].sha256, overlay)
        return Worker(tmp_path / "out", Loading(tiny, settings), piece, Mock())

    return make


def of(path: Path) -> Video:
    return Video(path.name, path, path.stat().st_size)


def do_all(worker: Worker, video: Video) -> Outcome:
    """A video's tasks in their order, up to the one that does not come to what is expected of it."""
    outcome = worker.do(Task("begin", video))
    if isinstance(outcome, Begun):
        for number in sorted(set(range(outcome.pieces)) - outcome.finished):
            made = worker.do(Task("piece", video, number))
            if not isinstance(made, Made):
                return made
        return worker.do(Task("join", video))
    return outcome


@pytest.fixture
def cut_off(make_video: Callable[..., Path], tmp_path: Path) -> Path:
    """A video whose recorder lost its power: it ends between two clusters, and announces more."""
    video = make_video(tmp_path / "in.mkv", 400)
    content = video.read_bytes()
    video.write_bytes(content[: content.rindex(CLUSTER)])
    return video


def test_a_cut_video_that_ends_early_says_so(make_worker: MakeWorker, cut_off: Path) -> None:
    with open_source(cut_off) as source:
        frames = len(list(source))
    assert "damaged or ends early" in source.warnings[0]
    outcome = do_all(make_worker(piece=2.0), of(cut_off))
    assert isinstance(outcome, Finished)
    assert (outcome.frames, outcome.warnings) == (frames, tuple(source.warnings))


def test_a_cut_video_whose_last_frame_stays_does_not_end_early(make_worker: MakeWorker, tmp_path: Path) -> None:
    outcome = do_all(make_worker(piece=0.1), of(held(tmp_path / "in.mp4")))
    assert isinstance(outcome, Finished)
    assert (outcome.frames, outcome.warnings) == (10, ())


def test_warnings_outlive_the_worker(make_worker: MakeWorker, cut_off: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = make_worker(piece=60.0)
    with monkeypatch.context() as patch:
        patch.setattr("edgeseg.archive.worker.join", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            do_all(worker, of(cut_off))
    outcome = do_all(worker, of(cut_off))
    assert isinstance(outcome, Finished)
    assert outcome.frames
    assert "ends early" in outcome.warnings[0]


@pytest.mark.parametrize(("change", "said"), [({"sha256": "0" * 64}, "sha256"), ({"overlay": True}, "overlay false")])
def test_results_of_other_settings_are_not_mixed_without_the_run(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    """Its own folder, .batch, is hidden: a user may have removed it."""
    video = of(make_video(tmp_path / "in.mkv", 8))
    worker = make_worker(piece=60.0)
    assert isinstance(worker.do(Task("begin", video)), Finished)
    again = worker.do(Task("begin", video))
    assert isinstance(again, Finished)
    assert again.earlier
    worker._settings = replace(worker._settings, **change)
    failed = worker.do(Task("begin", video))
    assert isinstance(failed, Failed)
    assert f"the results in {tmp_path / 'out/in.mkv'} were begun with {said}" in failed.reason


@pytest.mark.parametrize("kind", ["begin", "whole"])
def test_a_video_that_is_still_written_is_no_result(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    path = make_video(tmp_path / "in.mkv", 8)
    worker = make_worker(piece=60.0)

    def grow(*arguments: Any, **options: Any) -> Any:
        work = segment(*arguments, **options)
        make_video(path, 12)
        return work

    with monkeypatch.context() as patch:
        patch.setattr("edgeseg.archive.worker.segment", grow)
        failed = worker.do(Task(kind, of(path)))
    assert isinstance(failed, Failed)
    assert failed.reason == f"{path} changed while it was segmented; run the same command again"
    assert not (tmp_path / "out/in.mkv").exists()
    finished = worker.do(Task("begin", of(path)))
    assert isinstance(finished, Finished)
    assert finished.frames == 12


def test_a_join_whose_worker_died_as_it_tidied_up(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    video = of(make_video(tmp_path / "in.mkv", 30))
    worker = make_worker(piece=0.4)
    first = do_all(worker, video)
    assert isinstance(first, Finished)
    again = worker.do(Task("join", video))
    assert isinstance(again, Finished)
    assert (again.frames, again.earlier) == (30, False)  # this run has made them, in pieces that are counted


def test_a_piece_whose_worker_died_before_it_could_say_so_is_counted(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    worker, video = make_worker(piece=0.4), of(make_video(tmp_path / "in.mp4", 30))
    assert isinstance(worker.do(Task("begin", video)), Begun)
    made = worker.do(Task("piece", video, 1))
    again = worker.do(Task("piece", video, 1))
    assert isinstance(made, Made)
    assert isinstance(again, Made)
    assert (made.work.frames, again.work.frames) == (10, 10)
    assert made.work.seconds
    assert not again.work.seconds


@pytest.mark.parametrize("last", ["0000", "plan.json"])
def test_a_whole_whose_worker_died_as_it_removed_the_pieces(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path, last: str
) -> None:
    """Which of them is left, is by chance; none may pass for the whole."""
    video = of(make_video(tmp_path / "in.mkv", 30))
    worker = make_worker(piece=0.4)
    assert isinstance(worker.do(Task("begin", video)), Begun)
    for number in (0, 1):
        assert isinstance(worker.do(Task("piece", video, number)), Made)
    for path in (tmp_path / "out/.batch/in.mkv").iterdir():
        if path.name != last:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    outcome = worker.do(Task("whole", video))
    assert isinstance(outcome, Finished)
    assert (outcome.frames, outcome.work.frames) == (30, 30)


def test_a_whole_whose_worker_died_later(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    video = of(make_video(tmp_path / "in.mkv", 30))
    worker = make_worker(piece=0.4)
    assert isinstance(worker.do(Task("begin", video)), Begun)
    for earlier in (False, True):
        outcome = worker.do(Task("whole", video))
        assert isinstance(outcome, Finished)
        assert (outcome.frames, outcome.earlier) == (30, earlier)


def test_overlays_of_different_encoders_are_done_as_a_whole(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of machines that have others, or of frames whose size changes just at a cut."""
    video = of(make_video(tmp_path / "in.mkv", 30))
    worker = make_worker(piece=0.4, overlay=True)
    with monkeypatch.context() as patch:
        codecs = iter(("libx264", "mpeg4", "libx264"))
        encoders = {"libx264": Encoder("libx264", "h264"), "mpeg4": Encoder("mpeg4", "mpeg4", quality=None)}
        patch.setattr("edgeseg.archive.piece.choose", lambda *_, **__: (encoders[next(codecs)], []))
        assert isinstance(do_all(worker, video), Inseparable)
    outcome = worker.do(Task("whole", video))
    assert isinstance(outcome, Finished)
    with open_source(tmp_path / "out/in.mkv/overlay.mkv") as overlays:
        assert len(list(overlays)) == outcome.frames == 30


def test_pieces_are_encoded_in_software(
    make_worker: MakeWorker, make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card takes few videos at once, and the pieces beyond these would be of another encoder."""
    seen = Mock(side_effect=choose)
    monkeypatch.setattr("edgeseg.archive.piece.choose", seen)
    video = of(make_video(tmp_path / "in.mkv", 30))
    assert isinstance(do_all(make_worker(piece=0.4, overlay=True), video), Finished)
    assert [call.kwargs["hardware"] for call in seen.call_args_list] == [False] * 3
    whole = of(make_video(tmp_path / "whole.mkv", 10))
    assert isinstance(do_all(make_worker(piece=0.4, overlay=True), whole), Finished)
    assert seen.call_args_list[3].kwargs["hardware"]
