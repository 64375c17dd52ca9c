"""`edgeseg export`. Light, so that --help works where torch is not installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.bundle import Bundle
from edgeseg.cache import tell
from edgeseg.describe import tables
from edgeseg.errors import UsageError
from edgeseg.progress import Progress, progress_bar
from edgeseg.spec import Resize
from edgeseg.terminal import make_console
from edgeseg_export.sizes import parse_batch, parse_size

if TYPE_CHECKING:
    from edgeseg_export.golden import Pictures


def export_command(
    network: str,
    *,
    out: Path,
    weights: Path | None = None,
    ignore_keys: tuple[str, ...] = (),
    spec: Path | None = None,
    name: str | None = None,
    size: str | None = None,
    resize: Resize | None = None,
    dynamic: bool = False,
    batch: str | None = None,
    mask_in_graph: bool = False,
    data: Path | None = None,
    split: str | None = None,
    golden: str | None = None,
) -> int:
    """Turn weights into a bundle that answers as PyTorch does.

    The proof runs the same frames through both; a graph that disagrees is refused, and its first wrong layer is named.

    Args:
        network: a file that `edgeseg train` wrote; a bundle that was made from one, by name or path, for another
            --size or --batch; or package.module:factory, which makes any PyTorch network.
        out: folder for the bundle; a bundle that lies there is replaced.
        weights: with a factory: its weights, safetensors or a torch checkpoint; by default those that it makes itself.
        ignore_keys: with weights: names in their file that the network does not have, as 'loss.*'; they are printed.
            May be given several times.
        spec: with a factory: a JSON file that says what it takes and gives (docs/own-network.md).
        name: the network's name; by default the one in the weights.
        size: the input's size as WIDTHxHEIGHT; by default the one in the weights.
        resize: how frames of other sizes are fitted: stretch, or letterbox (keeps the aspect ratio).
        dynamic: one graph for all input sizes.
        batch: pictures that the network takes at once: up to this number, or dynamic (up to 16); by default one. It
            is run with 1, 2, 3 and the most, and each picture must give what it gives alone.
        mask_in_graph: add an artifact that gives the mask itself, for those who run the ONNX file elsewhere.
        data: a data set: its frames serve the comparison, and the artifact's accuracy is measured on its split.
        split: the split of the data set to use, val by default.
        golden: pictures that the bundle is to carry, for every machine to be asked for their masks: a folder of them, a
            video, or street, those that come with edgeseg; by default some of the data set, or street.
    """
    from edgeseg.accuracy.dataset import check_split
    from edgeseg_export.golden import read_pictures
    from edgeseg_export.to_onnx import export

    is_factory = ":" in network
    if is_factory and spec is None:
        needs = "--spec spec.json, and --weights FILE unless it makes its own"
        raise UsageError(f"{network} is a factory, which needs {needs}")
    if is_factory and (name or size or resize or dynamic or mask_in_graph):
        raise UsageError("--name, --size, --resize, --dynamic and --mask-in-graph go with our weights; see --spec")
    if not is_factory and (weights is not None or spec is not None or ignore_keys):
        raise UsageError(
            f"--weights, --ignore-keys and --spec go with package.module:factory, not with {network}; leave them out"
        )
    check_split(split, data)
    split = split or "val"
    pictures = read_pictures(golden)
    with progress_bar("evaluate") as progress:
        if spec is not None:
            bundle = _export_module(
                network, weights, ignore_keys, spec, parse_batch(batch), out, data, split, pictures, progress
            )
        else:
            path = Path(network)
            bundle = export(
                path if path.suffix == ".safetensors" or path.is_file() else Bundle.open(network),
                out,
                name=name,
                size=parse_size(size),
                resize=resize,
                dynamic=dynamic,
                batch=parse_batch(batch),
                mask_in_graph=mask_in_graph,
                data=data,
                split=split,
                golden=pictures,
                progress=progress,
                note=tell,
            )
    make_console().print(tables(bundle))
    return 0


def _export_module(
    factory: str,
    weights: Path | None,
    ignore_keys: tuple[str, ...],
    spec: Path,
    batch: int,
    out: Path,
    data: Path | None,
    split: str,
    golden: Pictures | None,
    progress: Progress,
) -> Bundle:
    from edgeseg_export.foreign.from_torch import export_module  # here, as our own weights need none of it
    from edgeseg_export.foreign.model_spec import read_model_spec

    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does: a factory may lie in this folder
    return export_module(
        factory,
        weights,
        read_model_spec(spec).with_batch(batch),
        out,
        ignore_keys=ignore_keys,
        data=data,
        split=split,
        golden=golden,
        progress=progress,
        note=tell,
    )
