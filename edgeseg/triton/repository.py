"""Writes the model repository of a bundle.

    REPOSITORY/
        edgeseg.json            what edgeseg wrote here: Triton looks at folders alone
        road/                   the model of masks (edgeseg/triton/contract.py)
            config.pbtxt  labels.txt  warmup/
            1/model.py          two lines that import edgeseg/triton/backend.py
            1/bundle/           a copy of the bundle, signature included
        road-network/           the network alone, for Triton's ONNX Runtime backend
            config.pbtxt  labels.txt  warmup/
            1/model.onnx
        road-network-tensorrt/  where plans are given, for Triton's TensorRT backend
            config.pbtxt  labels.txt  warmup/
            1/sm8.9.plan

It appears whole or not at all, and takes the place of nothing but an earlier one that nobody has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig

from edgeseg.arrays import Image
from edgeseg.artifact import Artifact, sha256_of
from edgeseg.atomic import atomic_folder
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.engines import runtime
from edgeseg.errors import BundleError, OutputError, UsageError
from edgeseg.files import LARGEST_MODEL, LARGEST_TEXT, read_file
from edgeseg.json_fields import parse_json, required
from edgeseg.signature import FILE as SIGNATURE
from edgeseg.signature import read_signature
from edgeseg.triton.config import LABELS, add_warm_up, mask_config, network_config, to_text
from edgeseg.triton.contract import BUNDLE, BUNDLE_SHA256, ENGINE, FRAME, PRECISION, network_name
from edgeseg.triton.network import Network, inspect_network
from edgeseg.triton.plans import Plan, read_plans

NOTES = "edgeseg.json"
FORMAT = 1
CONFIG = "config.pbtxt"
LARGEST_VERSION = 2**31 - 1
MOST_INSTANCES = 256

MODEL_PY = '''"""Made by edgeseg, which must be installed where Triton's Python backend runs."""

from edgeseg.triton.backend import TritonPythonModel
'''


@dataclass(frozen=True)
class Serving:
    """How a bundle is served.

    Attributes:
        engine: of the model of masks, as `edgeseg.load` takes it.
        precision: of the artifact of the model of masks, and of the network alone if ONNX Runtime has that too, which
            it has not of TensorRT's fp16; None: the best for each.
        instances: processes of the model of masks that work at the same time, and share the cores.
        version: number of the models' version folder; None: the one that the bundle was signed with, or 1.
        plans: files of TensorRT plans.
    """

    engine: str = "onnxruntime"
    precision: str | None = None
    instances: int = 1
    version: int | None = None
    plans: Sequence[Path] = ()


def write_repository(bundle: Bundle, out: Path, serving: Serving) -> list[str]:
    """Makes a folder the model repository of a bundle.

    Args:
        bundle: opened; its files are hashed.
        out: the folder; an earlier repository that lies there is replaced.
        serving: how.

    Returns:
        The names of the models.

    Raises:
        BundleError: a file is missing or was altered, or there is no such artifact.
        EngineError: there is no such engine, ONNX Runtime refuses the network, or a plan is not this bundle's.
        OutputError: the folder holds other things, or cannot be written.
        UsageError: a number is out of range.
    """
    if not 1 <= serving.instances <= MOST_INSTANCES:
        raise UsageError(f"got {serving.instances} instances, expected 1 to {MOST_INSTANCES}: each is a process")
    check_replaceable(out)
    signature = read_signature(bundle.folder)
    version = serving.version if serving.version is not None else signature.statement.version if signature else 1
    if not 1 <= version <= LARGEST_VERSION:
        raise UsageError(f"got version {version}, expected 1 to {LARGEST_VERSION}: it is a folder's name for Triton")
    bundle.artifact(target=runtime(serving.engine).TARGET, precision=serving.precision)
    bundle.verify()
    shared = any(each.precision == serving.precision for each in bundle.artifacts_for("onnxruntime"))
    artifact = bundle.artifact(target="onnxruntime", precision=serving.precision if shared else None)
    network, plans = inspect_network(bundle, artifact), read_plans(bundle, serving.plans)
    with atomic_folder(out) as folder:
        models = _Models(bundle, folder, str(version))
        models.add_masks(serving)
        models.add_onnx(network, artifact)
        if plans:
            models.add_plans(network, plans)
        (folder / NOTES).write_text(json.dumps({"format": FORMAT, "files": _hashes(folder)}, indent=2) + "\n")
    return models.names


def check_replaceable(folder: Path) -> None:
    """Refuses to replace a folder that holds anything but what edgeseg wrote there.

    Raises:
        OutputError: it does, or cannot be looked into.
    """
    try:
        if not folder.is_dir() or not any(folder.iterdir()):
            return  # nothing to lose; what is wrong with the path, writing will say
        notes = parse_json(read_file(folder / NOTES, LARGEST_TEXT))
        known = required(notes, "files", dict, where=NOTES, error=OutputError)
        changed = sorted(name for name, digest in _hashes(folder).items() if known.get(name) != digest)
    except (OSError, ValueError) as error:
        said = f"it has no {NOTES}" if isinstance(error, FileNotFoundError) else error
        reason = f"what lies there is no model repository that edgeseg wrote ({said})"
        raise OutputError(f"cannot write {folder}: {reason}; choose a new folder") from error
    if changed:
        raise OutputError(
            f"cannot write {folder}: replacing it would remove {', '.join(changed)}, which edgeseg did not write so; "
            "choose a new folder"
        )


class _Models:
    """The models of a repository on its way.

    Attributes:
        names: of those that were added.
    """

    def __init__(self, bundle: Bundle, folder: Path, version: str) -> None:
        self.names: list[str] = []
        self._bundle, self._folder, self._version = bundle, folder, version
        self._hash = {BUNDLE_SHA256: sha256_of(read_file(bundle.folder / INDEX, LARGEST_TEXT))}
        self._golden = {f"golden-{number}": pair.frame for number, pair in enumerate(bundle.golden_frames())}

    def add_masks(self, serving: Serving) -> None:
        """The model of masks, with a copy of the bundle."""
        spec, parameters = self._bundle.spec, {**self._hash, ENGINE: serving.engine}
        if serving.precision is not None:
            parameters[PRECISION] = serving.precision
        files = self._new(spec.name)
        (files / "model.py").write_text(MODEL_PY)
        (files / BUNDLE).mkdir()
        signature = [SIGNATURE] if (self._bundle.folder / SIGNATURE).exists() else []
        for name in (INDEX, *signature, *self._bundle.files):
            (files / BUNDLE / name).write_bytes(read_file(self._bundle.folder / name, LARGEST_MODEL))
        if sha256_of((files / BUNDLE / INDEX).read_bytes()) != self._hash[BUNDLE_SHA256]:
            raise BundleError(f"bundle {self._bundle.folder} changed while it was copied; try again")
        Bundle.open(files / BUNDLE).verify()
        self._finish(mask_config(spec, spec.name, serving.instances, parameters), FRAME, self._golden)

    def add_onnx(self, network: Network, artifact: Artifact) -> None:
        """The network alone, for the ONNX Runtime backend."""
        name = network_name(self._bundle.spec)
        (self._new(name) / "model.onnx").write_bytes(self._bundle.read(artifact))
        batch = self._bundle.spec.batch
        config = network_config(
            network, name, "onnxruntime_onnx", "model.onnx", plans={}, parameters=self._hash, batch=batch
        )
        self._finish(config, network.frame.name, self._frames())

    def add_plans(self, network: Network, plans: Sequence[Plan]) -> None:
        """The network alone, for the TensorRT backend, which takes the card's own plan, or else the first."""
        name = f"{network_name(self._bundle.spec)}-tensorrt"
        files = self._new(name)
        for plan in plans:
            (files / plan.name).write_bytes(plan.content)
        by_card = {plan.capability: plan.name for plan in plans if plan.capability != "any"}
        batch = self._bundle.spec.batch  # up to which the profile of its plans goes
        config = network_config(
            network, name, "tensorrt_plan", plans[0].name, plans=by_card, parameters=self._hash, batch=batch
        )
        self._finish(config, network.frame.name, self._frames())

    def _new(self, name: str) -> Path:
        """The folder for a model's files."""
        self.names.append(name)
        files = self._folder / name / self._version
        files.mkdir(parents=True)
        return files

    def _finish(self, config: ModelConfig, tensor: str, frames: Mapping[str, Image]) -> None:
        """Writes what stands beside a model's version."""
        folder = self._folder / config.name
        add_warm_up(config, folder, tensor, frames)
        (folder / LABELS).write_text("".join(f"{name}\n" for name in self._bundle.spec.classes), encoding="utf-8")
        (folder / CONFIG).write_text(to_text(config), encoding="utf-8")

    def _frames(self) -> dict[str, Image]:
        """The golden frames as the network's models take them; where they are batched, Triton adds the first axis."""
        if self._bundle.spec.batch > 1:
            return self._golden
        return {name: frame[None] for name, frame in self._golden.items()}


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a repository, by its path in it; what Python writes on loading model.py is left out.

    Of what is no file, as a link to a model elsewhere, it is empty: edgeseg writes none.
    """
    hashes = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            hashes[name] = ""
        elif path.is_file() and name != NOTES and "__pycache__" not in path.parts:
            with path.open("rb") as file:
                digest = hashlib.sha256()
                while block := file.read(2**20):
                    digest.update(block)
            hashes[name] = digest.hexdigest()
    return hashes
