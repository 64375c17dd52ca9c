"""`edgeseg fetch`. Light, so that --help works where tuf is not installed."""

from __future__ import annotations

from pathlib import Path

from edgeseg.errors import UsageError
from edgeseg.terminal import make_console


def fetch_command(
    url: str,
    *,
    out: Path,
    root: Path | None = None,
    name: str | None = None,
    require_signature: bool = False,
    trust: Path | None = None,
    timeout: float = 30.0,
) -> int:
    """Fetch the newest bundle that was published (TUF).

    The folder is replaced in one rename once everything is there and verified; if anything goes wrong, what was there
    stays.

    Args:
        url: the repository's URL, http:// or https://: the folder that holds metadata and targets.
        out: folder of the bundle, which is replaced.
        root: the repository's 1.root.json, brought here in a safe way; by default root.json in the trust folder.
        name: the bundle's name in the repository; by default the folder's.
        require_signature: ask for the bundle's own signature too, as for run.
        trust: a public key (.pub) or a folder of some, as for run.
        timeout: seconds that the server may take to answer, or between two parts of an answer; it is asked up to four
            times.
    """
    from edgeseg.trust import find_root
    from edgeseg.update.fetch import fetch

    if not 0 < timeout <= 3600:
        raise UsageError(f"got --timeout {timeout:g}, expected more than 0 and at most 3600 seconds")
    root = root or find_root()
    fresh = fetch(url, out, root=root, name=name, require_signature=require_signature, trust=trust, timeout=timeout)
    make_console().print(f"{out}: {'new' if fresh else 'up to date'}", soft_wrap=True)
    return 0
