from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg import rename
from edgeseg.rename import exchange, rename_to_free


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    return tmp_path / "a", tmp_path / "b"


def test_exchange(files: tuple[Path, Path]) -> None:
    a, b = files
    if not exchange(a, b):
        pytest.skip("this kernel or file system does not swap names")
    assert (a.read_text(), b.read_text()) == ("b", "a")
    with pytest.raises(FileNotFoundError):
        exchange(a, b.with_name("missing"))


@pytest.mark.parametrize("kernel", [True, False])
def test_rename_to_a_free_name(files: tuple[Path, Path], kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = files
    if not kernel:
        monkeypatch.setattr(rename, "_renameat2", lambda: None)
    with pytest.raises(FileExistsError):
        rename_to_free(a, b)
    assert b.read_text() == "b"
    rename_to_free(a, b.with_name("c"))
    assert (b.with_name("c").read_text(), a.exists()) == ("a", False)
    b.with_name("d").symlink_to("nowhere")
    with pytest.raises(FileExistsError):  # a link is a name too, wherever it leads
        rename_to_free(b, b.with_name("d"))


def test_without_the_call_nothing_is_exchanged(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rename, "_renameat2", lambda: None)
    assert not exchange(*files)
    assert files[0].read_text() == "a"
