from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edgeseg.files import read_file


def test_a_file_comes_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    assert read_file(path, 2**60) == b"12345"  # the limit is no memory that is asked for
    with pytest.raises(OSError, match="it has 5 bytes, expected at most 4"):
        read_file(path, 4)


def test_links_to_files_serve(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "link", 1) == b"x"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        read_file(tmp_path / "loop", 1)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="no file"):
            read_file(path, 10)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, 10)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="No such device"):
            read_file(tmp_path / "socket", 10)


def test_files_without_a_size_are_bounded_too() -> None:
    with pytest.raises(OSError, match="expected at most 3"):
        read_file(Path("/proc/self/status"), 3)
    assert read_file(Path("/proc/self/status"), 2**20).startswith(b"Name:")
