"""Mailboxes: the newest frame, what was lost, and why there are no more."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg.errors import LostError
from edgeseg.video.mailbox import Mailbox
from edgeseg.video.source import Frame, Skipped

FRAMES = [Frame(index, np.zeros((4, 6, 3), np.uint8), index / 30, 0.0, 0.0) for index in range(7)]


def taken_from(mailbox: Mailbox, timeout: float = 0.0, *, first: bool = False) -> tuple[int | None, str | None]:
    """The frame's index, or why there is none."""
    found, reason = mailbox.take(timeout, first=first)
    return None if found is None else found.index, None if reason is None else str(reason)


def test_a_mailbox_counts_what_it_loses() -> None:
    """Before anybody asked for a second frame nobody was late; afterwards a replaced one is a drop."""
    skipped = Skipped()
    mailbox = Mailbox(skipped)
    mailbox.put(FRAMES[0], Skipped(damaged=1))
    mailbox.put(FRAMES[1], Skipped(damaged=2))
    assert skipped == Skipped(before_start=1, damaged=3)
    assert taken_from(mailbox, first=True) == (1, None)
    mailbox.put(FRAMES[2], Skipped(damaged=0))
    mailbox.put(FRAMES[3], Skipped(damaged=0))
    assert skipped == Skipped(before_start=2, damaged=3)
    assert taken_from(mailbox) == (3, None)
    mailbox.put(FRAMES[4], Skipped(damaged=0))
    mailbox.put(FRAMES[5], Skipped(damaged=0))
    assert skipped == Skipped(before_start=2, replaced=1, damaged=3)
    mailbox.close()
    mailbox.close()
    assert skipped == Skipped(before_start=2, replaced=1, at_end=1, damaged=3)
    mailbox.put(FRAMES[6], Skipped(damaged=0))
    assert skipped == Skipped(before_start=2, replaced=1, at_end=2, damaged=3)
    assert taken_from(mailbox) == (None, None)


def test_the_first_frame_goes_back_unless_there_is_a_newer_one() -> None:
    for newer, closed, expected in ((False, False, 0), (True, False, 1), (False, True, None)):
        skipped = Skipped()
        mailbox = Mailbox(skipped)
        mailbox.put(FRAMES[0], Skipped(damaged=0))
        assert taken_from(mailbox, first=True) == (0, None)
        if newer:
            mailbox.put(FRAMES[1], Skipped(damaged=0))
        if closed:
            mailbox.close()
        mailbox.put_back(FRAMES[0])
        assert taken_from(mailbox) == (expected, None)
        assert skipped == Skipped(before_start=int(newer or closed))


def test_what_a_mailbox_says_at_the_end() -> None:
    mailbox = Mailbox(Skipped())
    assert taken_from(mailbox, 0.01) == (None, "gave no frame for 0.01 s")
    mailbox.put(FRAMES[0], Skipped(damaged=0))
    mailbox.finish(LostError("was unplugged"))
    assert taken_from(mailbox) == (0, None)
    assert taken_from(mailbox) == (None, "was unplugged")
    mailbox.finish(OSError("broken"))
    with pytest.raises(OSError, match="broken"):
        mailbox.take(0, first=False)
    mailbox.finish(None)
    assert taken_from(mailbox, 60) == (None, "gave no more frames")
    mailbox.finish(OSError("broken"))
    mailbox.close()
    assert taken_from(mailbox, 60) == (None, None)
