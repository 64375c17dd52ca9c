"""Files that are damaged in every way that Hypothesis thinks of, and those that once did harm, which are kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.errors import EdgeSegError

EXAMPLES = int(os.environ.get("EDGESEG_FUZZ", "40"))

CORPUS = Path(__file__).parent / "fuzz_corpus"
"""A folder for each target; its files are read first, and what fails is added."""

Draw = Callable[[st.DataObject], bytes]

ODD: list[Any] = [None, True, -1, 0, 2**63, 10**400, 0.5, "", "x", "\x1b[31m", "\ud800", [], {}, [[[]]], "../x", 16384]
ODD += ["x" * 300, "a\0b", 1e308]
"""Values to put in the place of others."""


def json_target(data: Any) -> Draw:
    """JSON with one value replaced, or with its bytes damaged."""

    def draw(source: st.DataObject) -> bytes:
        if source.draw(st.booleans()):
            return damaged(source, json.dumps(data).encode())
        return json.dumps(replaced(source, data)).encode()

    return draw


def replaced(source: st.DataObject, data: Any) -> Any:
    """The same, but for one value in it."""
    if isinstance(data, dict) and data and source.draw(st.integers(0, 9)):
        key = source.draw(st.sampled_from(sorted(data)))
        return {**data, key: replaced(source, data[key])}
    if isinstance(data, list) and data and source.draw(st.integers(0, 9)):
        at = source.draw(st.integers(0, len(data) - 1))
        return [*data[:at], replaced(source, data[at]), *data[at + 1 :]]
    return source.draw(st.sampled_from(ODD))


def damaged(source: st.DataObject, content: bytes) -> bytes:
    """Bytes with a few changed, added, repeated or taken away."""
    for _ in range(source.draw(st.integers(1, 3))):
        at = source.draw(st.integers(0, len(content)))
        end = min(len(content), at + source.draw(st.integers(0, 12)))
        new = source.draw(st.one_of(st.binary(max_size=6), st.just(content[at:end] * 2), st.just(b"[" * 3000)))
        content = content[:at] + new + content[end:]
    return content


def byte_target(content: bytes) -> Draw:
    """A file's bytes, damaged."""
    return lambda source: damaged(source, content)


def fuzz(target: str, file: Path, draw: Draw, read: Callable[[], object]) -> None:
    """Reads the file, damaged, often; every error but ours fails the test, and the shortest file that does is kept."""
    content = b""

    def attempt(damage: bytes) -> None:
        nonlocal content
        content = damage
        file.write_bytes(damage)
        with contextlib.suppress(EdgeSegError):
            read()

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(source=st.data())
    def run(source: st.DataObject) -> None:
        attempt(draw(source))

    for kept in sorted((CORPUS / target).glob("*")):
        attempt(kept.read_bytes())
    try:
        run()
    except Exception:
        place = CORPUS / target / hashlib.sha256(content).hexdigest()[:8]  # Hypothesis reads the shortest one last
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        raise
