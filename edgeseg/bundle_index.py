"""Where a bundle lies, and what its bundle.json holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edgeseg.artifact import SHIPPED
from edgeseg.atomic import restore_folder
from edgeseg.errors import BundleError
from edgeseg.files import LARGEST_TEXT, read_file
from edgeseg.json_fields import parse_json
from edgeseg.redact import URL, redact

INDEX = "bundle.json"


def read_index(bundle: str | os.PathLike[str]) -> tuple[Path, Any]:
    """The folder that a name or path means, and what its bundle.json holds.

    Raises:
        BundleError: it is not there, cannot be read, is a URL, or is no JSON.
    """
    folder = _find(bundle)
    index = folder / INDEX
    try:
        restore_folder(folder)
        content = read_file(index, LARGEST_TEXT)
    except NotADirectoryError as error:
        raise BundleError(
            f"{folder} is no folder, as a bundle is; name the one that holds {INDEX}, or make one of an ONNX file with "
            "edgeseg import"
        ) from error
    except FileNotFoundError as error:
        raise BundleError(f"{index} is not there, expected a bundle; check the path {folder}") from error
    except OSError as error:
        raise BundleError(f"cannot read {index}: {error.strerror or error}; check its permissions") from error
    except ValueError as error:
        raise BundleError(f"{str(folder)!r:.160} can be no path ({error}); check it") from error
    try:
        return folder, parse_json(content)
    except ValueError as error:
        raise BundleError(f"{index} is not readable JSON ({error}); export the bundle again") from error


def shipped() -> list[str]:
    """Names of the bundles that come with edgeseg."""
    return sorted(index.parent.name for index in SHIPPED.glob(f"*/{INDEX}"))


def _find(bundle: str | os.PathLike[str]) -> Path:
    """The folder that a name or path means."""
    if isinstance(bundle, str) and bundle not in (".", "..") and not {"/", os.sep} & set(bundle):
        if bundle not in shipped():
            raise BundleError(
                f"no bundle {bundle!r} comes with edgeseg, which has {', '.join(shipped()) or 'none'}; "
                f"if a folder is meant, write it as a path: ./{bundle}"
            )
        return SHIPPED / bundle
    if URL.match(os.fspath(bundle)):
        raise BundleError(f"{redact(os.fspath(bundle))} is a URL, expected a folder; bring it here by edgeseg fetch")
    return Path(bundle)
