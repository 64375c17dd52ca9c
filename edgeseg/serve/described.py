"""What was understood of the settings, for people and programs; no password and no token is in it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeseg.bundle import Bundle
from edgeseg.redact import redact, redact_option
from edgeseg.serve.settings import (
    CameraSettings,
    DriftSettings,
    LabellingSettings,
    ListenSettings,
    MqttSettings,
    RecordingSettings,
    Rule,
    ServiceSettings,
)
from edgeseg.serve.toml_table import UNITS


def to_json(settings: ServiceSettings, bundle: Bundle) -> dict[str, Any]:
    """A JSON object with every setting, defaults too."""
    listen, mqtt = settings.listen, settings.mqtt
    return {
        **_plain(asdict(settings.bundle)),
        "classes": list(bundle.spec.classes),
        "listen": None
        if listen is None
        else {"host": listen.host, "port": listen.port, "token": listen.token is not None, "tls": bool(listen.key)},
        "mqtt": None if mqtt is None else _plain({**asdict(mqtt), "credentials": _user(mqtt)}),
        "cameras": {camera.name: _camera(camera) for camera in settings.cameras},
    }


def to_text(settings: ServiceSettings, bundle: Bundle) -> str:
    """A few lines for each camera."""
    chosen, spec = settings.bundle, bundle.spec
    words = [f"engine {chosen.engine}", *([chosen.precision] if chosen.precision else []), chosen.mode]
    words += [f"batch {chosen.batch}"] if spec.batch > 1 else []
    lines = [f"bundle {chosen.bundle}: {', '.join(words)}; {spec.width}x{spec.height}, {len(spec.classes)} classes"]
    if settings.listen is not None:
        lines.append(_listen_text(settings.listen))
    if settings.mqtt is not None:
        mqtt = settings.mqtt
        lines.append(f"mqtt {mqtt.host}, port {mqtt.port}{', TLS' if mqtt.ca else ''}: topics {mqtt.topic}/...")
    for camera in settings.cameras:
        lines += [f"camera {camera.name}: {redact(camera.source)}", *(f"    {line}" for line in _camera_text(camera))]
    return "\n".join(lines)


def _camera(camera: CameraSettings) -> dict[str, Any]:
    fields = _plain(asdict(camera))
    del fields["name"]
    fields["zones"] = {zone.name: [list(corner) for corner in zone.corners] for zone in camera.zones}
    options = {name: redact_option(name, value) for name, value in camera.options.items()}
    return {**fields, "source": redact(camera.source), "credentials": _user(camera), "options": options}


def _user(owner: CameraSettings | MqttSettings) -> str | None:
    return None if owner.credentials is None else owner.credentials.user


def _plain(value: Any) -> Any:
    """The same with paths as texts."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _listen_text(listen: ListenSettings) -> str:
    scheme = "https" if listen.certificate else "http"
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"listen {scheme}://{host}:{listen.port}, {'with' if listen.token else 'without'} a token"


def _camera_text(camera: CameraSettings) -> list[str]:
    seconds = [f"stalled after {camera.stall_after:g} s"]
    seconds += [f"given up after {camera.give_up_after:g} s"] if camera.give_up_after is not None else []
    seconds += [f"frames up to {camera.max_age:g} s old"] if camera.max_age is not None else []
    seconds += [f"smoothed by {camera.smooth:g}"] if camera.smooth else []
    lines = [", ".join(seconds)]
    lines += [f"user {camera.credentials.user}"] if camera.credentials else []
    lines += [_recording_text(camera.recording)] if camera.recording else []
    lines += [f"zone {zone.name}: {len(zone.corners)} corners" for zone in camera.zones]
    lines += [_rule_text(rule) for rule in camera.rules]
    lines += [_labelling_text(camera.labelling)] if camera.labelling else []
    lines += [_drift_text(camera.drift)] if camera.drift else []
    return lines


def _recording_text(recording: RecordingSettings) -> str:
    what = ["overlays" if recording.overlay else "the plain picture"]
    what += ["masks"] if recording.masks else []
    what += ["fractions"] if recording.fractions else []
    keep = [f"{recording.keep_hours:g} hours"] if recording.keep_hours is not None else []
    keep += [_size(recording.keep_bytes)] if recording.keep_bytes is not None else []
    keep += [f"as long as {_size(recording.keep_free)} are free"] if recording.keep_free is not None else []
    kept = f"; keeps {', '.join(keep)}" if keep else "; keeps all"
    return f"records {', '.join(what)} into {recording.folder}, {recording.segment_seconds:g} s a file{kept}"


def _rule_text(rule: Rule) -> str:
    where = "the frame" if rule.zone is None else f"zone {rule.zone}"
    return (
        f"rule {rule.name}: {rule.class_name} above {100 * rule.above:g} % of {where} for {rule.seconds:g} s, until "
        f"{100 * rule.below:g} % or less"
    )


def _labelling_text(labelling: LabellingSettings) -> str:
    return (
        f"frames to label into {labelling.folder}: {labelling.most} at most, {_size(labelling.most_bytes)}, one in "
        f"{labelling.every:g} s"
    )


def _drift_text(drift: DriftSettings) -> str:
    return (
        f"drift from a reference in {drift.folder}, of {drift.learn_hours:g} hours: beyond {drift.limit:g} spreads, by "
        f"means of {drift.every:g} s"
    )


def _size(number: int) -> str:
    name, unit = max((pair for pair in UNITS.items() if pair[1] <= number), key=lambda pair: pair[1])
    return f"{number / unit:.4g} {name}"
