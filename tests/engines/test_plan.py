"""Plans by NVIDIA's own builder, TensorRT-RTX, which needs no GPU. Skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgeseg.engines._plan import build_plan
from edgeseg.errors import EngineError
from edgeseg.sidecar import product_of
from edgeseg.spec import Spec

MakeModel = Callable[..., onnx.ModelProto]


@pytest.mark.parametrize("dynamic", [False, True])
def test_the_real_builder_makes_a_plan(tmp_path: Path, spec: Spec, make_model: MakeModel, dynamic: bool) -> None:
    trt = pytest.importorskip("tensorrt_rtx")
    taken = replace(spec, dynamic=dynamic)
    plan = build_plan(make_model(taken).SerializeToString(), taken, trt, tmp_path / "tiny.onnx")
    assert product_of(plan, "plan") == ("tensorrt-rtx", trt.__version__)
    with pytest.raises(EngineError, match=r"cannot read .*export for tensorrt") as raised:
        build_plan(b"no model", taken, trt, tmp_path / "tiny.onnx")
    assert "\n" not in str(raised.value)
