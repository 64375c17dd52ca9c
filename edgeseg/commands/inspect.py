"""`edgeseg inspect`."""

from __future__ import annotations

from edgeseg.bundle import Bundle
from edgeseg.describe import describe, tables
from edgeseg.json_fields import print_json
from edgeseg.terminal import make_console


def inspect_command(bundle: str, *, json: bool = False) -> int:
    """Show a bundle's spec, artifacts and figures; check its files.

    Every file is hashed; one that was altered is an error.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        json: print one JSON object on stdout, and nothing else.
    """
    opened = Bundle.open(bundle)
    if json:
        print_json(describe(opened))
    else:
        make_console().print(tables(opened))
    return 0
