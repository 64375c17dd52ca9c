"""Functions that are command lines of their own, `python -m ...`: errors are sentences, as in `edgeseg`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from cyclopts import App

from edgeseg.errors import EdgeSegError
from edgeseg.terminal import complain


def run_script(main: Callable[..., Any], name: str) -> NoReturn:
    """Runs `main` with the process's arguments, and exits: with its answer, where that is a number, else with 0.

    An EdgeSegError is one sentence on stderr, and exit code 2.

    Args:
        main: the command; its docstring is the help.
        name: how it is called, "python -m lab.zoo".
    """
    try:
        code = App(name=name, default_command=main)(result_action="return_value")
    except EdgeSegError as error:
        complain(str(error))
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
