from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, UsageError
from edgeseg.segmenter import load
from edgeseg.spec import Head, Spec
from edgeseg.train.teacher import Teacher

MakeBundle = Callable[[Path, Spec], Bundle]
PICTURE = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: MakeBundle) -> Path:
    make_bundle(tmp_path / "teacher", replace(spec, width=32, height=16))
    return tmp_path / "teacher"


def test_it_sees_a_picture_and_its_mirror_image(bundle: Path, spec: Spec) -> None:
    teacher, model = Teacher(str(bundle), spec.classes, (32, 16)), load(bundle, precision="fp32")
    assert teacher.grid(32, 16) == (8, 4)
    mirror = np.ascontiguousarray(PICTURE[:, ::-1])
    expected = (model.logits(PICTURE) + model.logits(mirror)[..., ::-1]) / 2
    assert np.allclose(teacher.logits(PICTURE, 8, 4), expected[0], atol=1e-5)
    assert np.allclose(teacher.logits(mirror, 8, 4), expected[0, ..., ::-1], atol=1e-5)
    assert not np.allclose(expected, model.logits(PICTURE), atol=1e-3)


def test_on_a_finer_grid_its_logits_are_those_between(bundle: Path, spec: Spec) -> None:
    teacher = Teacher(str(bundle), spec.classes, (32, 16))
    coarse, fine = teacher.logits(PICTURE, 8, 4), teacher.logits(PICTURE, 24, 12)
    expected = cv2.resize(coarse.transpose(1, 2, 0), (24, 12), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
    assert np.allclose(fine, expected, atol=1e-4)


def test_of_a_letterboxed_picture_only_what_it_shows_counts(
    tmp_path: Path, spec: Spec, make_bundle: MakeBundle
) -> None:
    make_bundle(tmp_path / "wide", replace(spec, width=48, height=16, resize="letterbox"))
    teacher = Teacher(str(tmp_path / "wide"), spec.classes, (32, 16))
    assert teacher.about["size"] == "48x16"
    assert teacher.grid(32, 16) == (8, 4)
    model = load(tmp_path / "wide", precision="fp32")
    mirror = np.ascontiguousarray(PICTURE[:, ::-1])
    shown, mirrored = (model.logits(each)[0, :, :, :8] for each in (PICTURE, mirror))
    middle = (shown + mirrored[..., ::-1]) / 2
    assert np.allclose(teacher.logits(PICTURE, 8, 4), middle, atol=1e-5)


def test_teachers_of_another_purpose_are_refused(
    bundle: Path, tmp_path: Path, spec: Spec, make_bundle: MakeBundle
) -> None:
    with pytest.raises(UsageError, match="knows the classes"):
        Teacher(str(bundle), ("road", "sky"), (32, 16))
    make_bundle(tmp_path / "overlapping", replace(spec, head=Head(kind="multi-label", exclusive=False)))
    with pytest.raises(UsageError, match="labels that may overlap"):
        Teacher(str(tmp_path / "overlapping"), spec.classes, (32, 16))
    with pytest.raises(BundleError):
        Teacher("no-such-bundle", spec.classes, (32, 16))
