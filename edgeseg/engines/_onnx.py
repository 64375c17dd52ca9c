"""What every runtime that reads ONNX files checks in them."""

from __future__ import annotations

from pathlib import Path

from edgeseg.errors import EngineError
from edgeseg.json_fields import parse_json
from edgeseg.spec import Spec


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
