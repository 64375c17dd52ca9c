"""`edgeseg import`. Light, so that --help works where torch and onnx are not installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgeseg.atomic import write_text
from edgeseg.cache import tell
from edgeseg.describe import tables
from edgeseg.errors import OutputError, UsageError
from edgeseg.progress import progress_bar
from edgeseg.terminal import make_console
from edgeseg_export.foreign.families import FamilyName
from edgeseg_export.sizes import parse_batch, parse_size


def import_command(
    model: Path,
    *,
    spec: Path | None = None,
    out: Path | None = None,
    make_spec: Annotated[bool, Parameter(negative="")] = False,
    like: FamilyName | None = None,
    size: str | None = None,
    batch: str | None = None,
    data: Path | None = None,
    split: str | None = None,
    golden: str | None = None,
) -> int:
    """Turn an ONNX file into a bundle that answers as the file does.

    The proof runs the same frames through both; a bundle that would answer differently is refused.

    Args:
        model: an ONNX file, from float or uint8 (1, 3, height, width) or (1, height, width, 3) to scores or class ids,
            opset 9 to 24.
        spec: a JSON file that says what it takes and gives; --make-spec begins one.
        out: folder for the bundle; a bundle that lies there is replaced.
        make_spec: write no bundle, but the spec (spec.json, if --spec names none): what the file tells is filled in,
            what only its owner knows is left open.
        like: with --make-spec: prepare frames as this library does.
        size: with --make-spec: WIDTHxHEIGHT of a network that takes any.
        batch: pictures that the bundle takes at once, as for export; the file must leave their number open.
        data: a data set: its frames serve the comparison, and the artifact's accuracy is measured on its split.
        split: the split of the data set to use, val by default.
        golden: pictures that the bundle is to carry, as for export.
    """
    if make_spec:
        if any(option is not None for option in (out, batch, data, split, golden)):
            options = "--out, --batch, --data, --split and --golden"
            raise UsageError(f"--make-spec writes a spec and no bundle; leave {options} for the import")
        return _write_spec(model, spec or Path("spec.json"), like, size)
    if spec is None or out is None:
        missing = "--spec spec.json" if spec is None else "--out FOLDER"
        raise UsageError(f"import needs {missing}; `edgeseg import {model} --make-spec` begins a spec")
    if like is not None or size is not None:
        raise UsageError("--like and --size go with --make-spec; they stand in the spec by now")
    from edgeseg.accuracy.dataset import check_split
    from edgeseg_export.foreign.import_onnx import import_onnx
    from edgeseg_export.foreign.model_spec import read_model_spec
    from edgeseg_export.foreign.trial import try_import
    from edgeseg_export.golden import read_pictures

    check_split(split, data)
    pictures, model_spec = read_pictures(golden), read_model_spec(spec).with_batch(parse_batch(batch))
    try_import(model, spec)
    with progress_bar("evaluate") as progress:
        bundle = import_onnx(
            model, model_spec, out, data=data, split=split or "val", golden=pictures, progress=progress, note=tell
        )
    make_console().print(tables(bundle))
    return 0


def _write_spec(model: Path, spec: Path, like: FamilyName | None, size: str | None) -> int:
    """Writes the spec, and says what is left to do."""
    from edgeseg_export.foreign.make_spec import make_spec

    if spec.exists():
        raise OutputError(f"{spec} already exists; name another file with --spec")
    made = make_spec(model, like=like, size=parse_size(size))
    write_text(spec, json.dumps(made.data, indent=2, ensure_ascii=False) + "\n")
    for note in made.notes:
        tell(note)
    console = make_console()
    if made.open_fields:
        fields = ", ".join(made.open_fields)
        console.print(f"{spec}: fill in {fields}; then", markup=False, highlight=False, soft_wrap=True)
    console.print(f"edgeseg import {model} --spec {spec} --out ./{made.data['name']}", markup=False, soft_wrap=True)
    return 0
