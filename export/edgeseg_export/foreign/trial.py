"""Somebody else's ONNX file is imported in a child process first, into nowhere: it may take the machine's memory.

`python -m edgeseg_export.foreign.trial MODEL SPEC` does what `edgeseg import MODEL --spec SPEC` does without data.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from edgeseg.errors import EdgeSegError, ExportError
from edgeseg.limits import attempt


def try_import(model: Path, spec: Path) -> None:
    """Refuses a model that takes too much; whatever else is wrong with it, the import itself says.

    Raises:
        ExportError: it takes more memory or time than the limits allow, or ONNX Runtime dies of it.
    """
    excess = attempt(__name__, str(model), str(spec))
    if excess is not None:
        raise ExportError(f"{model} is not imported: {excess}")


def main(model: str, spec: str) -> int:
    """Imports the model into a folder that is deleted; 0 or 1, which nobody asks."""
    from edgeseg_export.foreign.import_onnx import import_onnx
    from edgeseg_export.foreign.model_spec import read_model_spec

    with tempfile.TemporaryDirectory(prefix="edgeseg-trial-") as folder:
        try:
            import_onnx(Path(model), read_model_spec(Path(spec)), Path(folder) / "bundle")
        except EdgeSegError:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
