"""The clock of MPEG-TS and MPEG-PS, which begins at 0 again after 26.5 hours, and what FFmpeg makes of it.

FFmpeg takes every step back by more than a minute for such a wrap, and adds 26.5 hours to all that comes behind it:
also where two recordings were joined, or an encoder was started again.
"""

from __future__ import annotations

PERIOD = 2**33 / 90000
"""Seconds: 33 bits at 90 kHz (ISO/IEC 13818-1, 2.4.3.7)."""

FORMATS = frozenset({"mpegts", "mpeg", "hls"})
"""FFmpeg's names of the formats that have this clock."""

GAP = 60.0
"""Seconds without a frame that a wrap may lie in; with more between them, two times are of two clocks."""


def is_no_wrap(container: str, before: float, at: float) -> bool:
    """Whether FFmpeg took a new clock for a wrap between two times.

    Args:
        container: its format, by FFmpeg's name.
        before: seconds, as FFmpeg gives them.
        at: of what follows.
    """
    return container in FORMATS and at - before > GAP and at // PERIOD != before // PERIOD
