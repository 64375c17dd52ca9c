from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.temporary import Temporary, in_work, orphans

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


def left(folder: Path, kind: str = "part") -> list[tuple[str, str]]:
    return [(path.name, target.name) for path, target, _ in orphans(folder, kind)]


@given(NAMES.filter(lambda name: name not in (".", "..")))
def test_what_is_abandoned_says_which_name_it_was_to_get(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("names")
    temporary = Temporary(folder / name, "part")
    assert left(folder) == []
    assert in_work(folder / name, "part")
    temporary.release()
    assert left(folder) == [(temporary.path.name, name)]
    assert left(folder, "tmp") == []
    assert not in_work(folder / name, "part")


def test_of_two_finders_one_has_it(tmp_path: Path) -> None:
    Temporary(tmp_path / "out.mp4", "part").release()
    leftovers = orphans(tmp_path, "part")
    next(leftovers)
    assert left(tmp_path) == []
    leftovers.close()  # type: ignore[attr-defined]  # a generator
    assert len(left(tmp_path)) == 1


def test_links_and_what_is_gone_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "victim").touch()
    (tmp_path / ".out.0123456789abcdef.part.mp4").symlink_to("victim")
    assert left(tmp_path) == []
    assert left(tmp_path / "missing") == []


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """And a child that it started does not hold it any longer."""
    code = """
import sys, subprocess
from pathlib import Path
from edgeseg.temporary import Temporary
made = Temporary(Path(sys.argv[1]) / "out.mp4", "part")
child = subprocess.Popen(["sleep", "5"], close_fds=False, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert left(tmp_path) == []
        process.kill()
        process.wait()
        assert len(left(tmp_path)) == 1
    os.kill(child, 9)


def test_a_folder_that_is_swept_as_it_is_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    mkdir = Path.mkdir

    def swept_once(path: Path, mode: int) -> None:
        mkdir(path, mode)
        made.append(path)
        if len(made) == 1:
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", swept_once)
    temporary = Temporary(tmp_path / "out", "part", folder=True)
    assert temporary.path == made[1]
    assert temporary.path.is_dir()
    temporary.release()
