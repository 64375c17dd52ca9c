"""What every runtime that reads ONNX files checks in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import EngineError, FrameError
from edgeseg.json_fields import parse_json
from edgeseg.spec import Spec


def check_tensor(tensor: NDArray[np.uint8], spec: Spec) -> None:
    """Refuses a tensor that the spec's artifacts do not take.

    Raises:
        FrameError: it is not uint8 (N, H, W, 3) of 1 to `spec.batch` pictures, of the spec's size or, where the network
            takes any, of another.
    """
    shape = spec.height, spec.width, 3
    fits = tensor.ndim == 4 and 1 <= len(tensor) <= spec.batch
    fits = fits and (tensor.shape[3] == 3 if spec.dynamic else tensor.shape[1:] == shape)
    if tensor.dtype != np.uint8 or not fits:
        count = "1" if spec.batch == 1 else f"1 to {spec.batch}"
        expected = f"({count}, {', '.join(map(str, shape))})"
        raise FrameError(f"got a tensor {tensor.shape} of {tensor.dtype}, expected {expected} of uint8")


def check_spec(path: Path, spec: Spec, metadata: str | None) -> None:
    """Refuses a spec that is not the one in the file's metadata, which the bundle's hash covers.

    Args:
        path: of the file, for messages.
        spec: the bundle's.
        metadata: the text there; None if there is none, as in files that edgeseg did not write.

    Raises:
        EngineError: the two differ, or the text is no spec.
    """
    if metadata is None:
        return
    try:
        same = Spec.from_json(parse_json(metadata)) == spec
    except ValueError as error:
        raise EngineError(f"{path} carries a spec that cannot be read ({error}); export the bundle again") from error
    if not same:
        raise EngineError(f"{path} carries another spec than its bundle.json; was that edited? Export the bundle again")
