"""What the masks of a run are made with: the same for all its videos, and for every run that goes on in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from edgeseg.archive import store
from edgeseg.archive.address import Location
from edgeseg.archive.events import Watch
from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, OutputError, UsageError
from edgeseg.json_fields import optional, required
from edgeseg.segmenter import Segmenter, load
from edgeseg.trust import NO_DEMAND, Demand

FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """What the masks are made with.

    Attributes:
        bundle: the network's name, for people.
        engine: the runtime.
        precision: of the artifact.
        sha256: of the artifact.
        overlay: overlays are written too.
        watch: the rules whose events stand in the tables, None if there are none.
    """

    bundle: str
    engine: str
    precision: str
    sha256: str
    overlay: bool
    watch: Watch | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object with these attributes."""
        own = {key: value for key, value in asdict(self).items() if key != "watch"}
        return own if self.watch is None else {**own, "watch": self.watch.to_json()}

    def write(self, path: Location) -> None:
        """Writes them down, whole or not at all.

        Raises:
            OutputError: the disk is full.
        """
        store.write(path, json.dumps({"format": FORMAT, **self.to_json()}, indent=2))

    @classmethod
    def read(cls, path: Location) -> Settings | None:
        """What `write` wrote; None if there are none.

        Raises:
            OutputError: they are damaged, or of a newer edgeseg.
        """
        advice = "choose another --out"
        data = store.read_json(path, unreadable=advice)
        if data is None:
            return None
        if required(data, "format", int, where=str(path), error=OutputError) != FORMAT:
            raise OutputError(f"{path} has format {data['format']}, expected {FORMAT}; {advice}")
        return cls.from_json(data, path)

    @classmethod
    def from_json(cls, data: Any, path: Location) -> Settings:
        """What `to_json` gave, among whatever else; `path` is where it was found.

        Raises:
            OutputError: it is damaged.
        """

        def field(key: str, kind: type[Any]) -> Any:
            return required(data, key, kind, where=str(path), error=OutputError)

        texts = {key: field(key, str) for key in ("bundle", "engine", "precision", "sha256")}
        watch = optional(data, "watch", dict, where=str(path), error=OutputError) if "watch" in data else None
        try:
            read = None if watch is None else Watch.from_json(watch)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise OutputError(f"{path} holds invalid rules; choose another --out") from error
        return cls(**texts, overlay=field("overlay", bool), watch=read)

    def check_same(self, earlier: Settings, out: Location) -> None:
        """Refuses to go on where a run was begun with others.

        Raises:
            UsageError: they differ.
        """
        if self.watch != earlier.watch:
            raise UsageError(
                f"the results in {out} were begun with other --rules, or without; give those, or choose another --out"
            )
        for key in ("bundle", "engine", "precision", "sha256", "overlay"):
            value = getattr(earlier, key)
            if value != getattr(self, key):
                raise UsageError(
                    f"the results in {out} were begun with {key} {_word(value)}, not {_word(getattr(self, key))}; "
                    "ask for the same, or choose another --out"
                )


@dataclass(frozen=True)
class Loading:
    """How each worker loads the network, with one thread an inference.

    Attributes:
        bundle: its folder.
        settings: that name the artifact.
        demand: what is asked of the bundle.
        batch: frames that a worker gives the network at once, at most.
    """

    bundle: str
    settings: Settings
    demand: Demand = NO_DEMAND
    batch: int = 1

    def load(self) -> Segmenter:
        """Loads it.

        Raises:
            BundleError: the bundle changed meanwhile.
            EdgeSegError: as `edgeseg.load` raises them.
        """
        opened = Bundle.open(self.bundle)
        artifact = next((each for each in opened.artifacts if each.sha256 == self.settings.sha256), None)
        if artifact is None:
            raise BundleError(f"bundle {self.bundle} has changed since the run began; put the previous one back")
        return load(opened, engine=self.settings.engine, artifact=artifact, threads=1, **vars(self.demand))


def _word(value: object) -> str:
    return f"{value[:12]}..." if isinstance(value, str) and len(value) == 64 else str(value).lower()
