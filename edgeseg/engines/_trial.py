"""Models from outside are tried in a child process before they are opened in this one, once for a runtime and machine.

`python -m edgeseg.engines._trial RUNTIME THREADS SPEC` opens the model on its standard input and runs it once. A
compiled model that this leaves in the cache serves the parent.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from edgeseg.artifact import SHIPPED
from edgeseg.cache import cache_folder, keep, recall
from edgeseg.errors import EdgeSegError, EngineError
from edgeseg.files import real
from edgeseg.limits import attempt, model_limits
from edgeseg.spec import Spec


def try_model(name: str, path: Path, content: bytes, spec: Spec, threads: int) -> None:
    """Refuses a model that takes too much; what a runtime says of others, it says when they are opened.

    Args:
        name: of the runtime; those that need a card are not watched, and the model is tried in ONNX Runtime for them.
        path: of the file; the bundles that come with edgeseg need no trial.
        content: of it.
        spec: that it keeps.
        threads: for one inference.

    Raises:
        EngineError: it takes more memory or time than the limits allow, or the runtime dies of it.
    """
    if real(path).is_relative_to(real(SHIPPED)):  # the models there are edgeseg's own
        return
    runtime = "openvino" if name == "openvino" else "onnxruntime"
    text = json.dumps(spec.to_json(), sort_keys=True)
    key = hashlib.sha256("\0".join([runtime, str(threads), str(model_limits()), text]).encode() + content).hexdigest()
    note = cache_folder() / f"tried-{key[:32]}"
    if model_limits() is None or recall(note) is not None:
        return
    excess = attempt("edgeseg.engines._trial", runtime, str(threads), text, content=content)
    if excess is not None:
        raise EngineError(f"{path} is not opened: {excess}")
    keep(note, b"")


def main(runtime_name: str, threads: str, spec: str) -> int:
    """Opens and runs the model; 0 whatever comes of it, as only what it costs is asked."""
    from edgeseg.engines import runtime

    try:
        runtime(runtime_name).open(
            Path("model.onnx"), sys.stdin.buffer.read(), Spec.from_json(json.loads(spec)), int(threads)
        ).close()
    except EdgeSegError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
