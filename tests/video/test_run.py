"""The main job from end to end, with a fake model."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from edgeseg.errors import OutputError, SourceError, UsageError
from edgeseg.video import run as run_module
from edgeseg.video.open import open_source
from edgeseg.video.options import StreamOptions
from edgeseg.video.outputs import Outputs, check_outputs
from edgeseg.video.recording import Recording
from edgeseg.video.report import Report
from edgeseg.video.source import Ended, Source

MakeModel = Callable[..., Any]
MakeVideo = Callable[..., Path]
Shades = Callable[..., Iterator[NDArray[np.uint8]]]

pytestmark = pytest.mark.usefixtures("no_thread_left")


def run(
    model: Any,
    source: Any,
    *,
    out: Path | None = None,
    masks: Path | None = None,
    show: bool = False,
    **options: Any,
) -> Report:
    """As `edgeseg run` does it, without a progress bar."""
    opened = source if isinstance(source, Source) else open_source(source)
    with opened, Outputs(opened, out=out, masks=masks, show=show) as outputs:
        return run_module.run(model, opened, outputs, StreamOptions(**options))


def length(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_video_to_video_and_masks(tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo) -> None:
    out, masks = tmp_path / "out.mp4", tmp_path / "masks"
    report = run(make_shade_model(), make_video(tmp_path / "in.mp4"), out=out, masks=masks)
    assert length(out) == report.frames == 20
    assert sorted(path.name for path in masks.iterdir()) == [f"{number:06d}.png" for number in range(20)]
    for number in range(20):
        mask = cv2.imread(str(masks / f"{number:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        assert round(float(mask.mean()) / 10) == number
    assert report.outputs == (str(out), str(masks))
    assert report.ended == Ended("end_of_file")
    assert not report.warnings
    assert not any(report.skipped.values())


def test_report_as_json(tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo) -> None:
    report = run(make_shade_model(), make_video(tmp_path / "in.mp4"), max_frames=7, out=tmp_path / "out.mp4")
    data = json.loads(json.dumps(report.to_json()))
    assert data["frames"] == 7
    assert data["dropped"] == 0
    assert data["fps"] > 0
    assert set(data["stages"]) == {"capture", "prepare", "infer", "kernel", "write"}
    for stage in (*data["stages"].values(), data["capture_to_mask"]):
        assert stage["count"] == 7
        assert 0 < stage["p50"] <= stage["p95"] <= stage["p99"]
    assert data["warnings"] == []
    assert data["failures"] == []
    assert data["ended"] == {"how": "stopped", "reason": "after 7 frames, as asked"}
    assert length(tmp_path / "out.mp4") == 7


def test_image_to_image(tmp_path: Path, make_shade_model: MakeModel) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), np.full((5, 7, 3), 100, np.uint8))
    run(make_shade_model(), tmp_path / "in.png", out=tmp_path / "out.png", masks=tmp_path / "masks", alpha=0.2)
    overlay = cv2.imread(str(tmp_path / "out.png"))
    assert overlay is not None
    assert (overlay == 80).all()
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["in.png"]


def test_table(tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo) -> None:
    report = run(make_shade_model(), make_video(tmp_path / "in.mp4"))
    console = Console(width=100)
    with console.capture() as shown:
        console.print(report.table())
    assert "20 frames" in shown.get()
    assert replace(report, frames=1).table().title == f"1 frame, {report.fps:.1f} fps, 0 dropped"
    for name in ("capture", "prepare", "infer", "kernel", "capture to mask", "p50", "p95", "p99"):
        assert name in shown.get()


def test_early_end_keeps_the_output(tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo) -> None:
    """A Matroska file cut off in the middle still announces its full length."""
    path = make_video(tmp_path / "in.mkv", count=400)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report = run(make_shade_model(), path, out=tmp_path / "out.mp4")
    assert 10 < report.frames < 390
    assert length(tmp_path / "out.mp4") == report.frames
    assert len(report.warnings) == 1


def test_outputs_never_replace_the_source(tmp_path: Path, make_video: MakeVideo) -> None:
    video = make_video(tmp_path / "in.mp4")
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "1.png"), np.full((6, 8, 3), 9, np.uint8))
    with pytest.raises(UsageError, match="is the source itself"):
        check_outputs(str(video), tmp_path / "images" / ".." / "in.mp4", None)
    for source in (images, images / "1.png"):
        with pytest.raises(UsageError, match="would replace the images"):
            check_outputs(source, None, images)


def test_outputs_never_share_a_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--out and --masks both name"):
        check_outputs("0", tmp_path / "a.mp4", tmp_path / "b" / ".." / "a.mp4")


@pytest.mark.parametrize("out", ["none/out.mp4", "out.txt", "out.png"])
def test_unwritable_output_fails_before_any_work(
    tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo, out: str
) -> None:
    source = make_video(tmp_path / "in.mp4")

    def work(_: int) -> None:
        raise AssertionError("a frame was segmented")

    with pytest.raises(OutputError):
        run(make_shade_model(work), source, out=tmp_path / out, masks=tmp_path / "masks")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_unwritable_masks_leave_no_video(tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo) -> None:
    source = make_video(tmp_path / "in.mp4")
    (tmp_path / "masks").touch()
    with pytest.raises(OutputError, match="for masks"):
        run(make_shade_model(), source, out=tmp_path / "out.mp4", masks=tmp_path / "masks")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "masks"]


def test_error_in_the_model_keeps_what_came_before(
    tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo
) -> None:
    def work(level: int) -> None:
        if level > 100:
            raise ZeroDivisionError

    source = make_video(tmp_path / "in.mp4")
    with pytest.raises(ZeroDivisionError):
        run(make_shade_model(work), source, out=tmp_path / "out.mp4", workers=1)
    assert 0 < length(tmp_path / "out.mp4") <= 11
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_error_in_the_source_is_not_taken_for_one_of_the_output(tmp_path: Path, make_shade_model: MakeModel) -> None:
    """SourceError is an OSError too, as errors of writing are."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.zeros((6, 8, 3), np.uint8))
    (folder / "2.png").write_bytes(b"not a PNG")
    with pytest.raises(SourceError, match=r"2\.png cannot be decoded"):
        run(make_shade_model(), folder, masks=tmp_path / "masks")
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["1.png"]


def test_error_in_the_writer(tmp_path: Path, make_shade_model: MakeModel, shades: Shades, monkeypatch: Any) -> None:
    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(Recording, "write", full)
    report = run(make_shade_model(), shades(10**9), out=tmp_path / "out.mp4")
    assert report.failures == ("the disk is full",)
    assert report.ended == Ended("stopped", "no output can be written any more")
    assert not list(tmp_path.iterdir())


def test_one_output_goes_on_when_another_fails(
    tmp_path: Path, make_shade_model: MakeModel, shades: Shades, monkeypatch: Any
) -> None:
    write = Recording.write

    def full(recording: Recording, image: NDArray[np.uint8], timestamp: float, captured: float) -> None:
        if timestamp >= 0.4:
            raise OutputError("the disk is full")
        write(recording, image, timestamp, captured)

    monkeypatch.setattr(Recording, "write", full)
    report = run(make_shade_model(), shades(50), out=tmp_path / "out.mp4", masks=tmp_path / "masks")
    assert report.failures == ("the disk is full",)
    assert report.ended == Ended("end_of_file")
    assert report.frames == len(list((tmp_path / "masks").iterdir())) == 50
    assert length(tmp_path / "out.mp4") == 10


def test_a_defect_in_a_writer_is_no_failure(
    tmp_path: Path, make_shade_model: MakeModel, shades: Shades, monkeypatch: Any
) -> None:
    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Recording, "write", defect)
    with pytest.raises(ZeroDivisionError):
        run(make_shade_model(), shades(10**9), out=tmp_path / "out.mp4")


def test_images_of_several_sizes(tmp_path: Path, make_shade_model: MakeModel, shades: Shades) -> None:
    """Masks have each frame's own size; a video has one, and the next begins another."""
    frames = [*shades(3), *shades(3, height=10)]
    assert run(make_shade_model(), frames, masks=tmp_path / "masks").frames == 6
    masks = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((tmp_path / "masks").iterdir())]
    assert [mask.shape for mask in masks if mask is not None] == [(6, 8)] * 3 + [(10, 8)] * 3
    report = run(make_shade_model(), frames, out=tmp_path / "out.mp4")
    assert report.outputs == (str(tmp_path / "out.mp4"), str(tmp_path / "out-2.mp4"))
    assert [length(Path(path)) for path in report.outputs] == [3, 3]
    assert "8x6 pixels became 8x10" in report.warnings[0]


def test_a_change_of_size_in_mid_stream_is_followed(
    tmp_path: Path, make_shade_model: MakeModel, make_video: MakeVideo
) -> None:
    """MPEG-TS can be joined like text; a broadcast changes so. Masks and overlays have the new size from there on."""
    parts = [make_video(tmp_path / f"{width}.ts", count=8, size=(width, 48)) for width in (64, 96)]
    (tmp_path / "joined.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    report = run(make_shade_model(), tmp_path / "joined.ts", out=tmp_path / "out.mp4", masks=tmp_path / "masks")
    masks = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((tmp_path / "masks").iterdir())]
    widths = [mask.shape[1] for mask in masks if mask is not None]
    assert report.frames == len(widths) == 16
    assert widths == [64] * 8 + [96] * 8
    recordings = [path for path in map(Path, report.outputs) if path.suffix == ".mp4"]
    assert sum(map(length, recordings)) == 16
    assert len(recordings) == 2


def test_ctrl_c_completes_the_output(tmp_path: Path, make_shade_model: MakeModel, shades: Shades) -> None:
    def work(level: int) -> None:
        if level == 100:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    # A shell starts what it runs in the background with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        report = run(make_shade_model(work), shades(250), out=tmp_path / "out.mp4", workers=1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert report.ended == Ended("interrupted", "SIGINT")
    assert 10 < report.frames <= 110
    assert length(tmp_path / "out.mp4") == report.frames


def test_showing_needs_a_display(make_shade_model: MakeModel, shades: Shades, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UsageError, match=r"no windows|no display"):
        run(make_shade_model(), shades(1), show=True)


def test_q_ends_the_run(
    tmp_path: Path, make_shade_model: MakeModel, shades: Shades, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "GUI: QT5")
    shown: list[NDArray[np.uint8]] = []
    monkeypatch.setattr(cv2, "imshow", lambda _, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda _: ord("q") if len(shown) == 5 else -1)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    report = run(make_shade_model(), shades(10**9), show=True, out=tmp_path / "out.mp4")
    assert report.frames == len(shown) == length(tmp_path / "out.mp4") == 5
    assert report.ended == Ended("stopped", "q or Escape was pressed")
