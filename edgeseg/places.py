"""Where a user's own things lie: settings and what must not be forgotten. The cache, which may be, is edgeseg.cache's.

A variable that is empty counts as not set, and so does an XDG_... or HOME that is no absolute path. Without HOME it is
the account's home.
"""

from __future__ import annotations

import os
from pathlib import Path

from edgeseg.errors import OutputError, UsageError


def home() -> Path | None:
    """The user's home; None for a user id without an account, as in containers."""
    named = os.environ.get("HOME", "")
    if os.path.isabs(named):  # noqa: PTH117  Path("") is the working directory
        return Path(named)
    import pwd  # here: it is needed once in a blue moon

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def config_folder() -> Path | None:
    """$XDG_CONFIG_HOME/edgeseg, else ~/.config/edgeseg; None where there is no home. It need not exist."""
    return _folder("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """$EDGESEG_STATE, else $XDG_STATE_HOME/edgeseg, else ~/.local/state/edgeseg. It need not exist.

    Raises:
        UsageError: no variable says, and there is no home.
    """
    own = os.environ.get("EDGESEG_STATE")
    found = Path(own).absolute() if own else _folder("XDG_STATE_HOME", ".local/state")
    if found is None:
        raise UsageError("this user has no home to remember anything in; set EDGESEG_STATE to a folder")
    return found


def open_state(*names: str) -> tuple[Path, int]:
    """Makes a folder in the state folder, for this user alone; its path, and a descriptor to lock and to close.

    Raises:
        UsageError: no variable says where, and there is no home.
        OutputError: it cannot be made or opened.
    """
    folder = state_folder().joinpath(*names)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder, os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; set EDGESEG_STATE to another") from error


def _folder(variable: str, below_home: str) -> Path | None:
    shared = os.environ.get(variable, "")
    if os.path.isabs(shared):  # noqa: PTH117
        return Path(shared) / "edgeseg"
    own = home()
    return own / below_home / "edgeseg" if own else None
