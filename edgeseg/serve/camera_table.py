"""Reads one camera's table: [cameras.NAME], with its recording, zones, rules and labelling."""

from __future__ import annotations

import os
import re

from edgeseg.errors import UsageError
from edgeseg.redact import redact
from edgeseg.serve.polygon import check_polygon
from edgeseg.serve.settings import (
    BELOW,
    CameraSettings,
    DriftSettings,
    LabellingSettings,
    RecordingSettings,
    Rule,
    Zone,
)
from edgeseg.serve.toml_table import Table
from edgeseg.spec import Spec
from edgeseg.video.access import read_credentials
from edgeseg.video.open import LONGEST_TIMEOUT, is_live, is_stream, unread
from edgeseg.video.option_names import check_names
from edgeseg.video.options import LONGEST_STALL
from edgeseg.video.url import check_address

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
"""Of a camera: it stands in addresses, file names and topics."""

LONGEST_SEGMENT = 3600.0
"""Seconds."""

SMOOTHEST = 0.99
"""Weight of the average in the next one."""

FEWEST_PERIODS, MOST_PERIODS = 30, 20_000
"""Of a reference: fewer say little of a spread, more make a file of many megabytes."""

HOURS = 24 * 366 * 100.0
MOST_FRAMES = 10**7


def read_camera(name: str, table: Table, spec: Spec) -> CameraSettings:
    """The camera of a table.

    Args:
        name: of the camera.
        table: of it.
        spec: of the network, whose classes rules name.

    Raises:
        UsageError: something in it is wrong; the sentence names file and line.
    """
    if not NAME.fullmatch(name):
        raise table.error('is no name for a camera; take up to 64 letters, digits, "_", "-" and "."')
    _check_undivided(name, table)
    credentials = table.file("credentials", secret=True)
    with table.at("credentials"):
        user = None if credentials is None else read_credentials(credentials)
    zones = read_zones(table.table("zones"))
    source = _source(table)
    camera = CameraSettings(
        name=name,
        source=source,
        credentials=user,
        ca=table.file("ca"),
        insecure=table.flag("insecure", default=False),
        options=_options(table, source),
        timeout=table.number("timeout", CameraSettings.timeout, low=0.1, high=LONGEST_TIMEOUT, unit=" seconds"),
        stall_after=table.number(
            "stall_after", CameraSettings.stall_after, low=0.1, high=LONGEST_STALL, unit=" seconds"
        ),
        give_up_after=table.number("give_up_after", None, low=0.1, high=HOURS, unit=" seconds"),
        max_age=table.number("max_age", None, low=0.001, high=LONGEST_TIMEOUT, unit=" seconds"),
        smooth=table.number("smooth", CameraSettings.smooth, low=0.0, high=SMOOTHEST),
        recording=_recording(table.table("recording")),
        zones=zones,
        rules=read_rules(table, zones, spec),
        labelling=_labelling(table.table("labelling"), spec),
        drift=_drift(table.table("drift")),
    )
    if surplus := unread(source, camera.request.access):
        raise table.error(surplus[1], surplus[0])
    table.finish()
    return camera


def _check_undivided(name: str, table: Table) -> None:
    """Refuses [cameras.front.door], which is a table "door" in that of a camera "front"."""
    for key in [] if "source" in table else table.keys():
        if table.is_table(key) and "source" in table.inner(key):
            raise table.error(
                f'is a table in that of camera {name}, as a dot divides names; write [cameras."{name}.{key}"]', key
            )


def _source(table: Table) -> str:
    table.need("source", "a camera's number, a URL, or a GStreamer pipeline")
    number = table.is_integer("source")
    source = str(table.integer("source", 0, low=0, high=10**6)) if number else table.text("source", "")
    if not is_live(source):
        raise table.error(f"is {redact(source)}, expected a camera's number, a URL, or a GStreamer pipeline", "source")
    if is_stream(source):
        with table.at("source"):
            check_address(source)
    return source


def _options(table: Table, source: str) -> dict[str, str]:
    """FFmpeg's own; what their values may be is FFmpeg's matter."""
    inner = table.table("options")
    options = {} if inner is None else {name: inner.text(name, "") for name in inner.keys()}  # noqa: SIM118 - no dict
    if options and not is_stream(source):
        raise table.error(f"is for URLs, which FFmpeg reads, as {redact(source)} is not; leave it out", "options")
    for name in options:
        with table.at("options", name):
            check_names([name])
    return options


def _recording(table: Table | None) -> RecordingSettings | None:
    if table is None:
        return None
    table.need("folder", "where the recording is to lie")
    default = RecordingSettings
    recording = RecordingSettings(
        folder=table.writable_folder("folder"),
        segment_seconds=table.number(
            "segment_seconds", default.segment_seconds, low=1, high=LONGEST_SEGMENT, unit=" seconds"
        ),
        overlay=table.flag("overlay", default=default.overlay),
        masks=table.flag("masks", default=default.masks),
        fractions=table.flag("fractions", default=default.fractions),
        keep_hours=table.number("keep_hours", None, low=0.01, high=HOURS, unit=" hours"),
        keep_bytes=table.size("keep_bytes", None),
        keep_free=table.size("keep_free", None),
    )
    _check_kept(recording, table)
    table.finish()
    return recording


def _check_kept(recording: RecordingSettings, table: Table) -> None:
    """Refuses what would delete every file as soon as it is finished, and those that are there."""
    hours, seconds = recording.keep_hours, recording.segment_seconds
    if hours is not None and 3600 * hours <= seconds:
        raise table.error(
            f"is {hours:g}, and a file of {seconds:g} seconds (segment_seconds) is that old when it is finished; take "
            "more, or shorter files",
            "keep_hours",
        )
    if recording.keep_free is not None:
        with table.at("keep_free"):
            disk = os.statvfs(recording.folder)
            if recording.keep_free >= (size := disk.f_blocks * disk.f_frsize):
                raise UsageError(
                    f"{recording.keep_free} bytes are never free on the disk of {recording.folder}, which has {size}; "
                    "take less"
                )


def read_zones(table: Table | None) -> tuple[Zone, ...]:
    """The zones of a table: polygons by their names.

    Raises:
        UsageError: one is none.
    """
    zones = []
    for name in [] if table is None else table.keys():
        assert table is not None
        corners = tuple(_corner(table, name, at, corner) for at, corner in enumerate(table.values(name)))
        with table.at(name):
            check_polygon(corners)
        zones.append(Zone(name, corners))
    return tuple(zones)


def _corner(table: Table, name: str, at: int, corner: object) -> tuple[float, float]:
    if not (
        isinstance(corner, list)
        and len(corner) == 2
        and all(type(each) in (int, float) and 0 <= each <= 1 for each in corner)
    ):
        raise table.error(f"is {corner!r:.80}, expected a corner [x, y] in fractions of the frame, 0 to 1", name, at)
    return float(corner[0]), float(corner[1])


def read_rules(table: Table, zones: tuple[Zone, ...], spec: Spec) -> tuple[Rule, ...]:
    """The rules in a table, [[rules]]; none where there are none.

    Raises:
        UsageError: something in one is wrong.
    """
    rules: list[Rule] = []
    for each in table.tables("rules"):
        each.need("name", "what the event is called")
        each.need("when", 'when = { class = "...", above = 0.02 }')
        name, when = each.text("name", ""), each.inner("when")
        each.finish()
        if name in [rule.name for rule in rules]:
            raise each.error(f"is {name!r:.80}, and another rule has that name; rename one", "name")
        when.need("class", "what is looked for")
        when.need("above", "the fraction of the pixels from which on it is an event")
        above = when.number("above", 0.0, low=0.0, high=1.0)
        if above == 1:
            raise when.error("is 1, and nothing covers more than all of it; take less, 0.99", "above")
        rules.append(
            Rule(
                name=name,
                class_name=when.choice("class", spec.classes, ""),
                zone=when.choice("zone", tuple(zone.name for zone in zones), None),
                above=above,
                below=when.number("below", BELOW * above, low=0.0, high=above),
                seconds=when.number("for", Rule.seconds, low=0.0, high=LONGEST_STALL, unit=" seconds"),
            )
        )
        when.finish()
    return tuple(rules)


def _labelling(table: Table | None, spec: Spec) -> LabellingSettings | None:
    if table is None:
        return None
    if not spec.head.exclusive:
        raise table.error(f"is for classes that do not overlap, and labels of bundle {spec.name} may; leave it out")
    table.need("folder", "where the frames are to lie")
    default = LabellingSettings
    labelling = LabellingSettings(
        folder=table.writable_folder("folder"),
        most=table.integer("most", default.most, low=1, high=MOST_FRAMES),
        most_bytes=table.size("most_bytes", default.most_bytes),
        every=table.number("every", default.every, low=0.001, high=LONGEST_TIMEOUT, unit=" seconds"),
    )
    table.finish()
    return labelling


def _drift(table: Table | None) -> DriftSettings | None:
    if table is None:
        return None
    table.need("folder", "where the reference is to lie")
    default = DriftSettings
    drift = DriftSettings(
        folder=table.writable_folder("folder"),
        learn_hours=table.number("learn_hours", default.learn_hours, low=0.001, high=HOURS, unit=" hours"),
        every=table.number("every", default.every, low=1.0, high=LONGEST_TIMEOUT, unit=" seconds"),
        limit=table.number("limit", default.limit, low=1.0, high=1000.0),
    )
    if not FEWEST_PERIODS <= drift.periods <= MOST_PERIODS:
        raise table.error(
            f"learns from {drift.periods} periods, learn_hours by every, expected {FEWEST_PERIODS} to {MOST_PERIODS}; "
            "change either"
        )
    table.finish()
    return drift
