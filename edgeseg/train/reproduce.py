"""The commands that train a network again, from the record in its weights file."""

from __future__ import annotations

import shlex
from typing import Any

from edgeseg.train.settings import TrainSettings


def commands(net: str, record: dict[str, Any], *, name: str | None = None, licence: str | None = None) -> list[str]:
    """The run's own command last, before it those of the runs that it started from, back to the first or to a bundle.

    A bundle of the run's own name does not end them: the network was trained further, and has taken that name over.

    Args:
        net: the architecture.
        record: what `train` wrote of the run.
        name: of the network.
        licence: of the weights.
    """
    named = [f"--{flag} {shlex.quote(value)}" for flag, value in (("name", name), ("licence", licence)) if value]
    runs = [[f"edgeseg train {net} --data DATA --out OUT", *named, *_flags(record["settings"])]]
    while True:
        for teacher in teachers(record):  # with a size, it may be a shipped one that was exported for larger frames
            runs[0].append(f"--teacher {'TEACHER' if 'size' in teacher else shlex.quote(teacher['bundle'])}")
        if "start" not in record:
            return [" ".join(words) for words in runs]
        if record["start"].get("bundle", name) != name:
            runs[0].append(f"--start {shlex.quote(record['start']['bundle'])}")
            return [" ".join(words) for words in runs]
        folder = f"START{len(runs)}"
        usual = "weights.safetensors" if "bundle" in record["start"] else "checkpoint.safetensors"
        runs[0].append(f"--start {folder}/{record['start'].get('file', usual)}")
        record = record["start"]["run"]  # has its settings beside "net", "start" and "teachers"
        program = record.get("program", f"edgeseg train {record['net']}")
        runs.insert(0, [f"{program} --data DATA --out {folder}", *_flags(record)])


def teachers(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What a run's record says of its teachers. Until 0.2 there was one, which saw every crop anew."""
    return [*record.get("teachers", ()), *([record["teacher"]] if "teacher" in record else [])]


def _flags(settings: dict[str, Any]) -> list[str]:
    """Every setting that is not the default."""
    flags = []
    for key, usual in TrainSettings().to_json().items():
        value = settings.get(key, usual)
        if value == usual:
            continue
        flag = key.replace("_", "-")
        flags.append(f"--{'' if value else 'no-'}{flag}" if isinstance(value, bool) else f"--{flag} {value}")
    return flags
