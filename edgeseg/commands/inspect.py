"""`edgeseg inspect`."""

from __future__ import annotations

from pathlib import Path

from edgeseg.bundle import Bundle
from edgeseg.describe import describe, tables
from edgeseg.json_fields import print_json
from edgeseg.terminal import make_console


def inspect_command(bundle: str, *, trust: Path | None = None, json: bool = False) -> int:
    """Show what a bundle holds, and who signed it; check it.

    Every file is hashed; one that was altered is an error. Consistent hashes show that a bundle agrees with itself, a
    signature who made it.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        trust: a public key (.pub) or a folder of some, to know signers by, instead of those in the trust folders.
        json: print one JSON object on stdout, and nothing else.
    """
    opened = Bundle.open(bundle)
    if json:
        print_json(describe(opened, trust))
    else:
        make_console().print(tables(opened, trust))
    return 0
