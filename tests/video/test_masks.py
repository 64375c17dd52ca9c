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


LABELS = ("rust", "crack/old")
OVERLAPPING = np.stack([MASK > 100, MASK > 200]).astype(np.uint8)


def test_labels_that_may_overlap_have_a_folder_each(tmp_path: Path) -> None:
    writer = MaskWriter(tmp_path / "masks")
    writer.write(OVERLAPPING, 7, None, LABELS)
    writer.write(OVERLAPPING[::-1], 8, "photo", LABELS)
    writer.close()
    found = sorted(str(path.relative_to(tmp_path / "masks")) for path in (tmp_path / "masks").rglob("*.png"))
    assert found == ["crack%2Fold/000007.png", "crack%2Fold/photo.png", "rust/000007.png", "rust/photo.png"]
    for folder, plane in zip(("rust", "crack%2Fold"), OVERLAPPING, strict=True):
        image = np.asarray(cv2.imread(str(tmp_path / "masks" / folder / "000007.png"), cv2.IMREAD_UNCHANGED))
        assert np.array_equal(image, 255 * plane)
    again = MaskWriter(tmp_path / "masks", overwrite=True)
    again.write(OVERLAPPING, 7, None, LABELS)
    again.close()
    assert again.warnings == [f"{tmp_path / 'masks'} also holds 2 files not of this run"]


def test_a_file_in_the_place_of_a_labels_folder(tmp_path: Path) -> None:
    writer = MaskWriter(tmp_path)
    (tmp_path / "rust").touch()
    with pytest.raises(OutputError, match=r"cannot make the folder .*rust"):
        writer.write(OVERLAPPING, 0, None, LABELS)


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
    assert second.warnings == [f"{tmp_path} also holds 2 files not of this run"]
    assert np.array_equal(np.asarray(cv2.imread(str(tmp_path / "000000.png"), -1)), MASK // 2)
    assert len(list(tmp_path.iterdir())) == 3


def test_hidden_files_do_not_count_and_leftovers_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".keep").touch()
    (tmp_path / ".000007.0123456789abcdef.tmp.png").write_bytes(b"half")
    MaskWriter(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == [".keep"]
