"""`edgeseg import`. Light, so that --help works where torch and onnx are not installed."""

from __future__ import annotations

from pathlib import Path

from edgeseg.cache import tell
from edgeseg.describe import tables
from edgeseg.progress import progress_bar
from edgeseg.terminal import make_console


def import_command(model: Path, *, spec: Path, out: Path, data: Path | None = None, split: str = "val") -> int:
    """Turn an ONNX file into a bundle that answers as the file does.

    The proof runs the same frames through both; a bundle that would answer differently is refused.

    Args:
        model: an ONNX file, from float or uint8 (1, 3, height, width) or (1, height, width, 3) to scores or class ids,
            opset 9 to 24.
        spec: a JSON file that says what it takes and gives; `edgeseg_export/foreign/model_spec.py` shows one.
        out: folder for the bundle; a bundle that lies there is replaced.
        data: a data set: its frames serve the comparison, and the artifact's accuracy is measured on its split.
        split: of the data set.
    """
    from edgeseg_export.foreign.import_onnx import import_onnx
    from edgeseg_export.foreign.model_spec import read_model_spec
    from edgeseg_export.foreign.trial import try_import

    model_spec = read_model_spec(spec)
    try_import(model, spec)
    with progress_bar("evaluate") as progress:
        bundle = import_onnx(model, model_spec, out, data=data, split=split, progress=progress, note=tell)
    make_console().print(tables(bundle))
    return 0
