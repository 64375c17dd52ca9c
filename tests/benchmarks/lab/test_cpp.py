"""What lab.cpp measures of a process."""

from __future__ import annotations

import sys

import pytest

from edgeseg.errors import EngineError
from lab.cpp import run


def test_a_process_with_much_memory_has_a_high_peak() -> None:
    peaks = []
    for megabytes in (1, 200):
        program = (
            f"import json, time; held = bytearray({megabytes} << 20); time.sleep(0.2); print(json.dumps({{'fps': 2}}))"
        )
        measured = run([sys.executable, "-c", program])
        assert measured.said == {"fps": 2}
        assert measured.seconds > 0.2
        assert measured.core_seconds > 0
        peaks.append(measured.peak_memory_mb)
    assert peaks[1] > peaks[0] + 150


def test_a_process_that_fails_is_an_error() -> None:
    with pytest.raises(EngineError, match="no such thing"):
        run([sys.executable, "-c", "import sys; sys.exit('no such thing')"])
