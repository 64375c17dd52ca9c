"""How to run a bundle on a device, as a file: `edgeseg tune` writes it, `edgeseg run --settings` takes it.

{
  "format": 1,
  "what": "edgeseg tune",
  "bundle": "road",                      a name of one that comes with edgeseg, or an absolute path
  "engine": "onnxruntime",
  "precision": "int8",
  "sha256": "9f86d0...",                 of the artifact that was measured; another one is refused
  "width": 480, "height": 360,           the network's input
  "threads": 1, "workers": 2,            threads an inference, inferences at once
  "batch": 8,                            frames an inference; left out where it is one
  "cores": 2,                            of the device
  "measured": {...}                      what it was chosen by
}
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeseg.atomic import write_text
from edgeseg.bundle import Bundle
from edgeseg.engines import runtime
from edgeseg.errors import BundleError, EdgeSegWarning, UsageError
from edgeseg.json_fields import read_json, required
from edgeseg.processor import available_cores, processor
from edgeseg.segmenter import Segmenter, load
from edgeseg.trust import NO_DEMAND, Demand
from edgeseg.video.options import Mode

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
        workers: inferences at once.
        processor: of the device that this was chosen for.
        cores: of that device that could be used.
        measured: the figures that it was chosen by.
        batch: frames of a file in one inference, at most.
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
    batch: int = 1

    @property
    def mode(self) -> Mode:
        """ "latency" for one frame at a time, "throughput" for several."""
        return "latency" if self.workers == self.batch == 1 else "throughput"

    def load(self, demand: Demand = NO_DEMAND) -> Segmenter:
        """Loads the artifact as the settings say, from a bundle that is as demanded.

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
        size = self.width, self.height
        return load(
            bundle, engine=self.engine, artifact=artifact, threads=self.threads, size=size, **vars(demand)
        )


def read_settings(path: Path, options: Mapping[str, object] | None = None) -> RunSettings:
    """What `write_settings` wrote.

    Args:
        path: of the file.
        options: of the command line, by name; all must be None, as the file says them.

    Raises:
        UsageError: the file cannot be read, is no settings file or of another format; or an option says again what
            the file says.
    """
    for name, value in (options or {}).items():
        if value is not None:
            raise UsageError(f"--{name} {value} and --settings {path} both say it; leave one of them out")
    data = read_json(path, error=UsageError, unreadable="check the path", damaged="write it with edgeseg tune")
    where = str(path)
    if required(data, "what", str, where=where, error=UsageError) != WHAT:
        raise UsageError(f"{path} holds {data['what']!r:.40}, expected settings that edgeseg tune wrote")
    version = required(data, "format", int, where=where, error=UsageError)
    if version != FORMAT:
        raise UsageError(f"{path} has format {version}, expected {FORMAT}; write it with this edgeseg's tune")

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
        batch=number("batch") if "batch" in data else 1,
    )


def write_settings(path: Path, settings: RunSettings) -> None:
    """Writes the file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    fields = {"format": FORMAT, "what": WHAT, **vars(settings)}
    if settings.batch == 1:  # an earlier edgeseg reads it too
        del fields["batch"]
    write_text(path, json.dumps(fields, indent=2, allow_nan=False) + "\n")
