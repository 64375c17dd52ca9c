from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import OutputError
from edgeseg.video.masks import MaskWriter

MASK = np.random.default_rng(0).integers(0, 256, (37, 53), np.uint8)


def test_masks_are_lossless(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "masks"
    writer = MaskWriter(folder)
    assert writer.paths == []
    writer.write(MASK, 42)
    writer.write(MASK, 43, "photo.a")
    writer.close()
    for name in ("000042.png", "photo.a.png"):
        assert np.array_equal(np.asarray(cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)), MASK)
    assert len(list(folder.iterdir())) == 2
    assert (writer.paths, writer.warnings) == ([folder], [])


def test_masks_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "masks").touch()
    for name in ("masks", "x" * 300):
        with pytest.raises(OutputError, match="cannot make the folder"):
            MaskWriter(tmp_path / name)


def test_no_mask_leaves_no_folder_of_its_own(tmp_path: Path) -> None:
    MaskWriter(tmp_path / "masks").close()
    assert not list(tmp_path.iterdir())
    MaskWriter(tmp_path).close()
    assert tmp_path.is_dir()


def test_masks_of_two_runs_do_not_mix(tmp_path: Path) -> None:
    first = MaskWriter(tmp_path)
    for index in range(3):
        first.write(MASK, index)
    first.close()
    with pytest.raises(OutputError, match=r"holds 3 files already.*--overwrite"):
        MaskWriter(tmp_path)
    second = MaskWriter(tmp_path, overwrite=True)
    second.write(MASK // 2, 0)
    second.close()
    assert second.warnings == [f"{tmp_path} also holds 2 files that are not of this run"]
    assert np.array_equal(np.asarray(cv2.imread(str(tmp_path / "000000.png"), -1)), MASK // 2)
    assert len(list(tmp_path.iterdir())) == 3


def test_hidden_files_do_not_count_and_leftovers_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".keep").touch()
    (tmp_path / ".000007.0123456789abcdef.tmp.png").write_bytes(b"half")
    MaskWriter(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == [".keep"]
