"""The result of `edgeseg sensitivity` as one HTML page that needs no other file."""

from __future__ import annotations

from html import escape

from edgeseg.html_style import STYLE
from edgeseg_export.precision.judge import Loss
from edgeseg_export.precision.sensitivity_result import THREADS, Sensitivity

WIDEST = 420
"""Pixels of the longest bar."""


def page(result: Sensitivity) -> str:
    """The page: every layer alone in the order of computation, INT8 throughout, the mixes."""
    name = escape(result.bundle)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}: sensitivity to INT8</title>"
        f"<style>{STYLE}</style><h1>{name}: what each layer loses by INT8</h1>"
        f"<p>INT8 for {result.target}, ranges by {result.method}; {result.frames} images of {escape(result.data)} "
        f"that did not calibrate{'' if result.miou is None else f'; fp32 has {result.miou:.2f} % mIoU on them'}. "
        f"Lost and flipped are against fp32.</p>{_mixes(result)}"
        f"<h2>Each layer alone, from the camera on</h2>{_layers(result)}</html>\n"
    )


def _layers(result: Sensitivity) -> str:
    most = max((loss.flipped for loss in result.layers.values()), default=0.0) or 1.0
    rows = "".join(
        f"<tr><td>{escape(layer)}{_cells(loss)}<td style='text-align:left'>"
        f"<span class=bar style='width:{WIDEST * loss.flipped / most:.0f}px'></span></tr>"
        for layer, loss in result.layers.items()
    )
    return f"<table><tr><th>layer{_HEADS}<th></tr>{rows}</table>"


def _mixes(result: Sensitivity) -> str:
    rows = [f"<tr><td>none{_cells(result.whole)}<td>-<td>-</tr>"]
    for mix in result.tried:
        mark = " *" if mix.keep == result.keep else ""
        rows.append(
            f"<tr><td>{escape(', '.join(mix.keep))}{mark}{_cells(mix.loss)}<td>{mix.slower:+.1f}<td>{mix.faster:.2f}"
            "</tr>"
        )
    choice = f"Chosen (*): {escape(', '.join(result.keep))}." if result.keep else "None of these was worth it."
    return (
        f"<h2>All layers in INT8, but for</h2><table><tr><th>in float{_HEADS}<th>slower than INT8 throughout, %"
        f"<th>faster than fp32, times ({THREADS} threads)</tr>{''.join(rows)}</table>"
        f"{f'<p>{choice}</p>' if result.tried else ''}"
    )


_HEADS = "<th>mIoU lost, %<th>flipped pixels, %<th>in the worst frame, %"


def _cells(loss: Loss) -> str:
    lost = "-" if loss.miou is None else f"{loss.miou:+.3f}"
    return f"<td>{lost}<td>{loss.flipped:.3f}<td>{loss.worst:.2f}"
