"""A fact of bundle.json: a frozen dataclass whose fields are the keys of a JSON object, read strictly, kind by kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

from edgeseg.errors import BundleError
from edgeseg.json_fields import of_kind

FactType = TypeVar("FactType", bound="Fact")


@dataclass(frozen=True)
class Fact:
    """Base of what a bundle says was measured; a subclass states its fields, and KIND, its key in bundle.json.

    In JSON a NaN is null, and a field that has its default is left out. Of an object that is read, fields that the
    class does not know are passed over, a missing number is NaN, a missing optional field None.
    """

    KIND: ClassVar[str]
    DIGITS: ClassVar[int | None] = None
    """Decimals that numbers are rounded to in JSON."""

    def to_json(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            each.name: _plain(getattr(self, each.name), self.DIGITS)
            for each in fields(self)
            if getattr(self, each.name) != each.default
        }

    @classmethod
    def from_json(cls: type[FactType], data: Any, where: str) -> FactType:
        """Reads what `to_json` wrote; `where` is what the object is called in messages.

        Raises:
            BundleError: it is no object, a field is of the wrong kind, or one that cannot be left out is missing.
        """
        of_kind(data, dict, where=where, error=BundleError)
        kinds = get_type_hints(cls)
        values = {}
        for each in fields(cls):
            if each.name in data:
                values[each.name] = _read(data[each.name], kinds[each.name], f"{where}: {each.name}")
            elif each.default is MISSING:
                values[each.name] = _missing(kinds[each.name], f"{where}: {each.name}")
        return cls(**values)


def _plain(value: Any, digits: int | None) -> Any:
    """`value` as JSON has it."""
    if isinstance(value, Fact):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _plain(each, digits) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each, digits) for each in value]
    if isinstance(value, float):
        return None if math.isnan(value) else value if digits is None else round(value, digits)
    return value


def _read(value: Any, kind: Any, where: str) -> Any:
    """`value`, of JSON, as a field of that type holds it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, UnionType):
        (inner,) = (each for each in arguments if each is not NoneType)
        return None if value is None else _read(value, inner, where)
    if kind is float:
        return _number(value, where)
    if origin is Mapping:
        pairs = of_kind(value, dict, where=where, error=BundleError).items()
        return {key: _read(each, arguments[1], f"{where}: {key}") for key, each in pairs}
    if origin is tuple:
        items = of_kind(value, list, where=where, error=BundleError)
        inner = [arguments[0]] * len(items) if arguments[1:] == (...,) else arguments
        if len(items) != len(inner):
            raise BundleError(f"{where} has {len(items)} items, expected {len(inner)}; measure again")
        return tuple(_read(items[place], each, f"{where}[{place}]") for place, each in enumerate(inner))
    if issubclass(kind, Fact):
        return kind.from_json(value, where)
    return of_kind(value, kind, where=where, error=BundleError)


def _number(value: Any, where: str) -> float:
    """A number; NaN for null."""
    if value is None:
        return math.nan
    if type(value) not in (int, float):
        raise BundleError(f"{where} is {value!r:.80}, expected a number or null; measure again")
    try:
        return float(value)
    except OverflowError as error:
        raise BundleError(f"{where} is larger than any measurement; measure again") from error


def _missing(kind: Any, where: str) -> Any:
    """What a field without a default holds where the object does not have it."""
    if kind is float:
        return math.nan
    if NoneType in get_args(kind):
        return None
    if get_origin(kind) is Mapping:
        return {}
    if get_origin(kind) is tuple:
        return ()
    raise BundleError(f"{where} is missing; measure again")
