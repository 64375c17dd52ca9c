from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.errors import FrameError
from edgeseg.segmenter import Segmenter
from edgeseg.serve.recording import fragments, idle
from edgeseg.serve.recording.encoder import FragmentEncoder
from edgeseg.serve.recording.fragments import FragmentSubscription, Kind, LiveVideo, confidence_picture
from tests.serve.results import START, decode, let_encode, make_result

WAIT = 20.0


@pytest.fixture
def live(tiny: Segmenter) -> Iterator[LiveVideo]:
    live = LiveVideo("gate", lambda: tiny, 10)
    yield live
    live.close(WAIT)
    assert not threads()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("edgeseg-gate-")]


def put(live: LiveVideo, numbers: range, size: tuple[int, int] = (48, 64)) -> None:
    """Results at 10 frames a second of their own time, as fast as they are encoded."""
    for number in numbers:
        live.put(make_result(number, size), START + number / 10)
        let_encode(live)


def images(subscription: FragmentSubscription, count: int) -> list[NDArray[np.uint8]]:
    """BGR images of so many fragments."""
    found = []
    for _ in range(count):
        data = subscription.get(WAIT)
        assert data is not None
        assert subscription.codec.startswith("avc1.")
        found += [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in decode(subscription.init + data)]
    return found


def test_nobody_watches(live: LiveVideo) -> None:
    put(live, range(5))
    assert not threads()
    assert live.lost("plain") == 0


def test_each_kind_shows_its_picture(live: LiveVideo, tiny: Segmenter) -> None:
    kinds: tuple[Kind, ...] = ("plain", "overlay", "confidence")
    subscriptions = [live.subscribe(kind) for kind in kinds]
    assert len(threads()) == 3
    put(live, range(12))
    first = make_result(0)
    assert first.mask is not None
    wanted = [first.frame, tiny.paint(first.mask, first.frame), confidence_picture(tiny, first.frame)]
    for subscription, picture in zip(subscriptions, wanted, strict=True):
        image = images(subscription, 1)[0]
        rest = slice(20, None)  # noise above is not what a codec keeps
        assert np.abs(image[rest].astype(int) - picture[rest]).mean() < 12
        subscription.close()


def test_closing_waits_for_the_last_fragment(live: LiveVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the thread hears of the end before it is waited for, and where nobody watches any more."""
    finish = FragmentEncoder.close

    def slowly(encoder: FragmentEncoder) -> None:
        time.sleep(0.3)
        finish(encoder)

    monkeypatch.setattr(FragmentEncoder, "close", slowly)
    watched, left = live.subscribe("plain"), live.subscribe("overlay")
    put(live, range(3))
    left.close()
    for channel in live._channels.values():
        channel.end()
    time.sleep(0.1)
    live.close(WAIT)
    assert not threads()
    assert watched.get(WAIT) is not None


def test_all_who_watch_get_the_same_bytes(live: LiveVideo) -> None:
    one, other = live.subscribe("plain"), live.subscribe("plain")
    assert len(threads()) == 1
    put(live, range(25))
    assert [one.get(WAIT) for _ in range(2)] == [other.get(WAIT) for _ in range(2)]
    assert one.init is other.init


def test_a_gap_and_another_size_begin_anew(live: LiveVideo) -> None:
    watcher = live.subscribe("plain", 20)
    put(live, range(3))
    live.gap()
    put(live, range(30, 33))
    put(live, range(40, 43), size=(32, 32))
    live.close(WAIT)
    headers, sizes = [], []
    for _ in range(3):
        pictures = images(watcher, 1)
        assert len(pictures) == 3
        headers.append(watcher.init)
        sizes.append(pictures[0].shape)
    assert watcher.get(WAIT) is None
    assert len({id(header) for header in headers}) == 3
    assert sizes == [(48, 64, 3), (48, 64, 3), (32, 32, 3)]


def test_a_camera_that_stops_has_its_last_fragment(live: LiveVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "SHORTEST", 0.05)
    watcher = live.subscribe("plain")
    put(live, range(3))
    assert len(images(watcher, 1)) == 3


def test_a_camera_of_few_frames_is_one_video(live: LiveVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its second frame on it is known to be slow."""
    monkeypatch.setattr(idle, "SHORTEST", 0.01)
    watcher = live.subscribe("plain", 20)
    for number in range(6):
        live.put(make_result(number, captured=20.0 * number), START + number)
        let_encode(live)
        time.sleep(0.1)  # in which a fixed SHORTEST would have ended the video
    live.close(30)
    headers = [piece.header for piece in watcher.waiting()]
    assert len(headers) == 6
    assert len(set(headers)) <= 2


def test_a_slow_one_loses_whole_fragments_which_are_counted(live: LiveVideo) -> None:
    watcher = live.subscribe("plain", 2)
    put(live, range(50))
    live.close(WAIT)
    assert [piece.start - START for piece in watcher.waiting()] == [3, 4]
    assert watcher.lost == 30
    assert len(images(watcher, 2)) == 20


def test_a_ring_of_the_past_seconds_stays(live: LiveVideo) -> None:
    ring = live.subscribe("plain", 3)
    put(live, range(50))
    live.close(WAIT)
    assert ring.waiting() == ring.waiting()
    assert [piece.frames for piece in ring.waiting()] == [10, 10, 10]


def test_frames_that_come_too_fast_are_counted(tiny: Segmenter) -> None:
    release = threading.Event()

    def model() -> Segmenter:
        release.wait(WAIT)
        return tiny

    live = LiveVideo("gate", model, 10)
    watcher = live.subscribe("overlay", 50)
    started = time.perf_counter()
    for number in range(30):
        live.put(make_result(number), START + number / 10)
    assert time.perf_counter() - started < 10  # put never waits
    release.set()
    live.close(WAIT)
    frames = sum(piece.frames for piece in watcher.waiting())
    assert frames + live.lost("overlay") == 30
    assert live.lost("overlay") >= 30 - fragments.FRAMES - 2


def test_a_network_that_fails_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def model() -> Segmenter:
        raise FrameError("no network")

    live = LiveVideo("gate", model, 10)
    plain, overlay = live.subscribe("plain"), live.subscribe("overlay")
    put(live, range(5))
    live.close(WAIT)
    assert overlay.get(0.0) is None
    assert live.lost("overlay") == 5
    assert len(images(plain, 1)) == 5
    assert [record.getMessage() for record in caplog.records] == [
        "the overlay video of gate is not encoded: no network"
    ]


def test_watching_again_starts_again(live: LiveVideo) -> None:
    for start in (0, 100):
        watcher = live.subscribe("plain")
        put(live, range(start, start + 12))
        assert len(images(watcher, 1)) == 10
        watcher.close()
        watcher.close()
        for thread in threads():
            thread.join(WAIT)
        assert not threads()


def test_watching_what_has_ended(live: LiveVideo) -> None:
    live.close(WAIT)
    assert live.subscribe("plain").get(WAIT) is None


def test_the_end_wakes_who_waits(live: LiveVideo) -> None:
    watcher = live.subscribe("plain")
    got: list[bytes | None] = []
    waiting = threading.Thread(target=lambda: got.append(watcher.get()))
    waiting.start()
    watcher.close()
    waiting.join(WAIT)
    assert got == [None]


def test_confidence_is_black_on_a_border_and_white_where_sure(tiny: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    margins = np.array([[0.0, 1.0, 100.0]], np.float32)
    better = 1 / (1 + np.exp(-margins.astype(float)))  # of two classes, by softmax
    monkeypatch.setattr(tiny, "confidence", lambda _: margins)
    picture = confidence_picture(tiny, np.zeros((1, 3, 3), np.uint8))
    assert picture.shape == (1, 3, 3)
    for channel in range(3):
        assert picture[..., channel].tolist() == np.round(255 * (better - (1 - better))).astype(int).tolist()
    monkeypatch.setattr(tiny, "confidence", lambda _: np.stack([margins, margins[:, ::-1]]))
    assert confidence_picture(tiny, np.zeros((1, 3, 3), np.uint8))[0, :, 1].tolist() == [0, 118, 0]
