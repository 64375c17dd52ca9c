"""State, pictures, files of events, health: what a program gets."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

import httpx
import jsonschema

from edgeseg.serve.web.api import BOUNDS
from tests.serve.web.conftest import Served

SECONDS = 30.0


def _answer(served: Served, path: str, schema: str) -> dict[str, Any]:
    """What a path answers, which the API's own description agrees to."""
    answer = served.client.get(path)
    document = served.client.get("/api/openapi.json").json()
    reference = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    jsonschema.Draft202012Validator(reference, format_checker=jsonschema.FormatChecker()).validate(answer.json())
    found = answer.json()
    assert isinstance(found, dict)
    return found


def test_the_status_is_the_services(served: Served) -> None:
    before = _answer(served, "/api/status", "Status")
    assert [camera["age"] for camera in before["cameras"]] == [None, None]
    served.service.cameras["gate"].revive()
    for _ in range(3):
        served.first_frames()
    time.sleep(0.25)  # an answer serves for a while
    status = _answer(served, "/api/status", "Status")
    gate, yard = status["cameras"]
    assert (gate["name"], gate["state"], gate["masks"]) == ("gate", "live", 3)
    assert yard["state"] == "connecting"
    assert (gate["width"], gate["height"]) == (320, 180)
    assert sum(gate["fractions"].values()) == pytest.approx(1.0)
    assert status["sha256"] == served.service.model.candidate.artifact.sha256  # type: ignore[union-attr]
    assert len(status["palette"]) == len(status["classes"]) == 11
    assert len(gate["latency"]) == len(status["latency_bounds"]) == len(BOUNDS)
    assert gate["latency"][-1] == 3
    assert gate["stages"]["capture_to_mask"]["count"] == 3


def test_pictures_are_the_newest_frames(served: Served) -> None:
    assert served.client.get("/api/cameras/gate/frame.jpg").status_code == 503
    served.first_frames()
    result, model = served.service.cameras["gate"].newest, served.service.model
    assert result is not None
    assert result.mask is not None
    mask = served.client.get("/api/cameras/gate/mask.png")
    assert mask.headers["content-type"] == "image/png"
    assert int(mask.headers["age"]) <= 20
    decoded = cv2.imdecode(np.frombuffer(mask.content, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, result.mask)
    for name, expected in (("frame.jpg", result.frame), ("overlay.jpg", model.paint(result.mask, result.frame))):
        answer = served.client.get(f"/api/cameras/gate/{name}")
        assert answer.headers["content-type"] == "image/jpeg"
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert np.abs(picture.astype(int) - expected).mean() < 4.0


def test_a_new_frame_gives_a_new_picture(served: Served) -> None:
    served.first_frames()
    first = served.client.get("/api/cameras/gate/frame.jpg").content
    assert served.client.get("/api/cameras/gate/frame.jpg").content == first
    served.first_frames()
    assert served.client.get("/api/cameras/gate/frame.jpg").content != first


def test_a_picture_does_not_hold_its_result(served: Served) -> None:
    served.first_frames()
    gate = served.service.cameras["gate"]
    assert served.client.get("/api/cameras/gate/frame.jpg").status_code == 200
    assert gate.newest is not None
    assert gate.newest.mask is not None
    mask = weakref.ref(gate.newest.mask)
    gate.newest = None
    gc.collect()
    assert mask() is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/cameras/nobody/frame.jpg",
        "/api/cameras/gate/passwd",
        "/api/cameras/..%2f..%2fetc/passwd",
        "/page/..%2fapp.py",
        "/page/%2e%2e/app.py",
        "/api/status/",
        "/etc/passwd",
        "/api/events/1/still",
        "/api/events/-1/still",
        "/api/events/99999999999999999999/clip",
        f"/api/events/{'9' * 5000}/clip",
    ],
)
def test_other_paths_are_refused_in_a_sentence(served: Served, path: str) -> None:
    answer = served.client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_what_is_unforeseen_is_one_line_of_the_log(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.serve.web.api.choose_encoder", lambda _: 1 / 0)
    answer = served.client.get("/metrics")
    assert answer.status_code == 500
    assert answer.json() == {"error": "this could not be answered; the service's log says why"}
    deadline = time.monotonic() + SECONDS
    while not (ours := [each for each in caplog.records if not each.name.startswith("http")]):  # the client's own
        assert time.monotonic() < deadline
        time.sleep(0.01)  # the line follows the answer
    assert [(record.getMessage(), record.exc_info) for record in ours] == [
        ("no answer to '/metrics': ZeroDivisionError: division by zero", None)
    ]


def test_methods_that_change_things_are_refused(served: Served) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = served.client.request(method, "/api/status")
        assert answer.status_code == 405
        assert answer.json() == {"error": f"{method} is not for this path"}


def test_an_event_gives_its_still_and_its_clip(served: Served, tmp_path: Path) -> None:
    still, clip = tmp_path / "still.jpg", tmp_path / "clip.mp4"
    still.write_bytes(b"picture")
    clip.write_bytes(b"0123456789")
    event = served.service.events.add("rule", "somebody", "Pedestrian in A", "gate", True, still, clip)
    answer = served.client.get(f"/api/events/{event.number}/still")
    assert (answer.content, answer.headers["content-type"]) == (b"picture", "image/jpeg")
    part = served.client.get(f"/api/events/{event.number}/clip", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    clip.unlink()
    assert served.client.get(f"/api/events/{event.number}/clip").status_code == 404


class HungDisk(type(Path())):  # type: ignore[misc]
    """A file on a disk that does not answer before it is told to."""

    answers = threading.Event()

    def is_file(self, **_: object) -> bool:
        return not self.answers.wait(SECONDS)


def test_a_disk_that_hangs_holds_up_its_own_answer_alone(served: Served) -> None:
    event = served.service.events.add("rule", "somebody", "Pedestrian in A", "gate", True, HungDisk("/mnt/still.jpg"))
    found: list[int] = []
    path = f"{served.server.url}api/events/{event.number}/still"
    reader = threading.Thread(target=lambda: found.append(httpx.get(path, timeout=60, trust_env=False).status_code))
    reader.start()
    time.sleep(0.2)  # so that the disk is asked
    assert served.client.get("/healthz").status_code == 200
    assert found == []
    HungDisk.answers.set()
    reader.join()
    assert found == [404]


def test_it_lives_while_the_network_works_wherever_the_cameras_are(served: Served) -> None:
    served.service.cameras["gate"].kill()
    assert _answer(served, "/livez", "Life") == {"well": True}
    served.service.well = False
    hung = served.client.get("/livez")
    assert (hung.status_code, hung.json()) == (503, {"well": False})


def test_health_is_red_when_a_camera_is_lost(served: Served) -> None:
    assert served.client.get("/healthz").status_code == 200  # both connect for the first time
    gate, yard = served.service.cameras.values()
    gate.revive()
    yard.revive()
    time.sleep(0.25)
    assert _answer(served, "/healthz", "Health") == {"healthy": True, "live": 2, "cameras": 2}
    yard.kill()
    time.sleep(0.25)
    lost = served.client.get("/healthz")
    assert (lost.status_code, lost.json()) == (503, {"healthy": False, "live": 1, "cameras": 2})
    yard.revive()
    time.sleep(0.25)
    assert served.client.get("/healthz").status_code == 200
