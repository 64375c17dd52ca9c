"""One pass of frames through the fp32 graph: a histogram of every activation that may be quantised.

The pass is kept in a cache whose key is made of the model's and the frames' hashes, so a stale one is never read.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.cache import cache_folder, forget, keep, recall
from edgeseg.errors import DataError
from edgeseg.ort import ort
from edgeseg_export.graph import exposing
from edgeseg_export.precision.float_graph import FRAME, FloatGraph, sizes
from edgeseg_export.precision.histogram import HALF, Histogram
from edgeseg_export.subgraphs import all_nodes

Histograms = dict[str, Histogram]

LAYOUT = 4
"""Of the cache file; a part of the key."""

THREADS = 2


def activations(graph: FloatGraph) -> list[str]:
    """Names of everything that is computed but sizes, in the order of computation; some are shapes (int64)."""
    apart = sizes(list(all_nodes(graph.model.graph)))
    return [name for node in graph.nodes for name in node.output if name and name not in apart]


def calibrate(
    graph: FloatGraph,
    tensors: Iterable[NDArray[np.uint8]],
    *,
    total: int,
    progress: Callable[[int, int], None] | None = None,
) -> Histograms:
    """Runs prepared frames, uint8 (1, H, W, 3), and counts every activation's values; one without any has no histogram.

    Raises:
        DataError: an activation is not finite, but for those that -inf masks: they get no histogram, and stay in float.
    """
    session = watching(graph.model, activations(graph))
    names = [each.name for each in session.get_outputs() if each.type == "tensor(float)"]  # no shapes, no sequences
    histograms = {name: Histogram() for name in names}
    for done, tensor in enumerate(tensors, start=1):
        for name, values in zip(names, session.run(names, {FRAME: tensor}), strict=True):
            if np.isfinite(values).all():
                if name in histograms and values.size:
                    histograms[name].add(values)
            elif _masks(graph, name, values):
                histograms.pop(name, None)
            else:
                raise DataError(
                    f"activation {name} holds infinity or NaN on frame {done}, which no level of INT8 stands for; the "
                    "network itself is broken there"
                )
        if progress is not None:
            progress(done, total)
    return {name: histogram for name, histogram in histograms.items() if histogram.frames}


def _masks(graph: FloatGraph, name: str, values: NDArray[np.float32]) -> bool:
    """Whether a tensor that is not finite is one that -inf masks, before a softmax or in a pool's padding."""
    reads = {node.op_type for node in graph.consumers.get(name, [])}
    return bool((values < np.inf).all()) and not reads & {"Conv", "ConvTranspose"} and name not in graph.outputs


def watching(model: onnx.ModelProto, names: list[str]) -> ort.InferenceSession:
    """A session of `model` that gives the tensors `names`, computed as the graph says: nothing is fused."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    content = exposing(model, names).SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def cache_file(model_sha256: str, frame_hashes: Iterable[str]) -> Path:
    """Where the pass of these frames through this model is kept."""
    key = hashlib.sha256("\n".join([str(LAYOUT), str(HALF), model_sha256, *frame_hashes]).encode()).hexdigest()
    return cache_folder() / f"calibration-{key[:32]}.npz"


def read_cache(file: Path) -> Histograms | None:
    """The histograms in a cache file; None where there is none, or it is damaged."""
    content = recall(file)
    try:
        return None if content is None else _histograms(content)
    except Exception:  # it is of another version, or damaged, where a reader of archives may fail in any way
        forget(file)
        return None


def _histograms(content: bytes) -> Histograms:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names, numbers, counts, means = (arrays[key] for key in ("names", "numbers", "counts", "means"))
    histograms = {}
    channels = np.split(means, np.cumsum(numbers[:, 4]).astype(int)[:-1])
    for name, (low, high, limit, frames, _), count, mean in zip(names, numbers, counts, channels, strict=True):
        histogram = histograms[str(name)] = Histogram()
        histogram.low, histogram.high, histogram.limit = float(low), float(high), float(limit)
        histogram.counts, histogram.means, histogram.frames = count.astype(np.int64), mean, int(frames)
    return histograms


def write_cache(file: Path, histograms: Histograms) -> None:
    """Keeps histograms for the next run; a cache that cannot be written is reported, not an error."""
    content = io.BytesIO()
    np.savez_compressed(
        content,
        names=np.array(list(histograms)),
        numbers=np.array(
            [(each.low, each.high, each.limit, each.frames, len(each.means)) for each in histograms.values()]
        ),
        counts=np.stack([each.counts for each in histograms.values()]),
        means=np.concatenate([each.means for each in histograms.values()]),
    )
    keep(file, content.getvalue())
