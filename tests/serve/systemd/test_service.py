"""The unit under a real systemd: what it is told is true, and what it does about failures helps (make service)."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import av

from tests.serve.systemd.hold import hold
from tests.serve.systemd.machine import UNIT, Machine, wait_for

FOLDER = "var/lib/edgeseg"


def restarted(machine: Machine, old: dict[int, int], restarts: int) -> None:
    """Waits until the service is there again, and sees that nothing is left of what it was."""
    wait_for("a restart", lambda: int(machine.property("NRestarts")) > restarts)
    wait_for("READY", lambda: machine.property("ActiveState") == "active")
    assert int(machine.property("NRestarts")) == restarts + 1
    assert not old.keys() & machine.processes().keys()
    wait_for("a mask", lambda: machine.status()["cameras"][0]["masks"] > 0)


def ends(machine: Machine) -> list[str]:
    """How each main process so far ended: the result, and what the kernel said."""
    return re.findall(r"^end: (.+)$", machine.journal(), re.MULTILINE)


def test_ready_comes_when_it_serves(machine: Machine) -> None:
    machine.check("systemctl", "start", "--no-block", UNIT)
    wait_for("a main process", lambda: machine.property("MainPID") != "0")
    while machine.property("ActiveState") == "activating" and machine.property("NRestarts") == "0":
        time.sleep(0.05)
    assert machine.property("ActiveState") == "active", machine.journal()
    assert [each["name"] for each in machine.status()["cameras"]] == ["gate"]  # the page answers from then on
    wait_for("STATUS", lambda: machine.property("StatusText").startswith("1 of 1 cameras live, "))


def test_it_is_an_ordinary_user_that_can_write_its_recordings_alone(service: Machine) -> None:
    main = service.main()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{main}/status").read_text().splitlines())
    assert "0" not in status["Uid"].split()
    confined = [status[name] for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")]
    assert confined == ["0" * 16, "0" * 16, "1", "2"]
    mounts = [line.split() for line in Path(f"/proc/{main}/mounts").read_text().splitlines()]
    writable = {words[1] for words in mounts if "rw" in words[3].split(",")}
    assert {"/var/lib/edgeseg", "/var/cache/edgeseg"} <= writable
    assert not writable & {"/", "/etc", "/usr", "/var", "/home"}
    wait_for("a segment", lambda: any((service.root / FOLDER).glob("gate-*.mp4")))


def test_the_watchdog_leaves_it_alone_while_it_works(service: Machine) -> None:
    main = service.property("MainPID")
    time.sleep(2.5 * 10)
    assert (service.property("MainPID"), service.property("ActiveState")) == (main, "active")


def test_reload_takes_other_settings_over(service: Machine) -> None:
    path = service.root / "etc/edgeseg/cameras.toml"
    text, main = path.read_text(), service.property("MainPID")
    source = next(line for line in text.splitlines() if line.startswith("source"))
    try:
        path.write_text(f"{text}\n[cameras.yard]\n{source}\n")
        service.check("systemctl", "reload", UNIT)
        wait_for("the second camera", lambda: len(service.status()["cameras"]) == 2)
        wait_for("STATUS", lambda: service.property("StatusText").startswith("2 of 2 cameras live, "))
        assert service.status()["cameras"][0]["connection"]["reconnects"] == {}
        path.write_text("nonsense")
        service.check("systemctl", "reload", UNIT)
        wait_for("a refusal", lambda: "name=refused" in service.journal())
        assert len(service.status()["cameras"]) == 2
    finally:
        path.write_text(text)
    service.check("systemctl", "reload", UNIT)
    wait_for("one camera", lambda: len(service.status()["cameras"]) == 1)
    assert (service.property("MainPID"), service.property("ActiveState")) == (main, "active")


def test_a_process_that_is_stopped_is_started_anew(service: Machine) -> None:
    restarts, old = int(service.property("NRestarts")), service.processes()
    os.kill(service.main(), signal.SIGSTOP)
    restarted(service, old, restarts)
    assert ends(service)[-1].startswith("watchdog ")


def test_one_whose_workers_hang_is_started_anew(service: Machine) -> None:
    while "name=stuck" not in service.journal():  # the main thread's word, unless one was held that had Python's lock
        restarts, old = int(service.property("NRestarts")), service.processes()
        hold(service.main())
        restarted(service, old, restarts)
        assert ends(service)[-1].startswith("watchdog ")


def test_one_that_is_killed_is_started_anew_and_leaves_nothing(service: Machine) -> None:
    restarts, old = int(service.property("NRestarts")), service.processes()
    parts = set((service.root / FOLDER).glob(".gate-*.part.mp4"))
    os.kill(service.main(), signal.SIGKILL)
    restarted(service, old, restarts)
    assert ends(service)[-1] == "signal killed KILL"
    assert not parts & set((service.root / FOLDER).glob(".gate-*.part.mp4"))  # what was unfinished has its name
    assert not list(Path(f"/proc/{service.main()}/root/dev/shm").iterdir())


def test_stop_ends_it_in_order(service: Machine) -> None:
    began = time.monotonic()
    service.check("systemctl", "stop", UNIT)
    assert time.monotonic() - began < 5
    assert ends(service)[-1] == "success exited 0"
    assert not service.processes()
    folder = service.root / FOLDER
    segments = sorted(folder.glob("gate-*.mp4"))
    assert segments
    assert not list(folder.glob(".*"))
    for segment in segments:
        with av.open(str(segment)) as video:
            assert sum(1 for _ in video.decode(video=0)) > 0


def test_settings_that_are_wrong_are_never_ready(machine: Machine) -> None:
    path = machine.root / "etc/edgeseg/cameras.toml"
    text = path.read_text()
    try:
        path.write_text(re.sub("^bundle = .+$", 'bundle = "nowhere"', text, flags=re.MULTILINE))
        assert "nowhere" not in machine.journal()
        machine.run("systemctl", "start", UNIT)
        assert machine.property("ActiveState") != "active"
        assert "nowhere" in machine.journal()
    finally:
        machine.run("systemctl", "stop", UNIT)
        path.write_text(text)


def test_what_systemd_says_of_the_unit(machine: Machine) -> None:
    assert machine.check("systemd-analyze", "verify", UNIT) == ""
    rating = machine.check("systemd-analyze", "security", UNIT).splitlines()[-1]
    exposure = re.search(r"exposure level for edgeseg.service: ([\d.]+)", rating)
    assert exposure is not None
    assert float(exposure[1]) < 3, rating  # of 10; network, devices and compilers cost 2.0
