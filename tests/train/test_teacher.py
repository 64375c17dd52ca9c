from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, UsageError
from edgeseg.segmenter import load
from edgeseg.spec import Spec
from edgeseg.train.data import VOID
from edgeseg.train.settings import TrainSettings
from edgeseg.train.teacher import Teacher, soft_loss

SETTINGS = TrainSettings(soft=0.5, temperature=3.0)
MakeBundle = Callable[[Path, Spec], Bundle]


def reference(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """Pixel by pixel, in float64: sum of p ln(p / q), p the teacher's probabilities."""
    total, known = 0.0, 0
    for image, row, column in np.ndindex(*labels.shape):
        if labels[image, row, column] != VOID:
            q, p = (np.exp(each[image, :, row, column].astype(float) / temperature) for each in (student, teacher))
            total += float((p / p.sum() * np.log((p / p.sum()) / (q / q.sum()))).sum())
            known += 1
    return temperature**2 * total / max(1, known)


@given(seed=st.integers(0, 2**32), temperature=st.sampled_from([0.5, 1.0, 4.0]))
def test_loss_is_the_formula(seed: int, temperature: float) -> None:
    random = torch.Generator().manual_seed(seed)
    student, teacher = (torch.randn(2, 3, 4, 5, generator=random) * 3 for _ in range(2))
    labels = torch.randint(0, 4, (2, 4, 5), generator=random).to(torch.uint8)
    labels[labels == 3] = VOID
    loss = float(soft_loss(student, teacher, labels, (1, 1), temperature))
    assert loss == pytest.approx(reference(student.numpy(), teacher.numpy(), labels.numpy(), temperature), rel=1e-3)


@pytest.mark.parametrize(("strides", "grid"), [((2, 2), 2), ((2, 4), 2), ((4, 2), 2), ((1, 4), 1), ((8, 4), 4)])
def test_logits_of_other_strides_are_compared_at_the_finer_grid(strides: tuple[int, int], grid: int) -> None:
    height, width = 16, 24
    ours, theirs = (torch.randn(1, 3, height // stride, width // stride) for stride in strides)
    labels = torch.zeros(1, height, width, dtype=torch.uint8)
    student, teacher = (
        torch.nn.functional.interpolate(each, (height // grid, width // grid), mode="bilinear", align_corners=False)
        for each in (ours, theirs)
    )
    expected = soft_loss(student, teacher, labels[:, ::grid, ::grid], (1, 1), 2.0)
    assert float(soft_loss(ours, theirs, labels, strides, 2.0)) == pytest.approx(float(expected), rel=1e-4)


def test_a_crop_without_labels_gives_zero_and_no_nan() -> None:
    student = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = soft_loss(student, torch.randn(1, 3, 4, 4), torch.full((1, 4, 4), VOID, dtype=torch.uint8), (1, 1), 2.0)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert student.grad is not None
    assert not student.grad.any()


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: MakeBundle) -> Path:
    make_bundle(tmp_path / "teacher", replace(spec, width=32, height=16))
    return tmp_path / "teacher"


def test_a_student_that_says_the_same_has_nothing_to_learn(bundle: Path, spec: Spec) -> None:
    teacher = Teacher(str(bundle), spec.classes, (32, 16), SETTINGS)
    frames = torch.randint(0, 256, (2, 16, 32, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    labels = torch.zeros(2, 16, 32, dtype=torch.uint8)
    logits = torch.from_numpy(np.concatenate([teacher.logits(each.permute(1, 2, 0).numpy()) for each in frames]))
    assert float(teacher.loss(logits, 4, frames, labels)) == pytest.approx(0, abs=1e-6)
    other = logits.roll(1, 1)
    expected = 0.5 * soft_loss(other, logits, labels, (4, 4), 3.0)
    assert float(teacher.loss(other, 4, frames, labels)) == pytest.approx(float(expected), rel=1e-5)
    assert teacher.about == {"bundle": "tiny", "sha256": Bundle.open(bundle).artifacts[0].sha256}


@pytest.mark.parametrize(("stride", "step"), [(4, 4), (2, 2), (3, 1)])
def test_one_for_larger_frames_sees_the_crop_enlarged(
    tmp_path: Path, spec: Spec, make_bundle: MakeBundle, stride: int, step: int
) -> None:
    make_bundle(tmp_path / "large", replace(spec, width=64, height=32))
    teacher = Teacher(str(tmp_path / "large"), spec.classes, (32, 16), SETTINGS)
    assert teacher.about["size"] == "64x32"
    frame = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
    large = np.asarray(cv2.resize(frame, (64, 32), interpolation=cv2.INTER_LINEAR), np.uint8)
    theirs = torch.from_numpy(teacher.logits(large))
    student = torch.randn(1, 3, -(-16 // stride), -(-32 // stride))
    labels = torch.zeros(1, 16, 32, dtype=torch.uint8)
    size = 16 // step, 32 // step
    grid = torch.nn.functional.interpolate(theirs, size, mode="bilinear", align_corners=False)
    expected = 0.5 * soft_loss(student, grid, labels, (stride, step), 3.0)
    frames = torch.from_numpy(frame)[None].permute(0, 3, 1, 2)
    assert float(teacher.loss(student, stride, frames, labels)) == pytest.approx(float(expected), rel=2e-2)


def test_it_sees_a_frame_and_its_mirror_image(bundle: Path, spec: Spec) -> None:
    teacher, model = Teacher(str(bundle), spec.classes, (32, 16), SETTINGS), load(bundle, precision="fp32")
    frame = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
    mirror = np.ascontiguousarray(frame[:, ::-1])
    assert np.allclose(teacher.logits(frame), (model.logits(frame) + model.logits(mirror)[..., ::-1]) / 2)
    assert np.allclose(teacher.logits(mirror), teacher.logits(frame)[..., ::-1], atol=1e-6)
    assert not np.allclose(teacher.logits(frame), model.logits(frame))


def test_without_a_common_grid_it_sees_the_frame_alone(
    tmp_path: Path, spec: Spec, make_bundle: MakeBundle
) -> None:
    make_bundle(tmp_path / "odd", replace(spec, width=30, height=16))
    teacher = Teacher(str(tmp_path / "odd"), spec.classes, (30, 16), SETTINGS)
    frame = np.random.default_rng(0).integers(0, 256, (16, 30, 3), np.uint8)
    assert np.array_equal(teacher.logits(frame), load(tmp_path / "odd", precision="fp32").logits(frame))


def test_a_teacher_of_other_classes_or_sizes_is_refused(
    bundle: Path, tmp_path: Path, spec: Spec, make_bundle: MakeBundle
) -> None:
    with pytest.raises(UsageError, match="knows the classes"):
        Teacher(str(bundle), ("road", "sky"), (32, 16), SETTINGS)
    with pytest.raises(UsageError, match="--crop 32x16"):
        Teacher(str(bundle), spec.classes, (30, 16), SETTINGS)
    make_bundle(tmp_path / "odd", replace(spec, width=30, height=15))
    with pytest.raises(UsageError, match="does not divide its frames of 30x15"):
        Teacher(str(tmp_path / "odd"), spec.classes, (20, 10), SETTINGS)
    with pytest.raises(UsageError, match="smaller than the crops of 64x32"):
        Teacher(str(bundle), spec.classes, (64, 32), SETTINGS)
    with pytest.raises(BundleError):
        Teacher("no-such-bundle", spec.classes, (32, 16), SETTINGS)
