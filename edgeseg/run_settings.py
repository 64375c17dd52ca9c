"""How to run a bundle on a device, as a file: `edgeseg tune` writes it, `edgeseg run --settings` takes it.

{
  "format": 1,
  "what": "edgeseg tune",
  "bundle": "road",                      a name of one that comes with edgeseg, or an absolute path
  "engine": "onnxruntime",
  "precision": "int8",
  "sha256": "9f86d0...",                 of the artifact that was measured; another one is refused
  "width": 480, "height": 360,           the network's input
  "threads": 1, "workers": 2,            threads an inference, frames at once
  "cores": 2,                            of the device
  "measured": {...}                      what it was chosen by
}
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeseg.atomic import atomic_file
from edgeseg.bundle import Bundle
from edgeseg.engines import check_logits, open_engine, runtime
from edgeseg.errors import BundleError, EdgeSegWarning, UsageError
from edgeseg.json_fields import read_json, required
from edgeseg.processor import available_cores, processor
from edgeseg.segmenter import Segmenter
from edgeseg.video.pipeline import Mode

FORMAT = 1
WHAT = "edgeseg tune"


@dataclass(frozen=True)
class RunSettings:
    """What was chosen for a device.

    Attributes:
        bundle: name of one that comes with edgeseg, or a path.
        engine: the runtime, a file name in edgeseg/engines.
        precision: of the artifact.
        sha256: of the artifact.
        width: of the network's input, in pixels; another one than the bundle's is for networks that take any size.
        height: of the network's input, in pixels.
        threads: that one inference runs on.
        workers: frames that are worked on at once.
        processor: of the device that this was chosen for.
        cores: of that device that could be used.
        measured: the figures that it was chosen by.
    """

    bundle: str
    engine: str
    precision: str
    sha256: str
    width: int
    height: int
    threads: int
    workers: int
    processor: str
    cores: int
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mode(self) -> Mode:
        """ "latency" for one frame at a time, "throughput" for several."""
        return "latency" if self.workers == 1 else "throughput"

    def load(self) -> Segmenter:
        """Loads the artifact as the settings say.

        Raises:
            BundleError: the bundle is not what was measured.
            EngineError: the runtime is absent or refuses the artifact or the size.
            UsageError: the bundle's network takes another size alone.

        Warns:
            EdgeSegWarning: this is another device than the one that was measured, or gives another number of cores.
        """
        if (processor(), available_cores()) != (self.processor, self.cores):
            warnings.warn(
                f"the settings were chosen on {self.cores} cores of {self.processor}, this process may use "
                f"{available_cores()} of {processor()}: run edgeseg tune here",
                EdgeSegWarning,
                stacklevel=2,
            )
        # A string without a slash is a name for Bundle.open.
        bundle = Bundle.open(self.bundle)
        artifact = bundle.artifact(target=runtime(self.engine).TARGET, precision=self.precision)
        if artifact.sha256 != self.sha256:
            raise BundleError(
                f"{artifact.file} of bundle {self.bundle} has sha256 {artifact.sha256[:12]}..., the settings were "
                f"chosen for {self.sha256[:12]}...: the bundle has changed; run edgeseg tune again"
            )
        return open_sized(bundle, self.engine, self.precision, (self.width, self.height), self.threads)


def open_sized(bundle: Bundle, engine: str, precision: str, size: tuple[int, int], threads: int) -> Segmenter:
    """A segmenter whose network's input has another size (width, height) than the bundle's own.

    Raises:
        UsageError: the bundle's network takes its own size alone.
        EngineError: the runtime is absent, or refuses the artifact or the size.
    """
    spec = bundle.spec
    if size != (spec.width, spec.height) and not spec.dynamic:
        raise UsageError(
            f"bundle {spec.name} takes {spec.width}x{spec.height} alone, not {size[0]}x{size[1]}; export it with "
            "--dynamic for more sizes"
        )
    path = bundle.path(bundle.artifact(target=runtime(engine).TARGET, precision=precision))
    opened = open_engine(engine, path, spec, threads)  # with the spec that the artifact carries
    sized = replace(spec, width=size[0], height=size[1])
    if sized != spec:
        blank = np.zeros((1, sized.height, sized.width, 3), np.uint8)
        check_logits(path, sized, opened.infer(blank).shape)
    return Segmenter(sized, opened)


def read_settings(path: Path, said: Mapping[str, object] | None = None) -> RunSettings:
    """What `write_settings` wrote.

    Args:
        path: of the file.
        said: what was asked for besides, by option; all must be None, as the file says it.

    Raises:
        UsageError: the file cannot be read, is no settings file, is of another format, or something was said twice.
    """
    for name, value in (said or {}).items():
        if value is not None:
            raise UsageError(f"--{name} {value} and --settings {path} both say it; leave one of them out")
    data = read_json(path, error=UsageError, unreadable="check the path", damaged="write it with edgeseg tune")
    where = str(path)
    if required(data, "what", str, where=where, error=UsageError) != WHAT:
        raise UsageError(f"{path} holds {data['what']!r:.40}, expected settings that edgeseg tune wrote")
    found = required(data, "format", int, where=where, error=UsageError)
    if found != FORMAT:
        raise UsageError(f"{path} has format {found}, expected {FORMAT}; write it with this edgeseg's tune")

    def text(name: str) -> str:
        return required(data, name, str, where=where, error=UsageError)

    def number(name: str) -> int:
        value = required(data, name, int, where=where, error=UsageError)
        if value < 1:
            raise UsageError(f"{path}: {name} is {value}, expected at least 1; write it with edgeseg tune")
        return value

    return RunSettings(
        bundle=text("bundle"),
        engine=text("engine"),
        precision=text("precision"),
        sha256=text("sha256"),
        width=number("width"),
        height=number("height"),
        threads=number("threads"),
        workers=number("workers"),
        processor=text("processor"),
        cores=number("cores"),
        measured=required(data, "measured", dict, where=where, error=UsageError),
    )


def write_settings(path: Path, settings: RunSettings) -> None:
    """Writes the file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path) as temporary:
        fields = {"format": FORMAT, "what": WHAT, **vars(settings)}
        temporary.write_text(json.dumps(fields, indent=2, allow_nan=False) + "\n", encoding="utf-8")
