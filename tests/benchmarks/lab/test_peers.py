"""Peers in turns: every one does the work, and the agreement of its masks is known before it is timed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, SourceError, UsageError
from edgeseg.spec import Spec
from lab.peers import environment, float_graph, table, turn
from lab.peers.__main__ import main
from lab.peers.peer import OURS, PEERS, Peer
from lab.peers.preparation import Limits, Preparation
from lab.peers.rounds import SAME, Job, PeerResult, run_rounds

LIMITS = Limits(frames=10, seconds=60)
FOLDER = Path(environment.__file__).parent


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    return make_bundle(tmp_path / "even", replace(spec, width=32, height=16, resize="letterbox"))


@pytest.fixture
def preparation(tmp_path: Path, bundle: Bundle) -> Preparation:
    return Preparation(bundle, None, tmp_path / "work")


def jobs(preparation: Preparation, video: Path, *peers: Peer) -> list[Job]:
    return [preparation.job(each, video, True, LIMITS) for each in (Peer(OURS, artifact=True), *peers)]


def test_peers_take_turns(preparation: Preparation, video: Path) -> None:
    said: list[str] = []
    scripts = [Peer("tutorial", artifact=True), Peer("tutorial_nearest", artifact=True, comparable=False)]
    started = jobs(preparation, video, *scripts, Peer("opencv_dnn"))
    results, absent = run_rounds(started, rounds=2, say=said.append)
    assert absent == {}
    ours, resized, nearest, dnn = results
    assert ours.to_json({"fp32": ours})["time_over_ours"]["fp32"]["rounds"] == [1.0, 1.0]
    assert resized.comparable
    assert dnn.comparable
    assert nearest.agreement < resized.agreement
    assert not nearest.comparable
    assert all(one.paces[0] > 0 and one.core_ms > 0 and len(one.paces) == 2 for one in results)
    assert all("opencv-python" in one.software for one in (resized, nearest, dnn))
    there = ["ours fp32", "tutorial fp32", "tutorial_nearest fp32", "opencv_dnn fp32"]
    assert [line.split(": ")[-1] for line in said[4:]] == [*there, *reversed(there)]


def test_the_command_measures_every_workload_and_writes_what_the_table_shows(
    tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle], video: Path
) -> None:
    stretched = make_bundle(tmp_path / "stretched", replace(spec, width=32, height=16))
    file, work = tmp_path / "peers.json", tmp_path / "work"
    main("tutorial", bundle=str(stretched.folder), source=video, enlarge="320x80", rounds=1, work=work, json_file=file)
    result = json.loads(file.read_text())
    assert [(one["width"], one["height"]) for one in result["workloads"]] == [(256, 64), (320, 80)]
    assert [each["name"] for each in result["workloads"][1]["peers"]] == ["ours", "tutorial"]
    assert set(result["absent"]) == {"ours int8", "tutorial int8"}
    assert set(result["ours"]["fp32"]["stage_core_ms"]) == {"decode", "prepare", "infer", "kernel"}
    for workloads in (result["workloads"], result["workloads"][1:]):
        rows = table.rows(result, workloads)
        assert [row[0] for row in rows] == ["ours fp32", "tutorial fp32"]
        assert len({len(row) for row in [table.head(workloads), *rows]}) == 1


def test_what_cannot_be_measured_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^no peer 'nobody'; choose of mmdeploy, "):
        main("nobody", work=tmp_path)
    with pytest.raises(UsageError, match=r"^rounds is 0, expected at least 1"):
        main(rounds=0, work=tmp_path)
    with pytest.raises(UsageError, match=r"^seconds is 0, expected more than 0"):
        main(seconds=0.0, work=tmp_path)
    with pytest.raises(SourceError, match=r"^there is no video .*nowhere.mp4"):
        main(source=tmp_path / "nowhere.mp4", work=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_that_fails_is_absent_with_the_reason_and_ours_may_not_fail(preparation: Preparation, video: Path) -> None:
    ours, broken = jobs(preparation, video, Peer("opencv_dnn"))
    nowhere = replace(broken, task=replace(broken.task, float_model="nowhere.onnx"))
    results, absent = run_rounds([ours, nowhere], rounds=1, say=lambda _: None)
    assert [each.peer.file for each in results] == [OURS]
    assert re.fullmatch(r"opencv_dnn failed: .*nowhere.*; is its package installed\?", absent["opencv_dnn fp32"])
    with pytest.raises(EngineError, match=r"^ours failed: "):
        run_rounds([replace(ours, task=replace(ours.task, bundle="nowhere"))], rounds=1, say=lambda _: None)


def test_an_artifact_that_the_bundle_lacks_is_a_reason_not_to_start(preparation: Preparation, video: Path) -> None:
    with pytest.raises(EngineError, match=r"no artifact for onnxruntime int8.*edgeseg quantize"):
        preparation.job(Peer("tutorial", "int8", artifact=True), video, False, LIMITS)


@pytest.mark.parametrize("precision", SAME)
def test_another_mask_is_another_work(precision: str) -> None:
    ours = PeerResult(Peer(OURS), 1.0, {}, (1.0, 1.0, 1.0), 5.0)
    result = PeerResult(Peer("tutorial", precision), SAME[precision], {}, (3.0, 1.0, 2.0), 5.0)
    assert result.comparable
    assert not replace(result, agreement=SAME[precision] - 1e-6).comparable
    assert not replace(result, peer=Peer("x", "bf16", comparable=False)).comparable
    assert result.to_json({"fp32": ours})["time_over_ours"]["fp32"]["median"] == 2.0


def test_a_turn_ends_with_the_first_mask_after_its_seconds(
    preparation: Preparation, video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = jobs(preparation, video)[0].task
    mask = np.zeros((2, 2), np.uint8)
    for seconds, frames in ((0.0, 1), (60.0, 4)):
        monkeypatch.setattr(sys, "argv", ["x", replace(task, frames=4, seconds=seconds).to_text()])
        turn.run_turn(lambda _: lambda: iter([mask] * 9))
        assert json.loads(capsys.readouterr().out)["frames"] == frames


def test_the_float_graph_gives_what_the_artifact_gives(
    tmp_path: Path, spec: Spec, make_model: Callable[..., onnx.ModelProto]
) -> None:
    model, alone = tmp_path / "model.onnx", tmp_path / "alone.onnx"
    onnx.save(make_model(spec), model)
    mean, deviation = float_graph.write(model, alone)
    assert (mean, deviation) == ([128.0] * 3, [1.0] * 3)
    frame = np.random.default_rng(0).integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)
    image = ((frame - np.array(mean, np.float32)) / np.array(deviation, np.float32)).transpose(0, 3, 1, 2)
    whole, network = (ort.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (model, alone))
    expected = whole.run(None, {"frame": frame})[0]
    np.testing.assert_allclose(network.run(None, {"image": image})[0], expected, atol=1e-5)


def test_a_graph_that_keeps_the_layout_of_frames_is_refused(
    tmp_path: Path, spec: Spec, make_model: Callable[..., onnx.ModelProto]
) -> None:
    loaded = make_model(spec)
    loaded.graph.node[0].op_type = "Identity"
    onnx.save(loaded, tmp_path / "model.onnx")
    with pytest.raises(UsageError, match=r"^model.onnx begins with Identity, expected a Transpose"):
        float_graph.write(tmp_path / "model.onnx", tmp_path / "alone.onnx")


def test_every_peer_has_its_file_and_its_pinned_packages() -> None:
    assert PEERS[0] == Peer(OURS, artifact=True)
    assert len({each.name for each in PEERS}) == len(PEERS)
    for each in PEERS:
        assert (FOLDER / f"{each.file}.py").is_file()
        assert each.comparable or each.note
    lists = {path.stem: path for path in environment.REQUIREMENTS.glob("*.txt")}
    assert set(lists) == {each.environment for each in PEERS} - {None}
    for path in lists.values():
        pins = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin) for pin in pins)


def test_an_environment_is_made_once_and_has_this_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = tmp_path / "requirements"
    lists.mkdir()
    (lists / "none.txt").write_text("# nothing\n")
    (lists / "lost.txt").write_text("./nowhere.whl\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", lists)
    python = environment.python_of("none", tmp_path)

    def imports(module: str) -> bool:
        command, folder = [str(python), "-c", f"import {module}"], environment.LABORATORY
        return subprocess.run(command, check=False, capture_output=True, cwd=tmp_path, env=folder).returncode == 0

    assert imports("lab.peers.peer")
    assert not imports("edgeseg.errors")
    made = (tmp_path / "none" / "made").stat().st_mtime_ns
    assert environment.python_of("none", tmp_path) == python
    assert (tmp_path / "none" / "made").stat().st_mtime_ns == made
    with pytest.raises(EngineError, match=r"^the environment lost cannot be set up here: .*nowhere\.whl"):
        environment.python_of("lost", tmp_path)
