"""Answers of measurements on this machine, kept in the cache folder with all that they depend on.

    batch-9f86d081884c7d65.json
    {"key": {"artifact": "...", "engine": "openvino", "processor": "...", ...}, "ms": {"1": 24.9, "2": 24.7}}

The file is named by what was asked and by the key's hash; an answer for another key is none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from edgeseg.cache import cache_folder, keep, recall
from edgeseg.json_fields import parse_json

Answer = TypeVar("Answer")


def keep_answer(kind: str, key: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Keeps an answer for the next start.

    Args:
        kind: of question, the beginning of the file's name.
        key: all that the answer depends on, as JSON reads it back: no tuples, text for every name.
        answer: the fields that stand beside the key.
    """
    text = json.dumps({"key": key, **answer}, indent=2, allow_nan=False) + "\n"
    keep(_file(kind, key), text.encode())


def recall_answer(kind: str, key: Mapping[str, Any], read: Callable[[Any], Answer | None]) -> Answer | None:
    """What `keep_answer` kept for this key; None where there is nothing, or it is damaged.

    Args:
        kind: of question.
        key: all that the answer depends on.
        read: makes the answer of the file's fields. Where they are not those of an answer it gives None, or raises
            ValueError, KeyError, TypeError or AttributeError.
    """
    try:
        fields = parse_json(recall(_file(kind, key)) or b"")
        return read(fields) if fields["key"] == key else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _file(kind: str, key: Mapping[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"{kind}-{digest[:16]}.json"
