"""`edgeseg publish`. Light, so that --help works where tuf is not installed."""

from __future__ import annotations

from pathlib import Path

from edgeseg.errors import UsageError
from edgeseg.terminal import make_console

LONGEST = 3650


def publish_command(
    bundle: str, *, repository: Path, key: Path, root_key: list[Path] | None = None, days: int = 30
) -> int:
    """Publish a bundle for devices to fetch (TUF).

    The repository is a folder that any web server can serve. The first time, --root-key begins it; devices must then be
    given its metadata/1.root.json in a safe way. Publish again before --days are over, with or without
    changes.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        repository: the folder.
        key: private key that signs what is published; a new one replaces the previous one, which needs --root-key.
        root_key: private key that says which keys are valid; keep it offline: it is needed the first time, for a new
            --key, and once a year. Given twice, the second key replaces the first.
        days: days after which devices no longer trust the repository, unless it is published again.
    """
    from edgeseg.bundle import Bundle
    from edgeseg.keys import read_private_key
    from edgeseg.passphrase import passphrase
    from edgeseg.update.publish import publish

    if not 1 <= days <= LONGEST:
        raise UsageError(f"got --days {days}, expected 1 to {LONGEST}")
    if root_key is not None and len(root_key) > 2:
        raise UsageError(f"got --root-key {len(root_key)} times, expected the root's key, and the one to replace it")
    opened = Bundle.open(bundle)
    private, roots = read_private_key(key, passphrase), [read_private_key(each, passphrase) for each in root_key or []]
    until = publish(opened, repository, private, root_keys=roots, days=days)
    text = f"{repository}: bundle {opened.spec.name}; publish again before {until:%Y-%m-%d}"
    make_console().print(text, soft_wrap=True)
    return 0
