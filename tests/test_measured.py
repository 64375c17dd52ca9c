"""Facts of a bundle: read strictly, kept whole, written without a change to what they do not concern."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.agreement import Agreement, GoldenAgreement, TorchAgreement
from edgeseg.artifact import SHIPPED, Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.errors import BundleError
from edgeseg.fact import Fact
from edgeseg.measured import (
    Calibration,
    Evaluation,
    HalfRange,
    HeldOut,
    Latency,
    Measured,
    Network,
    Training,
    Verification,
)

KINDS: list[type[Fact]] = [
    *(Agreement, Calibration, Evaluation, GoldenAgreement, HalfRange, HeldOut, Latency, Network, TorchAgreement),
    *(Training, Verification),
]

EVALUATION = Evaluation(
    miou=70.0,
    iou={"road": 90.0, "sky": math.nan},
    pixel_accuracy=93.0,
    class_accuracy=80.0,
    boundary_f1=math.nan,
    class_boundary_f1={},
    images=101,
    split="val",
    data_sha256="a" * 64,
)
AGREEMENT = Agreement("onnxruntime fp32", 99.5, 98.0, 0.5, 20.0, 32, "onnxruntime")


@pytest.mark.parametrize("name", shipped())
def test_every_fact_of_the_shipped_bundles_is_typed_and_keeps_every_byte(name: str) -> None:
    bundle = Bundle.open(SHIPPED / name)
    stored = json.loads((bundle.folder / "bundle.json").read_bytes())["artifacts"]
    for artifact, written in zip(bundle.artifacts, stored, strict=True):
        assert json.dumps(artifact.to_json()) == json.dumps(written)
        read = {kind.KIND: artifact.measured.get(kind) for kind in KINDS}
        read["verify in openvino"] = artifact.measured.get(Verification, engine="openvino")
        for kind, figures in artifact.measured.facts.items():
            fact = read[kind]  # no kind and no field that the classes do not know
            assert fact is not None
            typed = fact.to_json()
            assert {key: typed[key] for key in figures} == figures


def test_a_fact_comes_back_as_it_was() -> None:
    facts: list[Fact] = [
        replace(EVALUATION, iou={"road": 90.0}, boundary_f1=71.0),
        AGREEMENT,
        Calibration("mse", ("stem",), {"mse": 80.5}, "miou", "camvid train", 96, ("0123", "4567")),
        HalfRange(0.004, "stem", 121, AGREEMENT),
        Verification("openvino", 70.0, {"road": 90.0}, None, 100.0, ((4, 98.5), (0, 99.0)), None, 10, "b" * 64),
        Training("c" * 64, {"settings": {"epochs": 3}, "hours": 0.4}),
    ]
    measured = Measured.of(*facts)
    assert json.loads(json.dumps(measured.facts, allow_nan=False)) == measured.facts
    assert [measured.get(type(fact)) for fact in facts] == facts


def test_what_is_not_defined_is_null_and_nan() -> None:
    figures = Measured.of(EVALUATION).facts["evaluation"]
    assert figures["iou"] == {"road": 90.0, "sky": None}
    assert figures["boundary_f1"] is None
    read = Measured.of(EVALUATION).get(Evaluation)
    assert read is not None
    assert math.isnan(read.iou["sky"])
    assert math.isnan(read.boundary_f1)
    assert "engine" not in figures


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_unknown_kinds_and_fields_survive(facts: dict[str, Any]) -> None:
    facts = {**facts, "evaluation": {"miou": 1, "confidence interval": [1, 2]}}
    added = Measured(facts).add(AGREEMENT)
    assert {kind: added.facts[kind] for kind in facts if kind != "agreement"} == {
        kind: fact for kind, fact in facts.items() if kind != "agreement"
    }
    evaluation = added.get(Evaluation)
    assert evaluation is not None
    assert evaluation.miou == 1


@given(st.sampled_from(KINDS), json_values)
def test_whatever_stands_there_is_a_fact_or_one_sentence(kind: type[Fact], data: Any) -> None:
    message = ""
    fact: Fact | None = None
    try:
        fact = Measured({kind.KIND: data}).get(kind)
    except BundleError as error:
        message = str(error)
    assert isinstance(fact, kind) or data is None or message.startswith(f"bundle.json: {kind.KIND}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "bundle.json: evaluation is 'text', expected an object"),
        ({"miou": "70"}, "evaluation: miou is '70', expected a number or null"),
        ({"miou": True}, "evaluation: miou is True, expected a number"),
        ({"miou": 10**400}, "evaluation: miou is larger than any measurement"),
        ({"iou": {"road": []}}, "evaluation: iou: road is "),
        ({"data_sha256": 7}, "evaluation: data_sha256 is 7, expected a string"),
    ],
)
def test_a_wrong_type_is_one_sentence(data: Any, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Measured({"evaluation": data}).get(Evaluation)


@pytest.mark.parametrize("hashes", ["0123", [7], {"a": "b"}])
def test_hashes_that_cannot_be_read_are_no_proof_of_no_overlap(hashes: Any) -> None:
    with pytest.raises(BundleError, match="calibration: frames_sha256"):
        Measured({"calibration": {"frames_sha256": hashes}}).get(Calibration)


VERIFICATION = Verification("onnxruntime", 70.0, {}, None, 100.0, (), 9.0, 10, data_sha256="a")


def artifact(*facts: Fact) -> Artifact:
    return Artifact("a.onnx", "onnxruntime", "int8", "0" * 64, 1, Measured.of(*facts))


@pytest.mark.parametrize(
    ("ours", "reference", "kept"),
    [
        ([EVALUATION], [EVALUATION], True),
        ([replace(EVALUATION, miou=69.4), AGREEMENT], [EVALUATION], False),  # labels decide before agreement does
        ([replace(EVALUATION, miou=math.nan), AGREEMENT], [EVALUATION], False),
        ([replace(EVALUATION, data_sha256="b"), AGREEMENT], [EVALUATION], True),
        ([replace(EVALUATION, left_over=(("x",), ()))], [EVALUATION], False),  # another mean
        ([replace(EVALUATION, iou={"sky": math.nan, "road": 90.0})], [EVALUATION], False),  # ids meant other classes
        ([replace(EVALUATION, miou=math.nan), AGREEMENT], [replace(EVALUATION, miou=math.nan)], True),
        ([VERIFICATION], [VERIFICATION], True),
        ([replace(VERIFICATION, miou=60.0), AGREEMENT], [VERIFICATION], False),
        ([replace(AGREEMENT, least=99.9)], [], False),
        ([replace(AGREEMENT, mask_agreement=90.0, least=80.0)], [], True),
        ([replace(EVALUATION, data_sha256=None), AGREEMENT], [replace(EVALUATION, data_sha256=None)], True),
        ([replace(EVALUATION, data_sha256=None)], [replace(EVALUATION, data_sha256=None)], False),
        ([replace(AGREEMENT, mask_agreement=math.nan)], [], False),
        ([], [EVALUATION], False),
        ([EVALUATION, HalfRange(0.1, "x", 9, AGREEMENT)], [EVALUATION], True),
        ([EVALUATION, HalfRange(0.1, "x", 9, replace(AGREEMENT, mask_agreement=12.6))], [EVALUATION], False),
        ([EVALUATION, HalfRange(0.1, "x", 9, replace(AGREEMENT, mask_agreement=math.nan))], [EVALUATION], False),
    ],
)
def test_the_gate(ours: list[Fact], reference: list[Fact], kept: bool) -> None:
    assert artifact(*ours).keeps_accuracy_of(artifact(*reference)) is kept


def test_the_gate_says_what_it_was_measured_on() -> None:
    low = replace(AGREEMENT, mask_agreement=97.0, frames=64, data="walk.mp4")
    reason = "its masks have 97.00 % of fp32's pixels in 64 frames of walk.mp4, expected 98 %"
    assert artifact(low).loss_against(artifact()) == reason
    lost = artifact(replace(EVALUATION, miou=69.4)).loss_against(artifact(EVALUATION))
    assert lost == "it loses 0.60 mIoU, more than 0.5"
    unmeasured = artifact().loss_against(artifact())
    assert unmeasured is not None
    assert "edgeseg verify --record" in unmeasured


def test_a_held_out_split_decides_nothing() -> None:
    held_out = HeldOut(**vars(replace(EVALUATION, miou=10.0)))
    assert artifact(EVALUATION, held_out).keeps_accuracy_of(artifact(EVALUATION))
    assert not artifact(held_out).keeps_accuracy_of(artifact(held_out))


def test_a_figure_of_another_engine_stands_beside() -> None:
    own = Verification("onnxruntime", 70.0, {}, None, 100.0, (), 9.0, 10)
    measured = Measured.of(own).add(replace(own, engine="openvino"), engine="openvino")
    assert measured.get(Verification) == own
    assert list(measured.facts) == ["verify", "verify in openvino"]
    assert measured.get(Verification, engine="tensorrt") is None
