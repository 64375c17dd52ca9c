"""The result of `edgeseg data check` as one HTML page that needs no other file."""

from __future__ import annotations

import base64
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg import kernels
from edgeseg.accuracy.check import DataReport, SplitReport
from edgeseg.accuracy.classes import Classes
from edgeseg.counted import counted
from edgeseg.html_style import STYLE

CLASSES = {"fault": "miss", "warning": "warning"}
"""CSS class of a finding."""

WIDEST = 480
"""Pixels of a picture on the page."""

ALPHA = 0.6


def page(report: DataReport) -> str:
    """Findings, shares of the classes, and pictures with their labels painted over them."""
    name = escape(str(report.folder))
    findings = "".join(
        f"<li class={CLASSES[each.weight]}>{each.weight}: {escape(each.sentence)}" for each in report.findings
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width'><title>{name}: data check</title>"
        f"<style>{STYLE}</style><h1>{name}</h1><p>{escape(report.layout)} layout</p>"
        f"<ul>{findings or '<li>no problems found'}</ul>{_shares(report)}"
        f"{''.join(_pictures(split, report.classes) for split in report.splits)}</html>\n"
    )


def _shares(report: DataReport) -> str:
    heads = "".join(
        f"<th>{escape(split.name or 'all')}, {counted(split.survey.images, 'image')}" for split in report.splits
    )
    rows = []
    for index, (name, colour) in enumerate(zip(report.classes.names, report.classes.palette, strict=True)):
        cells = "".join(f"<td>{100 * split.survey.share(index):.2f} %" for split in report.splits)
        rows.append(f"<tr><td><i style='background:rgb{colour}'></i>{escape(name)}{cells}</tr>")
    ignored = "".join(f"<td>{100 * split.survey.ignored:.2f} %" for split in report.splits)
    table = f"<tr><th>class{heads}</tr>{''.join(rows)}<tr><td>ignored{ignored}</tr>"
    return f"<h2>Share of the pixels</h2><table class=legend>{table}</table>"


def _pictures(split: SplitReport, classes: Classes) -> str:
    palette = np.zeros((256, 3), np.uint8)  # ignored pixels are black
    palette[: len(classes.palette)] = np.array(classes.palette, np.uint8)[:, ::-1]
    images = []
    for frame, label in split.pictures:
        blend = kernels.blend if label.ndim == 2 else kernels.blend_labels
        images.append(_image(blend(label, frame, palette, alpha=ALPHA)))
    return f"<h2>{escape(split.name or 'all')}</h2><div>{''.join(images)}</div>"


def _image(painted: NDArray[np.uint8]) -> str:
    height, width = painted.shape[:2]
    scale = min(1.0, WIDEST / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(painted, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    return f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(encoded).decode()}'>"
