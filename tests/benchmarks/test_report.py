"""The page: self-contained, well-formed, with every figure; and the charts' geometry."""

from __future__ import annotations

import copy
import io
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edgeseg_bench.report import svg
from edgeseg_bench.report.page import page
from edgeseg_bench.report.table import tables

VOID = {"meta"}


class Balanced(HTMLParser):
    """Fails on a tag that is closed without being open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002  the base class names it
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_but_itself(measured: dict[str, Any]) -> None:
    text = page(measured)
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert not re.search(r"<script|<link|<img|\bsrc=|@import|url\(", text)
    for word in (
        "efficiency",
        "highest rate",
        "first mask",
        "peak memory",
        "not included",
        "camera to mask",
        "there is no counter",
    ):
        assert word in text
    for drawing in re.findall(r"<svg.*?</svg>", text):
        ElementTree.fromstring(drawing)
    assert text.count("<svg") == 4


def test_names_are_escaped(measured: dict[str, Any]) -> None:
    strange = copy.deepcopy(measured)
    strange["source"]["name"] = "<b>&.mp4"
    strange["warnings"] = ["<i>"]
    strange["skipped"] = [{"engine": "<u>", "reason": "&"}]
    text = page(strange)
    assert "&lt;b&gt;&amp;.mp4" in text
    assert not re.search("<[ibu]>", text)


def several(measured: dict[str, Any], *mious: float | None) -> dict[str, Any]:
    """The result with a run for each accuracy."""
    runs = []
    for number, miou in enumerate(mious):
        run = copy.deepcopy(measured["runs"][0])
        run["artifact"]["precision"] = f"fp{number}"
        run["accuracy"] = {"miou": miou, "images": 1, "split": "val"} if miou is not None else None
        runs.append(run)
    return {**measured, "runs": runs}


def test_several_runs_are_set_side_by_side(measured: dict[str, Any]) -> None:
    assert "camera to mask p99 ms" not in page(measured)
    text = page(several(measured, None, None))
    assert text.count("camera to mask p99 ms") == 1
    assert "Accuracy against latency" not in text


def test_accuracy_stands_against_latency_where_both_are_known(measured: dict[str, Any]) -> None:
    text = page(several(measured, 72.3, None, 71.9))
    plot = text[text.index("Accuracy against latency") :]
    listed = re.findall(r"<li>(.*?)</li>", plot)
    assert listed == ["onnxruntime fp0", "onnxruntime fp2"]
    assert "72.30" in text


def test_flicker_is_told_in_percent_with_its_price(measured: dict[str, Any]) -> None:
    assert "not measured: the picture changed everywhere" in page(measured)
    still = copy.deepcopy(measured)
    smooth = [{"weight": 0.3, "flicker": 0.01, "lag": 0.05}, {"weight": 0.9, "flicker": 0.0, "lag": None}]
    still["runs"][0]["flicker"] = {"frames": 9, "unchanged": 0.6, "plain": 0.082, "smooth": smooth}
    told = "8.20 % of the pixels that did not change (60 % of 9 frames); smooth = 0.3: 1.00 %, lag 5.00 %"
    assert f"{told}; smooth = 0.9: 0.00 %<" in page(still)


def test_the_terminal_shows_it(measured: dict[str, Any]) -> None:
    console = Console(width=160, file=io.StringIO())
    console.print(tables(measured))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for word in ("p99 ms", "engine alone", "efficiency", "highest rate", "processor", "not included"):
        assert word in text


positive = st.floats(1e-3, 1e4)
names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=8)


@given(st.dictionaries(names, st.dictionaries(names, positive, min_size=1, max_size=4), min_size=1, max_size=3))
def test_parts_of_a_bar_follow_each_other(bars: dict[str, dict[str, float]]) -> None:
    drawing = svg.stacked_bars(bars, "ms").partition("<p class")[0]
    rects = [rect for rect in ElementTree.fromstring(drawing).iter() if rect.tag.endswith("rect")]
    assert len(rects) == sum(map(len, bars.values()))
    for rect in rects:
        assert float(rect.attrib["x"]) + float(rect.attrib["width"]) < svg.WIDTH


@given(st.dictionaries(names, st.dictionaries(names, positive, min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_bar_ends_on_its_whisker(groups: dict[str, dict[str, float]]) -> None:
    series = {title: {name: (0.8 * x, x, 1.3 * x) for name, x in group.items()} for title, group in groups.items()}
    drawing = ElementTree.fromstring(svg.bars(series, "ms").partition("<p class")[0])
    bars = [one for one in drawing.iter() if one.tag.endswith("rect")]
    whiskers = [one for one in drawing.iter() if one.tag.endswith("line")]
    assert len(bars) == len(whiskers) == sum(map(len, groups.values()))
    for bar, whisker in zip(bars, whiskers, strict=True):
        end = svg.LEFT + float(bar.attrib["width"])
        assert float(whisker.attrib["x1"]) - 0.1 <= end <= float(whisker.attrib["x2"]) + 0.1
        assert float(whisker.attrib["x2"]) <= svg.WIDTH - 99


@given(st.dictionaries(names, st.lists(positive, min_size=1, max_size=20), min_size=1, max_size=3))
def test_a_distribution_rises_from_none_to_all(series: dict[str, list[float]]) -> None:
    drawing = svg.distributions(series, "ms").partition("<p class")[0]
    lines = [line for line in ElementTree.fromstring(drawing).iter() if line.tag.endswith("polyline")]
    assert len(lines) == len(series)
    for line, values in zip(lines, series.values(), strict=True):
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) == len(values) + 1
        assert all(0 <= x <= svg.WIDTH for x, _ in points)
        heights = [y for _, y in points]
        assert heights == sorted(heights, reverse=True)
        assert heights[-1] == pytest.approx(12)


@given(st.dictionaries(names, st.lists(positive, min_size=1, max_size=9), min_size=1, max_size=3))
def test_every_window_has_its_dot_inside_the_chart(series: dict[str, list[float]]) -> None:
    columns = {name: [(0.5 * middle, middle, 2 * middle) for middle in column] for name, column in series.items()}
    circles = [one for one in ElementTree.fromstring(svg.dots(columns, "ms")).iter() if one.tag.endswith("circle")]
    assert len(circles) == sum(map(len, columns.values()))
    assert all(0 < float(one.attrib["cx"]) < svg.WIDTH and 0 < float(one.attrib["cy"]) < 260 for one in circles)


@given(
    st.dictionaries(names, st.tuples(positive, st.floats(0, 100)), min_size=1, max_size=9),
    st.none() | st.tuples(positive, st.floats(0, 100)),
)
def test_every_point_lies_in_the_plane_and_is_named(
    points: dict[str, tuple[float, float]], limits: tuple[float, float] | None
) -> None:
    drawing, _, listed = svg.plane(points, ("ms", "mIoU %"), front=list(points)[:2], limits=limits).partition("<ol")
    circles = [one for one in ElementTree.fromstring(drawing).iter() if one.tag.endswith("circle")]
    assert listed.count("<li>") == len(circles) == len(points)
    for circle, (x, y) in zip(circles, points.values(), strict=True):
        assert svg.LEFT <= float(circle.attrib["cx"]) < svg.WIDTH
        assert 12 < float(circle.attrib["cy"]) < 292
        for other, (x2, y2) in zip(circles, points.values(), strict=True):
            assert x <= x2 or float(circle.attrib["cx"]) >= float(other.attrib["cx"])
            assert y <= y2 or float(circle.attrib["cy"]) <= float(other.attrib["cy"])
