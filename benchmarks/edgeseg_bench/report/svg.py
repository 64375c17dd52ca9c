"""Small charts as SVG text: bars, stacked bars, cumulative distributions, dots with whiskers, points in a plane."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe and Ito's, which people with any colour vision tell apart."""

WIDTH = 720
LEFT, RIGHT = 150, 20

NARROWEST = 2.0
"""Units that the axis up of a plane shows at least."""


def bars(series: Mapping[str, Mapping[str, tuple[float, float, float]]], unit: str) -> str:
    """A group of bars a name: (low, middle, high) as a bar up to the middle with a whisker from low to high.

    Bars that have the same name have the same colour.
    """
    names = list(dict.fromkeys(name for group in series.values() for name in group))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    scale = (WIDTH - LEFT - 100) / max(high for group in series.values() for _, _, high in group.values())
    shapes, y = [], 8.0
    for title, group in series.items():
        shapes.append(_text(LEFT - 8, y + 11 * len(group) + 4, title, anchor="end"))
        for name, (low, middle, high) in group.items():
            label = f"{name}: {middle:.2f} {unit}, {low:.2f} to {high:.2f}"
            shapes += [
                f'<rect x="{LEFT}" y="{y:g}" width="{middle * scale:.1f}" height="18" fill="{colours[name]}">'
                f"<title>{escape(label)}</title></rect>",
                _line(LEFT + low * scale, y + 9, LEFT + high * scale, y + 9, stroke="#222", width=2),
                _text(LEFT + high * scale + 6, y + 14, f"{middle:.2f} {unit}"),
            ]
            y += 22
        y += 12
    return _svg(shapes, y) + _legend(colours)


def stacked_bars(bars: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """One bar a name, cut into parts; each part and each sum carries its number.

    Parts that have the same name have the same colour.
    """
    names = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    longest = max(sum(bar.values()) for bar in bars.values()) or 1.0
    scale = (WIDTH - LEFT - 100) / longest
    shapes = []
    for row, (name, bar) in enumerate(bars.items()):
        y, x = 44 * row + 8, float(LEFT)
        shapes.append(_text(LEFT - 8, y + 19, name, anchor="end"))
        for part, value in bar.items():
            wide = value * scale
            label = f"{part}: {value:.2f} {unit}"
            shapes.append(
                f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="28" fill="{colours[part]}">'
                f"<title>{escape(label)}</title></rect>"
            )
            if wide > 34:
                shapes.append(_text(x + wide / 2, y + 19, f"{value:.2f}", anchor="middle", fill="#fff"))
            x += wide
        shapes.append(_text(x + 6, y + 19, f"{sum(bar.values()):.2f} {unit}"))
    return _svg(shapes, 44 * len(bars) + 8) + _legend(colours)


def distributions(series: Mapping[str, Sequence[float]], unit: str) -> str:
    """The share of samples at or below each value, one curve a name; the axis of values is logarithmic."""
    height, bottom, top = 300, 260, 12
    low = min(min(values) for values in series.values())
    high = max(max(values) for values in series.values())
    low, high = low / 1.1, high * 1.1

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / low) / math.log(high / low)

    def up(share: float) -> float:
        return bottom - (bottom - top) * share

    shapes = []
    for percent in (0, 25, 50, 75, 90, 99):
        y = up(percent / 100)
        shapes += [_line(LEFT, y, WIDTH - RIGHT, y), _text(LEFT - 8, y + 4, f"{percent} %", anchor="end")]
    for tick in _ticks(low, high):
        x = across(tick)
        shapes += [_line(x, top, x, bottom), _text(x, bottom + 18, f"{tick:g}", anchor="middle")]
    shapes.append(_text((LEFT + WIDTH - RIGHT) / 2, bottom + 36, unit, anchor="middle"))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(series)}
    for name, values in series.items():
        ordered = sorted(values)
        points = [f"{across(ordered[0]):.1f},{up(0):.1f}"]
        points += [f"{across(value):.1f},{up(n / len(ordered)):.1f}" for n, value in enumerate(ordered, start=1)]
        shapes.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
    return _svg(shapes, height) + _legend(colours)


def dots(series: Mapping[str, Sequence[tuple[float, float, float]]], unit: str) -> str:
    """One column a measurement: (low, middle, high) as a whisker with a dot, names side by side from zero up."""
    height, bottom, top = 260, 232, 12
    highest = max(high for column in series.values() for _, _, high in column) * 1.05
    step = (WIDTH - LEFT - RIGHT) / (sum(len(column) + 1 for column in series.values()) or 1)

    def up(value: float) -> float:
        return bottom - (bottom - top) * value / highest

    shapes = []
    for tick in _linear_ticks(highest):
        shapes += [
            _line(LEFT, up(tick), WIDTH - RIGHT, up(tick)),
            _text(LEFT - 8, up(tick) + 4, f"{tick:g} {unit}", anchor="end"),
        ]
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(series)}
    x = LEFT + step / 2
    for name, column in series.items():
        shapes.append(_text(x + step * (len(column) - 1) / 2, bottom + 20, name, anchor="middle"))
        for low, middle, high in column:
            shapes.append(_line(x, up(low), x, up(high), stroke=colours[name], width=2))
            shapes.append(f'<circle cx="{x:.1f}" cy="{up(middle):.1f}" r="4" fill="{colours[name]}"/>')
            x += step
        x += step
    return _svg(shapes, height)


def plane(
    points: Mapping[str, tuple[float, float]],
    axes: tuple[str, str],
    *,
    front: Sequence[str],
    limits: tuple[float, float] | None = None,
) -> str:
    """Numbered points (across, up), with the names below; those of `front` are joined, `limits` are dashed lines.

    The axis across starts at zero; the one up shows the range of the points alone, but no less than NARROWEST, or
    noise would look like a slope.
    """
    height, bottom, top = 340, 292, 12
    marks = [*points.values(), *([limits] if limits else [])]
    widest = max(x for x, _ in marks) * 1.05
    low, high = min(y for _, y in marks), max(y for _, y in marks)
    margin = max(0.08 * (high - low), (NARROWEST - (high - low)) / 2)
    low, high = low - margin, high + margin

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + (WIDTH - LEFT - RIGHT) * x / widest, bottom - (bottom - top) * (y - low) / (high - low)

    shapes = [_text((LEFT + WIDTH - RIGHT) / 2, bottom + 40, axes[0], anchor="middle"), _text(8, top + 8, axes[1])]
    for tick in _linear_ticks(widest):
        x, _ = place(tick, low)
        shapes += [_line(x, top, x, bottom), _text(x, bottom + 18, f"{tick:g}", anchor="middle")]
    for tick in (low + step * (high - low) / 4 for step in range(5)):
        _, y = place(0, tick)
        shapes += [_line(LEFT, y, WIDTH - RIGHT, y), _text(LEFT - 8, y + 4, f"{tick:.1f}", anchor="end")]
    if limits:
        x, y = place(*limits)
        for ends in ((x, top, x, bottom), (LEFT, y, WIDTH - RIGHT, y)):
            shapes.append(_line(*ends, stroke=COLOURS[5], width=2).replace("/>", ' stroke-dasharray="6 4"/>'))
    if front:
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*points[name]) for name in front))
        shapes.append(f'<polyline points="{joined}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>')
    for number, (name, point) in enumerate(points.items(), start=1):
        x, y = place(*point)
        colour = COLOURS[0] if name in front else "#888"
        shapes.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{colour}"><title>{escape(name)}</title></circle>'
            + _text(x, y + 4, str(number), anchor="middle", fill="#fff")
        )
    names = "".join(f"<li>{escape(name)}</li>" for name in points)
    return _svg(shapes, height) + f'<ol class="points">{names}</ol>'


def _svg(shapes: Sequence[str], height: float) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" role="img" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="sans-serif" font-size="13">{"".join(shapes)}</svg>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", fill: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = "#ddd", width: int = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{stroke}" stroke-width="{width}"/>'


def _legend(colours: Mapping[str, str]) -> str:
    keys = (f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in colours.items())
    return f'<p class="legend">{"".join(keys)}</p>'


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two values: 1, 2, 5, 10 ..., and more of them where that would be few."""
    steps = (1, 2, 5) if high / low > 20 else (1, 1.5, 2, 3, 4, 5, 7)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]


def _linear_ticks(high: float) -> list[float]:
    """Four to ten round numbers from 0 to `high`."""
    power = 10.0 ** math.floor(math.log10(high))
    step = next(step for step in (power / 10, power / 5, power / 2, power, 2 * power) if high / step <= 10)
    return [step * number for number in range(int(high / step) + 1)]
