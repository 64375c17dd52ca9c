"""Options of a stream."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.errors import UsageError
from edgeseg.processor import available_cores
from edgeseg.video import options as options_module
from edgeseg.video.options import StreamOptions, engine_threads
from edgeseg.video.pipeline import stream

Shades = Callable[..., Iterator[NDArray[np.uint8]]]
MakeModel = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "fast"}, "mode is 'fast'"),
        ({"workers": 0}, "workers is 0"),
        ({"queue": 0}, "queue is 0"),
        ({"max_frames": -1}, "max_frames is -1"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"masks": False}, "neither masks nor overlays"),
        ({"stall_after": 5.0}, "stall_after is for sources that are connected again; ask for reconnect too"),
        ({"give_up_after": 5.0}, "give_up_after is for sources that are connected again; ask for reconnect too"),
    ],
)
def test_arguments_out_of_range(
    make_shade_model: MakeModel, shades: Shades, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        stream(make_shade_model(), shades(1), **arguments)


def test_workers_follow_the_models_threads(make_shade_model: MakeModel, shades: Shades) -> None:
    model = make_shade_model()
    assert stream(model, shades(1)).workers == available_cores()
    model.threads = available_cores()
    assert stream(model, shades(1)).workers == 1
    assert (engine_threads("throughput"), engine_threads("latency")) == (1, available_cores())


def test_options_are_keywords_too(make_shade_model: MakeModel, shades: Shades) -> None:
    options = StreamOptions(max_frames=3, overlay=True)
    assert len(list(stream(make_shade_model(), shades(9), options))) == 3
    results = list(stream(make_shade_model(), shades(9), options, max_frames=4, overlay=False))
    assert [result.overlay for result in results] == [None] * 4


def test_keywords_are_the_fields_of_the_options() -> None:
    """The type checkers' list of keywords is written by hand."""
    source = (Path(options_module.__file__)).read_text().partition("class StreamKeywords")[2]
    keywords = dict(re.findall(r"^        (\w+): (.+)$", source, re.MULTILINE))
    assert keywords == {field.name: field.type for field in fields(StreamOptions)}
