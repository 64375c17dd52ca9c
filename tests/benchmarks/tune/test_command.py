"""`edgeseg tune`, and `edgeseg run --settings` with what it wrote, as a user meets them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edgeseg.bundle import Bundle

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(command_line: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`run(*arguments)`: exit code, stdout and stderr of `edgeseg`, in this process and an empty folder."""
    monkeypatch.chdir(tmp_path)
    return command_line


def test_the_choice_is_written_and_run_takes_it(
    run: Run, tiny: Bundle, sized: Bundle, labelled: Path, video: Path
) -> None:
    ask = ("--data", labelled, "--max-latency", 1e6, "--min-miou", 0, "--engine", "onnxruntime", "--threads", 1)
    code, out, err = run("tune", tiny.folder, sized.folder, *ask, "--json", "all.json", "--html", "all.html")
    assert code == 0
    assert "chosen" in out
    assert "edgeseg run SOURCE --settings settings.json" in err
    settings = json.loads(Path("settings.json").read_text())
    figures = json.loads(Path("all.json").read_text())
    assert len(figures["trials"]) == 4
    assert settings["measured"]["miou"] == pytest.approx(max(each["miou"] for each in figures["trials"]), abs=0.1)
    page = Path("all.html").read_text()
    assert not re.search(r"<script|<link|<img|\bsrc=|@import|url\(", page)
    (plot,) = re.findall(r"<svg.*?</svg>", page)
    assert len([one for one in ElementTree.fromstring(plot).iter() if one.tag.endswith("circle")]) == 4
    code, out, _ = run("run", video, "--settings", "settings.json", "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["threads"], report["workers"]) == (settings["threads"], settings["workers"])


def test_where_nothing_will_do_the_nearest_is_named(run: Run, tiny: Bundle, labelled: Path) -> None:
    code, _, err = run("tune", tiny.folder, "--data", labelled, "--max-latency", 1e-6, "--min-miou", 99)
    assert code == 1
    said = " ".join(err.split())
    assert "nothing keeps the budget; the nearest is" in said
    assert "p95" in said
    assert list(Path().iterdir()) == []


BAD = {
    "no bundle": (("--data", "{data}", "--max-latency", "9", "--min-miou", "0"), "no bundle is given"),
    "no data": (("{bundle}", "--data", "nowhere", "--max-latency", "9", "--min-miou", "0"), "nowhere"),
    "images without labels": (("{bundle}", "--data", "plain", "--max-latency", "9", "--min-miou", "0"), "has masks"),
    "data of other classes": (("road", "--data", "{data}", "--max-latency", "9", "--min-miou", "0"), "the classes"),
    "no percentage": (("{bundle}", "--data", "{data}", "--max-latency", "9", "--min-miou", "101"), "0 to 100"),
    "a fraction": (("{bundle}", "--data", "{data}", "--max-latency", "9", "--min-miou", "0.9"), "write 90"),
    "no budget": (("{bundle}", "--data", "{data}", "--max-latency", "0", "--min-miou", "0"), "max-latency is 0"),
    "no size": (
        ("{bundle}", "--data", "{data}", "--max-latency", "9", "--min-miou", "0", "--size", "big"),
        "size is 'big'",
    ),
    "unknown engine": (
        ("{bundle}", "--data", "{data}", "--max-latency", "9", "--min-miou", "0", "--engine", "nope"),
        "no engine 'nope'",
    ),
    "no place for the choice": (
        ("{bundle}", "--data", "{data}", "--max-latency", "9", "--min-miou", "0", "--out", "nowhere/s.json"),
        "cannot write",
    ),
    "one file for choice and figures": (
        ("{bundle}", "--data", "{data}", "--max-latency", "9", "--min-miou", "0", "--json", "./settings.json"),
        "settings.json is named for two outputs",
    ),
    "no video": (
        ("{bundle}", "--data", "{data}", "--max-latency", "9", "--min-miou", "0", "--source", "missing.mp4"),
        "does not exist",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence(what: str, run: Run, tiny: Bundle, labelled: Path) -> None:
    plain = Path("plain")
    (plain / "images").mkdir(parents=True)
    (plain / "classes.json").write_text((labelled / "classes.json").read_text())
    before = sorted(Path().rglob("*"))
    arguments, said = BAD[what]
    code, out, err = run("tune", *(part.format(bundle=tiny.folder, data=labelled) for part in arguments))
    assert code == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert err.count("error:") == 1
    assert sorted(Path().rglob("*")) == before


def test_data_that_calibrated_is_refused(run: Run, tiny: Bundle, labelled: Path, tmp_path: Path) -> None:
    from edgeseg.accuracy.dataset import Dataset
    from edgeseg.measured import Calibration
    from edgeseg_export.precision.calibration_data import frame_hash

    folder = tmp_path / "calibrated"
    folder.mkdir()
    for path in tiny.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    bundle = Bundle.open(folder)
    digest = frame_hash(Dataset.open(labelled).load(3)[0])[:16]
    bundle.record(bundle.artifacts[0], Calibration("mse", (), {}, None, None, None, (digest,)))
    code, _, err = run("tune", folder, "--data", labelled, "--max-latency", 9, "--min-miou", 0)
    assert code == 2
    assert "served for calibration" in err
