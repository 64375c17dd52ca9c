"""Classes of a network and of a data set that are not the same lists."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.accuracy.class_map import ClassMap, parse_map
from edgeseg.accuracy.layouts.camvid import CAMVID
from edgeseg.accuracy.layouts.cityscapes import BY_TRAIN_ID as CITYSCAPES
from edgeseg.errors import DataError, UsageError

LETTERS = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True)


def test_equal_names_go_together_whatever_their_case_and_spaces() -> None:
    found = ClassMap.of(CITYSCAPES.names, CAMVID.names)
    assert found.names == ("Sky", "Building", "Pole", "Road", "Fence", "Car")
    network, data = found.left_over
    assert data == ("Pavement", "Tree", "SignSymbol", "Pedestrian", "Bicyclist")
    assert len(network) == 13
    assert "traffic sign" in network
    assert "6 classes enter the mean" in found.sentences()[0]
    assert found.renamed == {}
    assert ClassMap.of(["traffic sign", "x"], ["TrafficSign", "y"]).names == ("TrafficSign",)
    alike = ClassMap.of(["Car", "car", "sky"], ["car", "CAR", "Sky"])
    assert alike.groups["car"] == (("car",), ("car",))
    assert alike.left_over == (("Car",), ("CAR",))


def test_stated_pairs_go_first_and_may_join_classes() -> None:
    pairs = parse_map(["person=Pedestrian", "rider = Bicyclist", "bicycle=Bicyclist"])
    found = ClassMap.of(CITYSCAPES.names, CAMVID.names, pairs)
    assert found.groups["Bicyclist"] == (("bicycle", "rider"), ("Bicyclist",))
    assert found.groups["Pedestrian"] == (("person",), ("Pedestrian",))
    assert "Pedestrian is the network's person; Bicyclist is the network's bicycle, rider" in found.sentences()[0]
    joined = ClassMap.of(["vehicle", "sky"], ["car", "truck", "sky"], (("vehicle", "car"), ("vehicle", "truck")))
    assert joined.groups["vehicle"] == (("vehicle",), ("car", "truck"))
    with pytest.raises(DataError, match="several classes may mean one, but not several"):
        ClassMap.of(["a", "b"], ["c", "d"], (("a", "c"), ("b", "c"), ("b", "d")))


def test_what_cannot_be_mapped_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no class of the data \(c, d\) has a name of the network \(a, b\); .*--map"):
        ClassMap.of(["a", "b"], ["c", "d"])
    with pytest.raises(DataError, match="the network has no class 'x' to map, it has a, b"):
        ClassMap.of(["a", "b"], ["c", "d"], (("x", "c"),))
    with pytest.raises(DataError, match="the data set has no class 'x' to map, it has c, d"):
        ClassMap.of(["a", "b"], ["c", "d"], (("a", "x"),))
    for word in ("person", "=x", "x="):
        with pytest.raises(UsageError, match="no NETWORK=DATA"):
            parse_map([word])
    file = tmp_path / "map.json"
    with pytest.raises(DataError, match="No such file"):
        parse_map([str(file)])
    file.write_text(json.dumps({"vehicle": ["car", "truck"], "person": "human"}))
    assert parse_map([str(file), "a=b"]) == (("vehicle", "car"), ("vehicle", "truck"), ("person", "human"), ("a", "b"))
    file.write_text(json.dumps({"vehicle": [1]}))
    with pytest.raises(DataError, match="vehicle is 1, expected a string"):
        parse_map([str(file)])


@given(LETTERS, LETTERS, st.integers(0, 2**32 - 1))
def test_figures_are_those_counted_by_name(network: list[str], data: list[str], seed: int) -> None:
    """Against a count of names, pixel by pixel, that knows no tables and no matrix."""
    random = np.random.default_rng(seed)
    mask = random.integers(0, len(network), (5, 7)).astype(np.uint8)
    label = random.integers(0, len(data), (5, 7)).astype(np.uint8)
    label[0, :3] = 255
    common = sorted({*network} & {*data}, key=data.index)
    if not common:
        with pytest.raises(DataError):
            ClassMap.of(network, data)
        return
    matrix = ClassMap.of(network, data).matrix()
    matrix.add(mask, label, ignore=255)
    pixels = [(network[found], data[true]) for found, true in zip(mask.flat, label.flat, strict=True) if true != 255]
    counted = [(found, true) for found, true in pixels if true in common]
    assert matrix.classes == tuple(common)
    for name, iou in zip(common, matrix.iou, strict=True):
        union = sum(name in pair for pair in counted)
        expected = 100 * sum(pair == (name, name) for pair in counted) / union if union else float("nan")
        np.testing.assert_allclose(iou, expected)
    if counted:
        right = 100 * sum(found == true for found, true in counted) / len(counted)
        assert matrix.pixel_accuracy == pytest.approx(right)
    else:
        assert np.isnan(matrix.pixel_accuracy)


def test_ids_that_are_no_class_are_refused() -> None:
    matrix = ClassMap.of(["a", "b", "c"], ["a", "b"]).matrix()
    zeros = np.zeros((2, 2), np.uint8)
    with pytest.raises(DataError, match="a label holds the id 2, expected 0 to 1"):
        matrix.add(zeros, zeros + 2, ignore=255)
    with pytest.raises(DataError, match="a mask holds the id 3, expected 0 to 2"):
        matrix.add(zeros + 3, zeros, ignore=255)
    assert ClassMap.of(["b", "a"], ["b", "a"]).same
    assert not ClassMap.of(["b", "a"], ["a", "b"]).same
