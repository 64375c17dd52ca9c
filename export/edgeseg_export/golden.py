"""Golden frames for a bundle: pictures at the network's size, and the masks that fp32 gives for them here.

Four to eight pictures, as many as fit into the format's bounds. Where not even four do, they keep fewer levels, which
compress better: still pictures of the place, though no camera took them so. Of the largest networks fewer than four
fit, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edgeseg import kernels
from edgeseg.accuracy.dataset import Dataset
from edgeseg.arrays import Image
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.counted import counted
from edgeseg.engines import open_engine
from edgeseg.errors import BundleError
from edgeseg.files import LARGEST_TEXT, read_file
from edgeseg.golden import LARGEST, MOST, Golden, GoldenFile, GoldenFrame, GoldenPair, read_golden
from edgeseg.proof import ask
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Spec
from edgeseg.terminal import shown_name
from edgeseg_export.frames import sample_frames, sample_source, spread
from edgeseg_export.precision.as_written import open_to_measure
from edgeseg_export.scratch import scratch_folder

STREET = "street"
"""The word for the street pictures that come with edgeseg."""

FEWEST = 4
"""Pictures for which levels are given up."""

BITS = (8, 7, 6, 5, 4)
"""Of a sample, in the order of preference."""


class Pictures(NamedTuple):
    """Frames to make golden ones of.

    Attributes:
        source: where they come from, for people.
        images: BGR (H, W, 3), of any size.
    """

    source: str
    images: Sequence[Image]


def read_pictures(choice: str | None) -> Pictures | None:
    """What the option --golden asks for: STREET, or a folder of pictures or a video; None where it was not given.

    Raises:
        SourceError: it is neither, or cannot be read.
    """
    if choice is None:
        return None
    if choice == STREET:
        return street_pictures()
    path = Path(choice)
    return Pictures(shown_name(path), sample_source(path, MOST))


def street_pictures() -> Pictures:
    """Those that come with edgeseg."""
    return Pictures(STREET, sample_frames(None))


def data_pictures(dataset: Dataset | None) -> Pictures:
    """Of a data set, evenly spaced; street pictures where there is none."""
    if dataset is None:
        return street_pictures()
    split = f" {dataset.split}" if dataset.split else ""
    return Pictures(f"{shown_name(dataset.folder)}{split}", sample_frames(dataset))


def make_golden(
    pictures: Pictures, model: Segmenter, folder: Path, note: Callable[[str], None] = lambda _: None
) -> Golden | None:
    """Writes golden frames into a folder; None where not one fits into the format's bounds, or there is no such mask.

    Args:
        pictures: to take.
        model: runs the fp32 artifact in ONNX Runtime, on one thread.
        folder: for the files.
        note: called with a sentence on what the bundle now carries.
    """
    if not model.spec.head.exclusive:
        note("labels that may overlap have no mask of classes: the bundle has no golden frames")
        return None
    frames = [fit(image, model.spec) for image in pictures.images]
    best: list[tuple[bytes, bytes]] = []
    for bits in BITS:
        files = [_encoded(model, _rounded(frame, bits)) for frame in frames]
        fitting = _most(files)
        if len(fitting) > len(best):
            best = fitting
        if len(best) >= min(FEWEST, len(frames)):
            break
    if not best:
        note(
            f"no golden frame fits into {LARGEST} bytes at {model.spec.width}x{model.spec.height}: the bundle has "
            "none, and engines are not asked for them on other machines"
        )
        return None
    made = []
    for number, (picture, mask) in enumerate(best):
        paths = folder / f"golden-{number}.png", folder / f"golden-{number}.mask.png"
        for path, content in zip(paths, (picture, mask), strict=True):
            path.write_bytes(content)
        made.append(GoldenFrame(*map(GoldenFile.of, paths)))
    golden = Golden(pictures.source, tuple(made))
    note(
        f"the bundle carries {counted(len(made), 'picture')} of {golden.source} ({golden.bytes / 1e3:.0f} kB) wherever "
        f"it goes, so that each machine can be asked for their masks; --golden {STREET} or --golden FOLDER takes others"
    )
    return golden


def write_with_golden(
    out: Path,
    spec: Spec,
    artifacts: Mapping[Path, Artifact],
    card: str | None,
    pictures: Pictures,
    note: Callable[[str], None],
) -> Bundle:
    """Writes a bundle with golden frames, as `write_bundle` does; each artifact with what it gives for them here.

    Args:
        out: the bundle's folder.
        spec: the contract of all artifacts.
        artifacts: by the paths of their files, best first.
        card: the model card's text.
        pictures: for the golden frames.
        note: called with a sentence on what the bundle now carries.

    Raises:
        BundleError: as `write_bundle`.
        OutputError: as `write_bundle`.
    """
    with scratch_folder("golden") as folder:
        golden = make_golden(pictures, _reference(spec, artifacts), folder, note)
        if golden is None:
            return write_bundle(out, spec, artifacts, card)
        measured = {
            path: _with_agreement(artifact, path, read_golden(golden, folder, spec), spec)
            for path, artifact in artifacts.items()
        }
        return write_bundle(out, spec, measured, card, (folder, golden))


def put_golden(bundle: Bundle, pictures: Pictures, note: Callable[[str], None] = lambda _: None) -> Bundle:
    """Gives a bundle golden frames in the place of those that it has; nothing else in it changes.

    Raises:
        BundleError: it has no artifact for ONNX Runtime, or a file was altered.
        OutputError: it cannot be written.
    """
    artifacts = {bundle.path(artifact): artifact for artifact in bundle.artifacts}
    card = None
    if bundle.card is not None:
        card = read_file(bundle.folder / bundle.card, LARGEST_TEXT).decode("utf-8")
    return write_with_golden(bundle.folder, bundle.spec, artifacts, card, pictures, note)


def _reference(spec: Spec, artifacts: Mapping[Path, Artifact]) -> Segmenter:
    """What gives the golden masks: fp32 in ONNX Runtime; in bundles without fp32, the artifact that they have for that.

    Raises:
        BundleError: there is none.
    """
    own = {artifact.precision: path for path, artifact in artifacts.items() if artifact.target == "onnxruntime"}
    if not own:
        raise BundleError(f"bundle {spec.name} has nothing for onnxruntime, which gives golden masks; export it again")
    path = own.get("fp32") or next(iter(own.values()))
    return Segmenter(spec, open_engine("onnxruntime", path, spec, threads=1, own=True))


def fit(image: Image, spec: Spec) -> Image:
    """A picture as a frame of the network's own size, uint8 (H, W, 3).

    For a letterbox it is the middle part that has the network's proportions: a border has classes that nobody asks for,
    and on which engines agree least (seen: 67 % of the border's pixels, where of the picture's 97 % were the same).
    """
    if spec.resize == "letterbox":
        height, width = image.shape[:2]
        rows = min(height, max(1, round(width * spec.height / spec.width)))
        columns = min(width, max(1, round(height * spec.width / spec.height)))
        top, left = (height - rows) // 2, (width - columns) // 2
        image = image[top : top + rows, left : left + columns]
    return kernels.resize(np.ascontiguousarray(image), spec.width, spec.height)


def _with_agreement(artifact: Artifact, path: Path, frames: Iterable[GoldenPair], spec: Spec) -> Artifact:
    """The artifact with what it gives for golden frames; one that gives masks itself, without logits, as it is."""
    if artifact.target not in ("onnxruntime", "tensorrt"):
        return artifact
    engine = open_to_measure(artifact.target, artifact.precision, path, spec, own=True)
    proof = ask(Segmenter(spec, engine), frames)
    engine.close()
    return artifact if proof is None else replace(artifact, measured=artifact.measured.add(proof.fact(engine.name)))


def _rounded(frame: Image, bits: int) -> Image:
    """The frame with so many bits a sample; each level is the middle of those that it stands for."""
    if bits == 8:
        return frame
    dropped = 8 - bits
    return np.asarray((frame >> dropped << dropped) | (1 << dropped - 1), np.uint8)


def _encoded(model: Segmenter, frame: Image) -> tuple[bytes, bytes]:
    """The files of a frame and its mask."""
    return _png(frame), _png(model(frame))


def _png(picture: Image) -> bytes:
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _most(files: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """As many as fit, evenly spaced among them all."""
    for count in range(min(MOST, len(files)), 0, -1):
        fitting = [files[place] for place in spread(len(files), count)]
        if sum(len(content) for pair in fitting for content in pair) <= LARGEST:
            return fitting
    return []
