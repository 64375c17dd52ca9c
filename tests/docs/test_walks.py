"""Pages that lead somewhere are walked through: every command of them, in order, really run on small inputs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeseg.accuracy.classes_file import read_classes
from edgeseg.cli import app
from edgeseg.errors import SpecError
from edgeseg_export.foreign.model_spec import OPEN
from edgeseg_export.frames import sample_frames

DOCS = Path(__file__).resolve().parents[2] / "docs"
Walk = Callable[[str], int]

NETWORK = '''
import torch
from tests.docs.test_walks import Colours

def factory():
    return Colours()
'''


class Colours(nn.Module):
    """Three classes at stride 4, by the brightness of a place: a network whose answers are worth keeping."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 4, stride=4)
        self.head = nn.Conv2d(8, 3, 1)
        torch.manual_seed(0)
        with torch.no_grad():
            self.body.weight[:] = torch.rand(8, 3, 4, 4) / 48
            self.head.weight[:] = torch.tensor([-8.0, 0.0, 8.0]).reshape(3, 1, 1, 1) / 8
            self.head.bias = nn.Parameter(torch.tensor([0.0, 1.0, 0.0]))

    def forward(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(pictures).relu())
        return scores


def commands(page: str) -> list[str]:
    """The commands of a page, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^ +edgeseg ([a-z].+?)(?:  +#.*)?$", text, re.MULTILINE)


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """Runs a command in an empty folder; gives its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(command: str) -> int:
        found: Any = app(shlex.split(command), result_action="return_value", print_error=False, exit_on_error=False)
        return int(found or 0)

    return run


def frames(count: int, first: int = 0) -> list[NDArray[np.uint8]]:
    """Crops of street pictures, no two of them the same."""
    streets = sample_frames(None)
    places = range(first, first + count)
    return [streets[place % 4][5 * place : 5 * place + 128, 7 * place : 7 * place + 192].copy() for place in places]


def write_data(folder: Path, names: list[str]) -> None:
    """A data set in the plain layout, with every class in every split."""
    classes = [{"name": name, "colour": [20 * index, 0, 0]} for index, name in enumerate(names)]
    for first, split in ((0, "train"), (8, "val")):
        for place, frame in enumerate(frames(8, first)):
            label = (np.indices(frame.shape[:2]).sum(axis=0) // 9 % len(names)).astype(np.uint8)
            for kind, picture in (("images", frame), ("masks", label)):
                (folder / kind / split).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / kind / split / f"{place}.png"), picture)
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))


def write_video(path: Path) -> None:
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (192, 128))
    for frame in frames(8, 16):
        video.write(frame)
    video.release()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's exporter that other people's files come from
def test_your_own_network(walk: Walk, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/module.py").write_text(NETWORK)
    network = Colours().eval()
    torch.save(network.state_dict(), "weights.pth")
    torch.onnx.export(network, (torch.zeros(1, 3, 256, 512),), "model.onnx", opset_version=17, dynamo=False)
    page = (DOCS / "own-network.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    write_data(tmp_path / "DATA", ["road", "class 1", "sky"])
    for name, first in (("FRAMES", 0), ("OTHERS", 8)):
        (tmp_path / name).mkdir()
        for place, frame in enumerate(frames(8, first)):
            cv2.imwrite(str(tmp_path / name / f"{place}.png"), frame)
    write_video(tmp_path / "walk.mp4")
    steps = commands("own-network.md")
    verbs = " ".join(step.split()[0] for step in steps)
    assert verbs == "import import export import import quantize verify run"
    for step in steps:
        # No camera and no screen are here: a video and a file stand for them.
        assert walk(step.replace("run 0 ", "run walk.mp4 ").replace("--show", "--out shown.mp4")) == 0, step
        if "--make-spec" in step:
            made = "like.json" if "like.json" in step else "spec.json"
            with pytest.raises(SpecError, match="is not filled in"):
                walk(f"import model.onnx --spec {made} --out ./early")
            _complete(Path(made), json.loads(written))
    assert Path("shown.mp4").stat().st_size > 1000
    assert (tmp_path / "mine/bundle.json").is_file()


def _complete(spec: Path, known: dict[str, Any]) -> None:
    """What the reader does: looks which fields are open, and writes there what the page's example has."""
    data = json.loads(spec.read_text())
    for part, example in ((data, known), (data["input"], known["input"])):
        part |= {name: example[name] for name, value in part.items() if _open(value)}
    spec.write_text(json.dumps(data))


def _open(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(OPEN)


def test_your_own_data(walk: Walk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_data(tmp_path / "DATA", ["Sky", "building", "traffic sign", "person", "ROAD"])
    steps = commands("own-data.md")
    assert [" ".join(step.split()[:2]) for step in steps] == ["data check", "data convert", "eval DATA", "eval DATA"]
    said = []
    for step in steps:
        assert walk(step) == 0, step
        said.append(" ".join(capsys.readouterr().out.split()))
    assert "no problems found" in said[0]
    assert Path("check.html").stat().st_size > 1000
    assert read_classes(tmp_path / "plain/classes.json").names == read_classes(tmp_path / "DATA/classes.json").names
    assert "3 classes enter the mean: Sky, building, ROAD" in said[2]
    assert "traffic sign, person are left out" in said[2]
    assert "5 classes enter the mean: Sky, building, traffic sign, person, ROAD" in said[3]


def test_the_files_that_the_page_on_data_shows_are_read(tmp_path: Path) -> None:
    page = (DOCS / "own-data.md").read_text(encoding="utf-8")
    shown = [block for block in re.findall(r"(?:^    .*\n)+", page, re.MULTILINE) if block.lstrip().startswith("{")]
    assert len(shown) == 2
    file = tmp_path / "classes.json"
    file.write_text(shown[0])
    assert read_classes(file).names == ("road", "car")
    file.write_text(shown[1].replace(", ...", ', {"name": "floor", "colour": [80, 50, 50], "id": 4}'))
    classes = read_classes(file)
    assert (classes.names, classes.ignore) == (("wall", "floor"), 255)
