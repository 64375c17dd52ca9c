"""Whatever was written plays: after a full disk, after a kill, after an encoder's failure."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.errors import OutputError
from edgeseg.video.recording import Recording
from edgeseg.video.recovery import finish_orphans
from edgeseg.video.video_file import CONTAINERS

EXTENSIONS = sorted(CONTAINERS)

RECORD = """
import sys, time, numpy as np
from fractions import Fraction
from pathlib import Path
from edgeseg.errors import OutputError
from edgeseg.video.recording import Recording
rng = np.random.default_rng(0)
recording = None
try:
    recording = Recording(Path(sys.argv[1]), 64, 48, Fraction(25))
    for number in range(int(sys.argv[2])):
        image = np.full((48, 64, 3), number % 200, np.uint8)
        image[:16] = rng.integers(0, 256, (16, 64, 3))
        recording.write(image, number / 25)
        if number == 150:
            print("recorded", flush=True)
        if number > 150 and sys.argv[3:]:
            time.sleep(0.02)  # whoever reads it again holds all its frames
    recording.close()
except OutputError as error:
    if recording is not None:
        recording.close()
        print(recording.paths)
    sys.exit(str(error))
"""


def read(path: Path) -> list[NDArray[np.uint8]]:
    """BGR images; their times are checked."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_count = 1
        frames = list(container.decode(video=0))
    assert np.allclose([frame.time for frame in frames], np.arange(len(frames)) / 25, atol=0.001)
    return [np.asarray(frame.to_ndarray(format="bgr24", threads=1), np.uint8) for frame in frames]


def assert_grows(images: list[NDArray[np.uint8]]) -> None:
    assert all(abs(float(image[32:].mean()) - number % 200) < 4 for number, image in enumerate(images))


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("room", [8, 300])
def test_a_full_disk(tmp_path: Path, extension: str, room: int) -> None:
    """On a disk of so many kB a recording ends as an error, and what is there plays. 8 kB hold no second of it."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespace may be made here")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", disk], check=False, capture_output=True)
    if mount.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {mount.stderr.decode().strip()}")
    script = f'mount -t tmpfs -o size={room}k none "$1" && "$2" -c "$3" "$1/out{extension}" 1000; echo $? >"$4/code"; '
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", script + 'cp -a "$1" "$4/left"', "-", disk, sys.executable, RECORD, tmp_path],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (tmp_path / "code").read_text() == "1\n"
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    left = list((tmp_path / "left").iterdir())
    if room == 8:
        assert left == []
        assert "Nothing was recorded" in result.stderr
    else:
        assert [path.name for path in left] == [f"out{extension}"]
        assert "What was recorded before is in" in result.stderr
        images = read(left[0])
        assert len(images) >= 25
        assert_grows(images)


def kill_while_it_records(path: Path) -> int:
    """Kills a process after 150 frames or more; returns its number."""
    command = [sys.executable, "-c", RECORD, str(path), "1000000", "slowly"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"recorded\n"
        os.kill(process.pid, signal.SIGKILL)
    return process.pid


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_next_start_finishes_what_a_killed_process_left(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"out{extension}"
    number = kill_while_it_records(path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.")
    assert str(number) not in left.name.split(".")
    recording = Recording(tmp_path / "next.mp4", 64, 48, Fraction(25))
    assert recording.warnings == [
        f"a recording was left unfinished; it is {path} now, playable to its last second"
    ]
    recording.close()
    assert list(tmp_path.iterdir()) == [path]
    images = read(path)
    assert len(images) >= 100
    assert_grows(images)


def test_a_start_with_the_same_name_keeps_both(tmp_path: Path) -> None:
    """As a container that is killed and started again with the same command, whose process has the same number."""
    path = tmp_path / "out.mp4"
    for _ in range(2):
        kill_while_it_records(path)
    recording = Recording(path, 64, 48, Fraction(25))
    recording.write(np.zeros((48, 64, 3), np.uint8), 0)
    recording.close()
    names = ["out.mp4", "out.recovered-1.mp4", "out.recovered-2.mp4"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    assert [len(read(tmp_path / name)) >= 100 for name in names] == [False, True, True]


def test_process_1_of_a_container(tmp_path: Path) -> None:
    """Where process numbers repeat, the second run neither truncates nor removes what the first left."""
    code = "import os; assert os.getpid() == 1; " + RECORD
    command = ["unshare", "-p", "-f", "--kill-child", sys.executable, "-c", code]
    if not shutil.which("unshare") or subprocess.run(["unshare", "-pf", "true"], check=False).returncode:
        pytest.skip("no process namespace may be made here")
    with subprocess.Popen([*command, tmp_path / "out.mp4", "1000000", "slowly"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"recorded\n"
        process.kill()
    subprocess.run([*command, tmp_path / "out.mp4", "50"], check=True, timeout=60)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.mp4", "out.recovered-1.mp4"]
    assert len(read(tmp_path / "out.mp4")) == 50
    assert len(read(tmp_path / "out.recovered-1.mp4")) >= 100


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_part_that_is_cut_anywhere(tmp_path: Path, extension: str) -> None:
    """However far a disk took the file, what is whole of it plays; what holds no picture goes."""
    whole = tmp_path / f"whole{extension}"
    subprocess.run([sys.executable, "-c", RECORD, whole, "100"], check=True, stdout=subprocess.DEVNULL)
    content = whole.read_bytes()
    whole.unlink()
    counts = []
    for share in (0.0, 0.0001, 0.005, 0.3, 0.5, 0.77, 0.9, 1.0):
        part = tmp_path / f".out.0123456789abcdef.part{extension}"
        part.write_bytes(content[: round(share * len(content))])
        sentences = finish_orphans(tmp_path, tmp_path / "new.mp4")
        left = list(tmp_path.iterdir())
        assert len(left) == len(sentences)
        counts.append(len(read(left[0])) if left else 0)
        if left:
            assert_grows(read(left[0]))
            left[0].unlink()
    assert counts == sorted(counts)
    assert counts[:3] == [0, 0, 0]
    assert 20 <= counts[3] <= 40
    assert counts[-1] == 100


def test_a_fragment_without_its_pictures_is_cut_off(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    subprocess.run([sys.executable, "-c", RECORD, whole, "100"], check=True, stdout=subprocess.DEVNULL)
    content = whole.read_bytes()
    whole.unlink()
    moof = content.rindex(b"moof") - 4
    size = int.from_bytes(content[moof : moof + 4], "big")
    (tmp_path / ".out.0123456789abcdef.part.mp4").write_bytes(content[: moof + size])
    assert len(finish_orphans(tmp_path, tmp_path / "new.mp4")) == 1
    assert (tmp_path / "out.mp4").read_bytes() == content[:moof]


def test_what_cannot_be_judged_now_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine short of memory or threads is no reason to remove a recording."""
    part = tmp_path / ".out.0123456789abcdef.part.mkv"
    subprocess.run([sys.executable, "-c", RECORD, tmp_path / "out.mkv", "30"], check=True, stdout=subprocess.DEVNULL)
    (tmp_path / "out.mkv").rename(part)

    def refuse(*_: Any, **__: Any) -> None:
        raise av.BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(av, "open", refuse)
        (sentence,) = finish_orphans(tmp_path, tmp_path / "new.mp4")
    assert sentence == f"{part}, which was left unfinished, cannot be finished: Resource temporarily unavailable"
    assert len(finish_orphans(tmp_path, tmp_path / "new.mp4")) == 1
    assert len(read(tmp_path / "out.mkv")) == 30


@pytest.mark.parametrize("extension", [".mkv", ".mp4"])
def test_a_disk_that_cannot_be_read_proves_no_lack_of_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    """FFmpeg says EIO of a broken header and of a broken disk; the latter is no reason to remove a recording."""
    whole, part = tmp_path / f"out{extension}", tmp_path / f".out.0123456789abcdef.part{extension}"
    subprocess.run([sys.executable, "-c", RECORD, whole, "30"], check=True, stdout=subprocess.DEVNULL)
    content = whole.read_bytes()
    whole.rename(part)
    read_on = os.pread

    def refuse(*_: Any, **__: Any) -> None:
        raise av.FFmpegError(errno.EIO, "Input/output error")

    def pread(handle: int, count: int, at: int) -> bytes:
        if at + count > len(content) // 2:
            raise OSError(errno.EIO, "Input/output error")
        return read_on(handle, count, at)

    with monkeypatch.context() as patch:
        patch.setattr(av, "open", refuse)
        patch.setattr(os, "pread", pread)
        patch.setattr("edgeseg.video.recovery.CHUNK", 1000, raising=False)
        (sentence,) = finish_orphans(tmp_path, tmp_path / "new.mp4")
    assert sentence == f"{part}, which was left unfinished, cannot be finished: Input/output error"
    assert part.read_bytes() == content
    assert len(finish_orphans(tmp_path, tmp_path / "new.mp4")) == 1
    assert len(read(whole)) == 30


@pytest.mark.parametrize("end", ["close", "full"])
def test_a_name_that_the_disk_cannot_be_made_to_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The file has its name then, and the sentence says which."""
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25))
    for number in range(80):
        recording.write(np.zeros((48, 64, 3), np.uint8), number / 25)

    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    class Broken:
        def encode(self, _: Any) -> Any:
            raise av.FFmpegError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("edgeseg.video.video_file.sync_folder", fail)
    if end == "full":
        monkeypatch.setattr(recording._file, "_stream", Broken())
    with pytest.raises(OutputError, match=rf"record(ing|ed) is in {tmp_path / 'out.mp4'}$"):
        recording.close()
    assert recording.paths == [tmp_path / "out.mp4"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert len(read(tmp_path / "out.mp4")) >= 50


def test_a_folder_that_may_be_written_but_not_read(tmp_path: Path) -> None:
    """As a drop box. root may read everything, unless it gives up that right."""
    folder = tmp_path / "box"
    folder.mkdir()
    command = [sys.executable, "-c", RECORD, str(folder / "out.mp4"), "30"]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may read every folder, and setpriv is not here")
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", *command]
    folder.chmod(0o300)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        folder.chmod(0o700)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in folder.iterdir()] == ["out.mp4"]


def test_a_playlist_laid_where_a_part_would_be_leads_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    subprocess.run([sys.executable, "-c", RECORD, secret, "30"], check=True, stdout=subprocess.DEVNULL)
    for extension in (".mkv", ".mp4"):
        trap = tmp_path / f".out.0123456789abcdef.part{extension}"
        trap.write_text(f"#EXTM3U\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
        assert finish_orphans(tmp_path, tmp_path / "new.mp4") == []
    assert list(tmp_path.iterdir()) == [secret]


def test_an_encoder_that_fails_leaves_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25))
    image = np.zeros((48, 64, 3), np.uint8)
    for number in range(80):
        recording.write(image, number / 25)

    class Broken:
        def encode(self, _: Any) -> Any:
            raise av.FFmpegError(5, "the device is gone")

    monkeypatch.setattr(recording._file, "_stream", Broken())
    with pytest.raises(OutputError, match=r"the device is gone.* recorded before is in .*out\.mp4"):
        recording.write(image, 80 / 25)
    recording.close()
    assert recording.paths == [tmp_path / "out.mp4"]
    assert len(read(tmp_path / "out.mp4")) in (25, 50, 75)


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    """As a memory stick that is pulled: an error that says so, once."""
    folder = tmp_path / "stick"
    folder.mkdir()
    recording = Recording(folder / "out.mp4", 64, 48, Fraction(25))
    recording.write(np.zeros((48, 64, 3), np.uint8), 0)
    shutil.rmtree(folder)
    with pytest.raises(OutputError, match="cannot finish"):
        recording.close()
    recording.close()
    assert recording.paths == []
