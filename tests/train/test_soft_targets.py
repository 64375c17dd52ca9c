from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg.errors import OutputError
from edgeseg.spec import Spec
from edgeseg.train.data import VOID, Batch
from edgeseg.train.settings import TrainSettings
from edgeseg.train.soft_targets import SoftTargets, soft_loss
from edgeseg.train.teacher import Teacher
from edgeseg.train.view import View

SETTINGS = TrainSettings(soft=0.5, temperature=3.0)
MakeBundle = Callable[[Path, Spec], Bundle]
WIDTH, HEIGHT, STRIDE = 32, 16, 4


def reference(student: np.ndarray, targets: np.ndarray, known: np.ndarray, temperature: float) -> float:
    """Pixel by pixel, in float64: sum of p ln(p / q), p the targets' probabilities."""
    total, count = 0.0, 0
    for image, row, column in np.ndindex(*known.shape):
        if known[image, row, column]:
            q, p = (np.exp(each[image, :, row, column].astype(float) / temperature) for each in (student, targets))
            total += float((p / p.sum() * np.log((p / p.sum()) / (q / q.sum()))).sum())
            count += 1
    return temperature**2 * total / max(1, count)


@given(seed=st.integers(0, 2**32), temperature=st.sampled_from([0.5, 1.0, 4.0]))
def test_loss_is_the_formula(seed: int, temperature: float) -> None:
    random = torch.Generator().manual_seed(seed)
    student, targets = (torch.randn(2, 3, 4, 5, generator=random) * 3 for _ in range(2))
    known = torch.rand(2, 4, 5, generator=random) < 0.8
    loss = float(soft_loss(student, targets, known, temperature))
    assert loss == pytest.approx(reference(student.numpy(), targets.numpy(), known.numpy(), temperature), rel=1e-3)


def test_a_crop_of_which_nothing_is_known_gives_zero_and_no_nan() -> None:
    student = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = soft_loss(student, torch.randn(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool), 2.0)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert student.grad is not None
    assert not student.grad.any()


@pytest.fixture
def pictures() -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    return [
        (random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)) for _ in range(3)
    ]


@pytest.fixture
def teachers(tmp_path: Path, spec: Spec, make_bundle: MakeBundle) -> list[Teacher]:
    sizes = {"same": (WIDTH, HEIGHT), "large": (2 * WIDTH, 2 * HEIGHT)}
    for name, (width, height) in sizes.items():
        make_bundle(tmp_path / name, replace(spec, name=name, width=width, height=height, stride=STRIDE))
    return [Teacher(str(tmp_path / name), spec.classes, (WIDTH, HEIGHT)) for name in sizes]


def crop(picture: int, view: View, label: int = 0) -> Batch:
    """A batch of one; its frame is not looked at."""
    return Batch(
        frames=torch.zeros(1, 3, HEIGHT, WIDTH, dtype=torch.uint8),
        labels=torch.full((1, HEIGHT, WIDTH), label, dtype=torch.uint8),
        pictures=[picture],
        views=[view],
        pasted=torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool),
    )


WHOLE = View(0.0, 1 / WIDTH, 0.0, 1 / HEIGHT)


def test_a_student_that_says_the_same_of_each_crop_has_nothing_to_learn(
    teachers: list[Teacher], pictures: list[tuple[np.ndarray, np.ndarray]], tmp_path: Path
) -> None:
    targets = SoftTargets(teachers[:1], pictures, SETTINGS, tmp_path)
    grid = WIDTH // STRIDE, HEIGHT // STRIDE
    for index, (picture, _) in enumerate(pictures):
        logits = torch.from_numpy(teachers[0].logits(picture, *grid))[None]
        assert float(targets.loss(logits, STRIDE, crop(index, WHOLE))) == pytest.approx(0, abs=1e-5)
        mirrored = WHOLE._replace(left=1.0, across=-WHOLE.across)
        assert float(targets.loss(logits.flip(3), STRIDE, crop(index, mirrored))) == pytest.approx(0, abs=1e-5)
        other = logits.roll(1, 1)
        expected = 0.5 * soft_loss(other, logits, torch.ones(1, *logits.shape[2:], dtype=torch.bool), 3.0)
        assert float(targets.loss(other, STRIDE, crop(index, WHOLE))) == pytest.approx(float(expected), rel=1e-2)


def test_several_teachers_are_averaged_on_the_finest_grid(
    teachers: list[Teacher], pictures: list[tuple[np.ndarray, np.ndarray]], tmp_path: Path
) -> None:
    targets = SoftTargets(teachers, pictures, SETTINGS, tmp_path)
    finest = 2 * WIDTH // STRIDE, 2 * HEIGHT // STRIDE
    mean = np.mean([teacher.logits(pictures[1][0], *finest) for teacher in teachers], axis=0)
    fine = View(0.0, WHOLE.across / 2, 0.0, WHOLE.down / 2)  # at this view the student's logits lie on the targets'
    doubled = replace(
        crop(1, fine),
        labels=torch.zeros(1, 2 * HEIGHT, 2 * WIDTH, dtype=torch.uint8),
        pasted=torch.zeros(1, 2 * HEIGHT, 2 * WIDTH, dtype=torch.bool),
    )
    assert float(targets.loss(torch.from_numpy(mean)[None], STRIDE, doubled)) == pytest.approx(0, abs=1e-5)


def test_each_picture_is_seen_once_and_pasted_or_void_pixels_do_not_count(
    teachers: list[Teacher],
    pictures: list[tuple[np.ndarray, np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    targets, seen = SoftTargets(teachers[:1], pictures, SETTINGS, tmp_path), []
    logits = Teacher.logits

    def count(teacher: Teacher, picture: np.ndarray, width: int, height: int) -> np.ndarray:
        seen.append(picture)
        return logits(teacher, picture, width, height)

    monkeypatch.setattr(Teacher, "logits", count)
    student = torch.randn(1, 3, HEIGHT // STRIDE, WIDTH // STRIDE)
    first = float(targets.loss(student, STRIDE, crop(0, WHOLE)))
    assert first > 0
    assert float(targets.loss(student, STRIDE, crop(0, WHOLE))) == first
    assert len(seen) == 1
    assert float(targets.loss(student, STRIDE, crop(0, WHOLE, label=VOID))) == 0
    everywhere = torch.ones(1, HEIGHT, WIDTH, dtype=torch.bool)
    assert float(targets.loss(student, STRIDE, replace(crop(0, WHOLE), pasted=everywhere))) == 0


def test_a_disk_without_room_is_told_how_much_is_missing(
    teachers: list[Teacher],
    pictures: list[tuple[np.ndarray, np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    with pytest.raises(OutputError, match=r"0.0 MB: No space left on device; make room"):
        SoftTargets(teachers, pictures, SETTINGS, tmp_path)
