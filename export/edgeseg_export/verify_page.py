"""The result of `edgeseg verify` as one HTML page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from edgeseg.accuracy.dataset import Dataset
from edgeseg.arrays import Image
from edgeseg.counted import counted
from edgeseg.html_style import STYLE
from edgeseg.terminal import shown_name
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.verify import Gate, StageResult
from edgeseg_export.verify_stages import Stage


def page(
    stages: Sequence[Stage], results: Sequence[StageResult], data: Dataset | FrameSet, gate: Gate, misses: Sequence[str]
) -> str:
    """The page: the gate, the stages, the classes, the worst frames."""
    name = escape(stages[0].model.spec.name)
    verdict = "".join(f"<p class=miss>{escape(miss)}</p>" for miss in misses) or "<p>No threshold was missed.</p>"
    unused = f"<p>Thresholds that were not set: {', '.join(gate.unused())}.</p>" if gate.unused() else ""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}: what each stage cost</title>"
        f"<style>{STYLE}</style><h1>{name}: what each stage cost</h1>"
        f"<p>{escape(_name(data))}.</p>"
        f"{verdict}{unused}<h2>Stages</h2>{_stages(results)}{_classes(results)}"
        f"<h2>Worst frames</h2><p>From left to right: the frame, the stage before, the stage, where they differ.</p>"
        f"{_worst(stages, results, data)}</html>\n"
    )


def _name(data: Dataset | FrameSet) -> str:
    if isinstance(data, FrameSet):
        frames = f"{counted(len(data), 'frame')} of {shown_name(data.path)}"
        return f"{frames}, without labels: each artifact is compared with fp32"
    return f"{counted(len(data), 'image')} of {shown_name(data.folder)}, split {data.split or 'whole'}"


def _stages(results: Sequence[StageResult]) -> str:
    rows = []
    for each in results:
        same = "-" if each.before is None else f"{each.agreement:.3f}"
        speed = "-" if each.median_ms is None else f"{each.median_ms:.1f}"
        size = "-" if each.bytes is None else f"{each.bytes / 1e6:.2f}"
        cells = escape(each.before or "-"), same, miou(each), change(each, results), speed, size
        rows.append(f"<tr><td>{escape(each.stage)}<td>{escape(each.engine)}<td>{'<td>'.join(cells)}</tr>")
    names = "stage", "run by", "compared with", "same pixels %", "mIoU %", "change", "median ms", "MB"
    heads = "".join(f"<th>{name}" for name in names)
    return f"<table><tr>{heads}</tr>{''.join(rows)}</table>"


def miou(result: StageResult) -> str:
    """In percent; "-" without labels."""
    return "-" if np.isnan(result.matrix.miou) else f"{result.matrix.miou:.2f}"


def change(result: StageResult, results: Sequence[StageResult]) -> str:
    """Of mIoU, since the first stage; "-" without labels."""
    since = result.matrix.miou - results[0].matrix.miou
    return "-" if np.isnan(since) else f"{since:+.2f}"


def _classes(results: Sequence[StageResult]) -> str:
    if np.isnan(results[0].matrix.pixel_accuracy):
        return ""
    rows = []
    for index, name in enumerate(results[0].matrix.classes):
        cells = "".join(_bar(float(each.matrix.iou[index])) for each in results)
        rows.append(f"<tr><td>{escape(name)}{cells}</tr>")
    heads = "".join(f"<th>{escape(each.stage)}" for each in results)
    return f"<h2>IoU by class, %</h2><table><tr><th>class{heads}</tr>{''.join(rows)}</table>"


def _bar(iou: float) -> str:
    """A cell with a figure and its bar; a class that does not occur has none."""
    return "<td>-" if np.isnan(iou) else f"<td><span class=bar style='width:{0.4 * iou:.0f}px'></span> {iou:.1f}"


def _worst(stages: Sequence[Stage], results: Sequence[StageResult], data: Dataset | FrameSet) -> str:
    parts = []
    by_name = {stage.name: stage for stage in stages}
    for stage, result in zip(stages, results, strict=True):
        if result.before is None:
            continue
        before = by_name[result.before]
        for place, share in result.worst:
            frame = data.frame(place)
            masks = [each.model(frame) for each in (before, stage)]
            other = masks[0] != masks[1]
            if other.ndim == 3:  # a mask for each label
                other = other.any(axis=0)
            differs = np.where(other[..., np.newaxis], 255, 0).astype(np.uint8).repeat(3, axis=2)
            row = np.hstack([frame, *(stage.model.paint(mask, frame, alpha=1) for mask in masks), differs])
            name = f"frame {data.places[place]}" if isinstance(data, FrameSet) else data.pairs[place].image.name
            parts.append(f"<p>{escape(result.stage)}, {escape(name)}: {share:.2f} % the same</p>{_picture(row)}")
    return "".join(parts)


def _picture(image: Image) -> str:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}'>"
