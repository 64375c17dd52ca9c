"""A spec.json made from an ONNX file: what it finds, what it leaves open, and that `import` takes it once filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeseg.commands.import_ import import_command
from edgeseg.errors import ExportError, OutputError, SpecError, UsageError
from edgeseg_export.foreign.families import FAMILIES, FamilyName
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.make_spec import make_spec
from edgeseg_export.foreign.model_spec import OPEN, model_spec
from tests.export.foreign.test_import_refused import enlarged_twice
from tests.export.foreign.their_onnx import (
    CLASSES,
    HEIGHT,
    IMAGENET,
    WIDTH,
    argmaxed,
    constant,
    network,
    resized,
    saved,
)

OWNERS = ["classes", "licence", "input: colour", "input: range", "input: mean", "input: std"]
"""What no file tells."""

FILL = {"classes": [None] * CLASSES, "licence": "none", "colour": "RGB", "range": 1, **IMAGENET}


def filled(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A made spec with its open fields filled in by the owner."""
    values = {**FILL, **changes}
    whole = {name: values[name] if _open(value) else value for name, value in data.items()}
    whole["input"] = {name: values[name] if _open(value) else value for name, value in data["input"].items()}
    return whole


def _open(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(OPEN)


def test_a_plain_network_leaves_open_what_only_its_owner_knows(tmp_path: Path) -> None:
    path = saved(network(argmaxed, out=TensorProto.UINT8), tmp_path)
    made = make_spec(path)
    assert made.open_fields == OWNERS
    assert (made.data["stride"], made.data["head"], made.data["name"]) == (4, "classes", "theirs")
    assert (made.data["input"]["width"], made.data["input"]["height"]) == (WIDTH, HEIGHT)
    assert made.data["input"]["dynamic"] is False
    assert made.notes[0] == f"it takes float32 (1, 3, {HEIGHT}, {WIDTH}), and gives {CLASSES} channels at stride 4"
    for field in OWNERS:
        name = field.removeprefix("input: ")
        given = filled(made.data)
        target = given["input"] if field != name else given
        target[name] = (made.data["input"] if field != name else made.data)[name]
        with pytest.raises(SpecError, match=f"spec{': input' if field != name else ''}: {name} is not filled in"):
            model_spec(given)
    bundle = import_onnx(path, model_spec(filled(made.data)), tmp_path / "out")
    assert bundle.artifacts[0].measured.facts["original"]["mask_agreement"] >= 99.9


@pytest.mark.parametrize(
    ("name", "tail", "classes", "expected"),
    [
        ("logits", lambda s: [helper.make_node("Identity", [s], ["out"])], ["no", "yes"], ("logits", 0.0)),
        ("sigmoid", lambda s: [helper.make_node("Sigmoid", [s], ["out"])], ["no", "yes"], ("probabilities", 0.5)),
        (
            "hard mask",
            lambda s: [
                constant("zero", np.zeros((), np.float32)),
                helper.make_node("Greater", [s, "zero"], ["above"]),
                helper.make_node("Cast", ["above"], ["out"], to=TensorProto.FLOAT),
            ],
            ["no", "yes"],
            ("ids", 0.5),
        ),
    ],
)
def test_one_channel_is_a_binary_head_by_its_values(
    tmp_path: Path, name: str, tail: Any, classes: list[str], expected: tuple[str, float]
) -> None:
    del name
    path = saved(network(tail, channels=1), tmp_path)
    made = make_spec(path)
    assert made.data["head"] == "binary"
    assert (made.data["values"], made.data["threshold"]) == expected
    assert "two names" in made.data["classes"]
    import_onnx(path, model_spec(filled(made.data, classes=classes)), tmp_path / "out")


@pytest.mark.parametrize(("doubt", "threshold"), [(0, 127.5), (8, 10)])
def test_values_of_no_known_kind_leave_the_threshold_open(tmp_path: Path, doubt: float, threshold: float) -> None:
    """With doubt, noise as large as the input gives much higher levels than frames that are made smaller."""

    def levels(scores: str) -> list[onnx.NodeProto]:
        constants = [constant("doubt", np.array(doubt, np.float32)), constant("factor", np.array(255, np.float32))]
        less = helper.make_node("Sub", [scores, "doubt"], ["less"])
        squashed = helper.make_node("Sigmoid", ["less"], ["squashed"])
        return [*constants, less, squashed, helper.make_node("Mul", ["squashed", "factor"], ["out"])]

    path = saved(network(levels, channels=1), tmp_path)
    made = make_spec(path)
    assert "threshold" in made.open_fields
    import_onnx(path, model_spec(filled(made.data, classes=["no", "yes"], threshold=threshold)), tmp_path / "out")


def test_levels_of_uint8_have_a_middle(tmp_path: Path) -> None:
    """Their lowest and highest had been added in uint8, and a warning of NumPy printed."""

    def levels(scores: str) -> list[onnx.NodeProto]:
        low, high = constant("low", np.array(200, np.float32)), constant("high", np.array(250, np.float32))
        clipped = helper.make_node("Clip", ["far", "low", "high"], ["clipped"])
        far = helper.make_node("Mul", [scores, "high"], ["far"])
        return [low, high, far, clipped, helper.make_node("Cast", ["clipped"], ["out"], to=TensorProto.UINT8)]

    made = make_spec(saved(network(levels, channels=1, out=TensorProto.UINT8), tmp_path))
    assert "threshold" in made.open_fields


def test_whole_numbers_in_one_channel_may_be_ids(tmp_path: Path) -> None:
    def best(scores: str) -> list[onnx.NodeProto]:
        chosen = helper.make_node("ArgMax", [scores], ["ids"], axis=1)
        return [chosen, helper.make_node("Abs", ["ids"], ["out"])]  # which hides the arg-max

    made = make_spec(saved(network(best, out=onnx.TensorProto.INT64), tmp_path))
    assert any("if they are ids of classes, export the scores before them" in note for note in made.notes)


def test_what_only_a_run_shows(tmp_path: Path) -> None:
    kept = make_spec(saved(network(lambda s: [*resized(s, mode="nearest"), *_same("large")]), tmp_path))
    assert kept.data["stride"] == 1  # another resize than the kernels' stays in the graph
    corners = network(lambda s: [*resized(s, coordinate_transformation_mode="align_corners"), *_same("large")])
    assert make_spec(saved(corners, tmp_path)).data["grid"] == "corners"
    last = network(shape=(1, HEIGHT, WIDTH, 3))
    last.graph.node.insert(0, helper.make_node("Transpose", ["x"], ["planar"], perm=[0, 3, 1, 2]))
    last.graph.node[1].input[0] = "planar"
    assert f"float32 (1, {HEIGHT}, {WIDTH}, 3)" in make_spec(saved(last, tmp_path)).notes[0]
    sigmoids = make_spec(saved(network(lambda s: [helper.make_node("Sigmoid", [s], ["out"])]), tmp_path))
    assert "multi-label" in sigmoids.data["head"]
    assert "head" in sigmoids.open_fields


def test_of_the_highest_score_and_its_class_the_class_is_looked_at(tmp_path: Path) -> None:
    """What `scores.max(1)` gives in PyTorch."""

    def highest(s: str) -> list[onnx.NodeProto]:
        value = helper.make_node("ReduceMax", [s], ["out"], axes=[1], keepdims=0)
        return [value, helper.make_node("ArgMax", [s], ["ids"], axis=1, keepdims=0)]

    model = network(highest)
    model.graph.output.append(helper.make_tensor_value_info("ids", TensorProto.INT64, None))
    made = make_spec(saved(model, tmp_path)).data
    assert made["output"] == f"{OPEN}which of ids, out holds the scores; ids was looked at"
    assert (made["stride"], made["head"]) == (4, "classes")


def test_two_resizes_in_turn_are_not_left_out_together(tmp_path: Path) -> None:
    made = make_spec(saved(network(enlarged_twice), tmp_path))
    assert made.data["stride"] == 2
    import_onnx(tmp_path / "theirs.onnx", model_spec(filled(made.data)), tmp_path / "out")


def _same(name: str) -> list[onnx.NodeProto]:
    return [helper.make_node("Identity", [name], ["out"])]


def test_levels_of_uint8_are_not_normalised(tmp_path: Path) -> None:
    model = network(kind=TensorProto.FLOAT)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["levels"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "levels"
    made = make_spec(saved(model, tmp_path))
    assert made.open_fields == ["classes", "licence", "input: colour"]
    assert [made.data["input"][name] for name in ("range", "mean", "std")] == [255, [0.0] * 3, [1.0] * 3]


def test_any_size_asks_for_one_and_is_tried_at_others(tmp_path: Path) -> None:
    path = saved(network(shape=(1, 3, "h", "w")), tmp_path)
    made = make_spec(path)
    assert {"input: width", "input: height"} <= {*made.open_fields}
    assert made.data["input"]["dynamic"] is True
    sized = make_spec(path, size=(96, 64))
    assert [sized.data["input"][name] for name in ("width", "height")] == [96, 64]
    with pytest.raises(SpecError, match="takes 64x48 alone, not 96x64; leave --size out"):
        make_spec(saved(network(), tmp_path), size=(96, 64))


def test_several_outputs_are_told_apart_or_asked_for(tmp_path: Path) -> None:
    model = network()
    model.graph.output.append(helper.make_tensor_value_info("r0", TensorProto.FLOAT, None))
    path = saved(model, tmp_path)
    made = make_spec(path)
    assert made.data["output"] == f"{OPEN}which of out, r0 holds the scores; out was looked at"
    import_onnx(path, model_spec(filled(made.data, output="out")), tmp_path / "out")
    assert make_spec(path, like="torchvision").data["output"] == "out"
    model.graph.node.append(helper.make_node("GlobalAveragePool", ["r0"], ["pooled"]))
    model.graph.node.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
    del model.graph.output[1:]
    model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, None))
    assert make_spec(saved(model, tmp_path)).data["output"] == "out"


def test_names_in_metadata_are_taken_and_strange_ones_are_not(tmp_path: Path) -> None:
    model = network()
    names = [f"thing {index}" for index in range(CLASSES)]
    entry = model.metadata_props.add()
    entry.key = "names"
    for text, expected in (
        (repr(dict(enumerate(names))), names),
        (repr(dict(enumerate(names[:-1]))), None),
        (repr(dict(enumerate(["same"] * CLASSES))), None),
        ("__import__('os').system('true')", None),
        ("(" * 50_000, None),
    ):
        entry.value = text
        found = make_spec(saved(model, tmp_path)).data["classes"]
        assert found == expected or (expected is None and _open(found))


@pytest.mark.parametrize("like", FAMILIES)
def test_a_family_settles_how_frames_are_prepared(tmp_path: Path, like: FamilyName) -> None:
    made = make_spec(saved(network(), tmp_path), like=like)
    assert made.open_fields == ["classes", "licence"]
    assert made.data["input"] | dict(FAMILIES[like].input) == made.data["input"]
    assert any(FAMILIES[like].source in note for note in made.notes)
    import_onnx(tmp_path / "theirs.onnx", model_spec(filled(made.data)), tmp_path / "out")


def test_transformers_is_read_from_the_files_beside_the_model(tmp_path: Path) -> None:
    path = saved(network(), tmp_path)
    with pytest.raises(SpecError, match=r"reads preprocessor_config\.json, which is not in"):
        make_spec(path, like="transformers")
    processor = {"do_normalize": True, "rescale_factor": 1 / 255, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    labels = {str(index): f"thing {index}" for index in range(CLASSES)}
    (tmp_path / "config.json").write_text(json.dumps({"id2label": labels}))
    made = make_spec(path, like="transformers")
    assert made.open_fields == ["licence"]
    assert made.data["classes"] == list(labels.values())
    assert [made.data["input"][name] for name in ("colour", "mean", "std")] == ["RGB", [0.5] * 3, [0.25] * 3]
    flipped = {"do_normalize": False, "do_flip_channel_order": True}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(flipped))
    made = make_spec(path, like="transformers")
    assert [made.data["input"][name] for name in ("colour", "mean", "std")] == ["BGR", [0.0] * 3, [1.0] * 3]
    for damage in ({"do_normalize": True, "image_mean": [0.5]}, {**processor, "rescale_factor": 0.1}, [1]):
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(damage))
        with pytest.raises(SpecError):
            make_spec(path, like="transformers")


def test_the_command_writes_once_and_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(network(), tmp_path)
    monkeypatch.chdir(tmp_path)
    assert import_command(path, make_spec=True, like="mmseg") == 0
    said = capsys.readouterr()
    assert "spec.json: fill in classes, licence; then" in said.out
    assert f"edgeseg import {path} --spec spec.json --out ./theirs" in said.out
    assert f"gives {CLASSES} channels at stride 4" in said.err
    with pytest.raises(OutputError, match="already exists; name another"):
        import_command(path, make_spec=True)
    with pytest.raises(SpecError, match="spec: classes is not filled in: a list of 5 names"):
        import_command(path, spec=Path("spec.json"), out=tmp_path / "out")
    with pytest.raises(UsageError, match="--make-spec` begins a spec"):
        import_command(path, out=tmp_path / "out")
    with pytest.raises(UsageError, match="--like and --size go with --make-spec"):
        import_command(path, spec=Path("spec.json"), out=tmp_path / "out", like="mmseg")
    with pytest.raises(UsageError, match="writes a spec and no bundle"):
        import_command(path, make_spec=True, out=tmp_path / "out")


def test_what_gives_no_scores_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = helper.make_node("GlobalAveragePool", ["scores"], ["pooled"])
    model = network(lambda _: [pool, helper.make_node("Flatten", ["pooled"], ["out"])])
    with pytest.raises((SpecError, ExportError)):
        make_spec(saved(model, tmp_path))
    with pytest.raises(SpecError, match=r"gives 300 classes, and a mask holds 255 at most; write a spec whose"):
        make_spec(saved(network(channels=300), tmp_path))
    monkeypatch.setenv("EDGESEG_MODEL_MEMORY", "20")
    with pytest.raises(ExportError, match=r"is not run: it needs more than 20 MiB of memory"):
        make_spec(saved(network(), tmp_path))


def test_a_side_that_is_fixed_is_not_asked_for(tmp_path: Path) -> None:
    made = make_spec(saved(network(shape=(1, 3, HEIGHT, "w")), tmp_path))
    assert made.data["input"]["height"] == HEIGHT
    assert made.data["input"]["width"].startswith(OPEN)
    assert made.data["input"]["dynamic"] is False
    assert f"(1, 3, {HEIGHT}, 512), or any width" in made.notes[0]
