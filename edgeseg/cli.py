"""The command line: the list of commands, and what becomes of their errors. Each command is a file in commands/."""

from __future__ import annotations

import signal
import sys
import warnings
from typing import Any, TextIO

from cyclopts import App, CycloptsError

from edgeseg.errors import EdgeSegError, EdgeSegWarning, LostError
from edgeseg.extras import extra_of
from edgeseg.interrupt import Interrupted, exit_code, raising_interrupted
from edgeseg.redact import redact_arguments
from edgeseg.terminal import complain


def _version() -> str:
    """Loads the native module, so that a broken installation fails here and loudly."""
    from importlib.metadata import version

    from edgeseg import _native

    return f"edgeseg {version('edgeseg')}, kernels for {_native.instruction_set()}"


app = App(
    name="edgeseg",
    help="Semantic segmentation from PyTorch to a camera at the edge.",
    version=_version,
    suppress_keyboard_interrupt=False,
)
app.command("edgeseg.commands.run:run_command", name="run")
app.command("edgeseg.commands.eval:eval_command", name="eval")
app.command("edgeseg.commands.inspect:inspect_command", name="inspect")
app.command("edgeseg.commands.data:app", name="data")
app.command("edgeseg.commands.train:train_command", name="train")
app.command("edgeseg.commands.export:export_command", name="export")
app.command("edgeseg.commands.import_:import_command", name="import")
app.command("edgeseg.commands.quantize:quantize_command", name="quantize")
app.command("edgeseg.commands.sensitivity:sensitivity_command", name="sensitivity")
app.command("edgeseg.commands.verify:verify_command", name="verify")
app.command("edgeseg.commands.compile:compile_command", name="compile")
app.command("edgeseg.commands.bench:app", name="bench")
app.command("edgeseg.commands.tune:tune_command", name="tune")
app.command("edgeseg.commands.zoo:zoo_command", name="zoo")
app.command("edgeseg.commands.doctor:doctor_command", name="doctor")


def main() -> None:
    """Entry point: 0 when all went well, 2 with one sentence on stderr when not, 128 and its number after a signal."""
    with raising_interrupted():
        try:
            sys.exit(_run())
        except KeyboardInterrupt as signalled:
            sys.exit(signalled.code if isinstance(signalled, Interrupted) else exit_code(signal.SIGINT))


def _run() -> int:
    """Runs the command; its exit code, where errors have become sentences."""
    warnings.showwarning = _warn
    if sys.argv[1:] in ([], ["--help"], ["-h"]):
        for command in app:
            app[command]  # imported now, or the list of commands would lack their first lines
    try:
        code: Any = app(sys.argv[1:], result_action="return_value", print_error=False, exit_on_error=False)
    except CycloptsError as error:  # cyclopts' own exit code differs between its versions
        _refuse(error)
        return 2
    except EdgeSegError as error:
        complain(str(error))
        return 3 if isinstance(error, LostError) else 2
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = extra_of(package)
        if extra is None:
            raise
        complain(f"this command needs {package}, which is not installed; pip install 'edgeseg[{extra}]'")
        return 2
    return code if isinstance(code, int) else 0


def _refuse(error: CycloptsError) -> None:
    """Prints what cyclopts says of a command line, without the passwords that may stand in it."""
    from cyclopts import CycloptsPanel
    from rich.console import Console

    Console(stderr=True).print(CycloptsPanel(redact_arguments(str(error))))


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Prints our own warnings as one sentence; others are for developers and look as they always do."""
    if issubclass(category, EdgeSegWarning):
        (file or sys.stderr).write(f"warning: {redact_arguments(str(message))}\n")
    else:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))
