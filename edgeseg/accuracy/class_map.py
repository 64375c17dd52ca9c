"""Which classes of a network mean which classes of a data set: by name, or as somebody says who knows both.

Equal names go together, whatever their case, spaces, hyphens and underscores: "traffic sign" is "TrafficSign". Other
pairs are stated: "Person=Pedestrian", or in a JSON file {"Person": "Pedestrian", "vehicle": ["Car", "Truck"]}, the
network's class first. Several classes of one side may mean one of the other.

Pixels whose true class has no partner count nowhere: nobody knows what the network calls it. Where a network gives a
class without a partner to a pixel that counts, that is a miss of the true class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.metrics import ConfusionMatrix, Percent
from edgeseg.errors import DataError, UsageError
from edgeseg.json_fields import of_kind, read_json

IGNORE = 255
"""Id of labels that count nowhere, after mapping."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ClassMap:
    """Pairs of classes, and what they leave over.

    Attributes:
        network: all names of the network, by class id.
        data: all names of the data set, by class id.
        groups: name of each class that counts, and the names of the network and of the data that it stands for.
    """

    network: tuple[str, ...]
    data: tuple[str, ...]
    groups: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]

    @classmethod
    def of(cls, network: Sequence[str], data: Sequence[str], stated: Pairs = ()) -> ClassMap:
        """The map of two lists of names.

        Args:
            network: names of the network.
            data: names of the data set.
            stated: pairs (network's, data's) that go before equal names.

        Raises:
            DataError: no class has a partner, or a stated name is no class.
        """
        for names, place, whose in ((network, 0, "network"), (data, 1, "data set")):
            strange = [pair[place] for pair in stated if pair[place] not in names]
            if strange:
                raise DataError(f"the {whose} has no class {strange[0]!r:.80} to map, it has {', '.join(names)}")
        settled = {ours for ours, _ in stated}
        pairs = [*stated, *((ours, theirs) for ours, theirs in _equal(network, data) if ours not in settled)]
        if not pairs:
            raise DataError(
                f"no class of the data ({', '.join(data)}) has a name of the network ({', '.join(network)}); `edgeseg "
                'eval --map "NETWORK=DATA"` matches those that mean the same; if no labels are needed, give pictures'
            )
        return cls(tuple(network), tuple(data), _groups(pairs, data))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes that count, which enter means."""
        return tuple(self.groups)

    @property
    def same(self) -> bool:
        """Whether both sides have the same names in the same order, and each means itself."""
        return self.network == self.data and all(group == ((name,), (name,)) for name, group in self.groups.items())

    @property
    def renamed(self) -> dict[str, tuple[str, ...]]:
        """The network's classes behind each class that has another name there, or several."""
        return {name: ours for name, (ours, _) in self.groups.items() if {*map(_key, ours)} != {_key(name)}}

    @property
    def left_over(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the network, and of the data, without a partner."""
        network = {name for ours, _ in self.groups.values() for name in ours}
        data = {name for _, theirs in self.groups.values() for name in theirs}
        return tuple(each for each in self.network if each not in network), tuple(
            each for each in self.data if each not in data
        )

    def sentences(self) -> list[str]:
        """What a reader of the figures must know."""
        network, data = self.left_over
        said = []
        if renamed := "; ".join(f"{name} is the network's {', '.join(ours)}" for name, ours in self.renamed.items()):
            said.append(renamed)
        if network or data:
            enter = "1 class enters" if len(self.groups) == 1 else f"{len(self.groups)} classes enter"
            said.append(f"{enter} the mean: {', '.join(self.groups)}")
        if data:
            said.append(f"the data's {', '.join(data)} are left out, as the network has no such class")
        if network:
            said.append(f"the network's {', '.join(network)} are in no label: predicting them counts as a miss")
        return said

    def matrix(self) -> ConfusionMatrix:
        """An empty confusion matrix over `names`, which maps what it counts."""
        return ConfusionMatrix(self.names) if self.same else MappedMatrix(self)

    def masks(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The network's class ids as places in `names`; one more for classes without a partner."""
        return _table(self.network, [ours for ours, _ in self.groups.values()], len(self.groups))[mask]

    def labels(self, label: NDArray[np.uint8], ignore: int | None) -> NDArray[np.uint8]:
        """The data's class ids as places in `names`; IGNORE for classes without a partner and for `ignore`.

        Raises:
            DataError: an id is no class of the data.
        """
        table = _table(self.data, [theirs for _, theirs in self.groups.values()], IGNORE)
        strange = [each for each in np.unique(label) if each >= len(self.data) and each != ignore]
        if strange:
            raise DataError(f"a label holds the id {strange[0]}, expected 0 to {len(self.data) - 1}; correct the label")
        return table[label]


class MappedMatrix(ConfusionMatrix):
    """A confusion matrix of masks of a network and labels of a data set with other classes.

    Its figures are over the classes that count. What the network takes for a class without a partner is missed.
    """

    def __init__(self, class_map: ClassMap) -> None:
        super().__init__((*class_map.names, "(none of these)"))
        self.classes = class_map.names
        self._map = class_map

    def add(self, mask: NDArray[np.uint8], label: NDArray[np.uint8], *, ignore: int | None) -> None:
        """As of ConfusionMatrix, with ids of the network and of the data."""
        beyond = int(mask.max(initial=0))
        if beyond >= len(self._map.network):
            raise DataError(f"a mask holds the id {beyond}, expected 0 to {len(self._map.network) - 1}")
        super().add(self._map.masks(mask), self._map.labels(label, ignore), ignore=IGNORE)

    @property
    def iou(self) -> Percent:
        """Of each class that counts."""
        return super().iou[:-1]


def parse_map(words: Iterable[str]) -> Pairs:
    """Pairs (network's, data's) of words NETWORK=DATA, or of the names of JSON files.

    Raises:
        UsageError: a word is something else.
        DataError: a file cannot be read, or holds something else.
    """
    pairs: list[tuple[str, str]] = []
    for word in words:
        if word.endswith(".json") and "=" not in word:
            pairs += _read_map(Path(word))
            continue
        ours, equals, theirs = (part.strip() for part in word.partition("="))
        if not equals or not ours or not theirs:
            raise UsageError(f"the map {word!r:.80} is no NETWORK=DATA; write Person=Pedestrian, or a JSON file's name")
        pairs.append((ours, theirs))
    return tuple(dict.fromkeys(pairs))


def _read_map(path: Path) -> list[tuple[str, str]]:
    data = read_json(path, error=DataError, unreadable="check the path", damaged="correct it")
    pairs = []
    for ours, theirs in of_kind(data, dict, where=str(path), error=DataError).items():
        for each in theirs if isinstance(theirs, list) else [theirs]:
            pairs.append((ours, of_kind(each, str, where=f"{path}: {ours}", error=DataError)))
    return pairs


def _equal(network: Sequence[str], data: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of equal names; where one side has several that are alike, those that are the same to the letter."""
    ours, theirs = _by_key(network), _by_key(data)
    pairs = []
    for key in ours.keys() & theirs.keys():
        if len(ours[key]) == len(theirs[key]) == 1:
            pairs.append((ours[key][0], theirs[key][0]))
        else:
            pairs += [(name, name) for name in ours[key] if name in theirs[key]]
    return sorted(pairs, key=lambda pair: network.index(pair[0]))


def _by_key(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_key(name), []).append(name)
    return found


def _key(name: str) -> str:
    """What two names have in common that differ in nothing but case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def _groups(
    pairs: Sequence[tuple[str, str]], data: Sequence[str]
) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """What belongs together, in the order of the data: each is called as the side is that has one name for it.

    Raises:
        DataError: several classes of both sides hang together.
    """
    joined: list[tuple[set[str], set[str]]] = []
    for ours, theirs in pairs:
        touching = [group for group in joined if ours in group[0] or theirs in group[1]]
        joined = [group for group in joined if group not in touching]
        joined.append(
            ({ours}.union(*(group[0] for group in touching)), {theirs}.union(*(group[1] for group in touching)))
        )
    groups = {}
    for ours_all, theirs_all in sorted(joined, key=lambda group: min(map(data.index, group[1]))):
        if len(ours_all) > 1 and len(theirs_all) > 1:
            raise DataError(
                f"the map ties the network's {', '.join(sorted(ours_all))} to the data's "
                f"{', '.join(sorted(theirs_all))}; several classes may mean one, but not several"
            )
        name = next(iter(theirs_all if len(theirs_all) == 1 else ours_all))
        groups[name] = tuple(sorted(ours_all)), tuple(sorted(theirs_all))
    return groups


def _table(names: Sequence[str], groups: Sequence[Sequence[str]], other: int) -> NDArray[np.uint8]:
    """The place of its group for each class id; `other` for all ids without one."""
    table = np.full(256, other, np.uint8)
    for place, group in enumerate(groups):
        table[[names.index(name) for name in group]] = place
    return table
