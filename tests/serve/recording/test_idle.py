from __future__ import annotations

from edgeseg.serve.recording.idle import LONGEST, SHORTEST, Idle


def test_three_intervals_within_bounds() -> None:
    idle = Idle()
    waits = [idle.seconds]
    for captured in (0.0, 0.04, 5.0, 10.0, 3610.0, 3610.1):
        idle.see(captured)
        waits.append(round(idle.seconds, 6))
    assert waits == [SHORTEST, SHORTEST, SHORTEST, 14.88, 15.0, LONGEST, SHORTEST]
