"""The command line: the list of commands, and what becomes of their errors. Each command is a file in commands/."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import traceback
import warnings
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError

from edgeseg.arguments import check_inner, convert, sentence
from edgeseg.errors import EdgeSegError, EdgeSegWarning, LostError
from edgeseg.extras import extra_of
from edgeseg.interrupt import Interrupted, exit_code, interruption, raising_interrupted
from edgeseg.memory import keep_frames
from edgeseg.redact import redact_arguments
from edgeseg.terminal import complain, escaped

DEBUG = "--debug"

NO_DASH = (
    '"-" is no name: neither standard input nor a pipe is read. Write into a file and name that; while it grows, '
    "edgeseg run FILE --follow reads it."
)


def _version() -> str:
    """Loads the native module, so that a broken installation fails here and loudly."""
    from importlib.metadata import version

    from edgeseg import _native

    return f"edgeseg {version('edgeseg')}, kernels for {_native.instruction_set()}"


app = App(
    name="edgeseg",
    help="Semantic segmentation from PyTorch to a camera at the edge.",
    default_parameter=Parameter(converter=convert, negative_iterable=""),
    help_epilogue=f"{DEBUG}, with any command, shows the trace of an unforeseen error.",
    version=_version,
    suppress_keyboard_interrupt=False,
)
app.command("edgeseg.commands.run:run_command", name="run")
app.command("edgeseg.commands.serve:serve_command", name="serve")
app.command("edgeseg.commands.batch:batch_command", name="batch")
app.command("edgeseg.commands.eval:eval_command", name="eval")
app.command("edgeseg.commands.inspect:inspect_command", name="inspect")
app.command("edgeseg.commands.check:check_command", name="check")
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
app.command("edgeseg.commands.keygen:keygen_command", name="keygen")
app.command("edgeseg.commands.sign:sign_command", name="sign")
app.command("edgeseg.commands.publish:publish_command", name="publish")
app.command("edgeseg.commands.fetch:fetch_command", name="fetch")
app.command("edgeseg.commands.triton:triton_command", name="triton")
app.command("edgeseg.commands.zoo:zoo_command", name="zoo")
app.command("edgeseg.commands.doctor:doctor_command", name="doctor")


def main() -> None:
    """Entry point: 0 when all went well, 2 with one sentence on stderr when not, 128 and its number after a signal."""
    _open_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):  # as stderr is; ASCII has no block to show a class's colour
        sys.stdout.reconfigure(errors="backslashreplace")
    with raising_interrupted():
        try:
            sys.exit(_run())
        except KeyboardInterrupt as signalled:
            sys.exit(signalled.code if isinstance(signalled, Interrupted) else exit_code(signal.SIGINT))
        finally:
            gc.freeze()  # the interpreter would look for garbage once more, for 50 ms, in what ends with it


def _open_closed_streams() -> None:
    """Gives what was closed when it started (`>&-`) an end to print to, and no file the number of a standard stream."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  to the end of the process


def _run() -> int:
    """Runs the command; its exit code, where errors have become sentences."""
    keep_frames()
    warnings.showwarning = _warn
    if sys.argv[1:] in ([], ["--help"], ["-h"]):
        for command in app:
            app[command]  # imported now, or the list of commands would lack their first lines
    words = [word for word in sys.argv[1:] if word != DEBUG]
    try:
        code = _command(words)
    except EdgeSegError as error:
        complain(str(error))
        return 3 if isinstance(error, LostError) else 2
    except CycloptsError as error:
        command = " ".join(["edgeseg", *error.command_chain] if error.command_chain else ["edgeseg"])
        dash = isinstance(error, UnknownOptionError) and "-" in (error.token.keyword, error.token.value)
        complain(f"{NO_DASH if dash else sentence(error)} See {command} --help.")
        return 2
    except BrokenPipeError:  # who read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_code(signal.SIGPIPE)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = extra_of(package, next(iter(words), ""))
        if extra is None:
            raise
        complain(f"this command needs {package}, which is not installed; pip install 'edgeseg[{extra}]'")
        return 2
    except Exception as error:
        if DEBUG in sys.argv[1:]:
            sys.excepthook = _show_trace
            raise
        return _unforeseen(error)
    return code if isinstance(code, int) else 0


def _command(words: list[str]) -> Any:
    """Runs the command, and gives what it returns."""
    check_inner(app, words)
    try:
        return app(words, result_action="return_value", print_error=False, exit_on_error=False)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # by which rich, for the help, answers it
            raise end.__context__ from None
        raise
    except Exception as error:
        if (signalled := interruption(error)) is not None:
            raise signalled from None
        raise


def _unforeseen(error: Exception) -> int:
    """Says in one sentence what no code of ours has foreseen; what the system refused is the user's matter: 2."""
    first = (str(error).strip().splitlines() or [""])[0][:300]
    if isinstance(error, MemoryError):
        complain("there is not enough memory for this; close other programs, or take a smaller size")
        return 2
    if isinstance(error, FileNotFoundError) and not _has_working_directory():
        complain("the working directory was deleted; change into one that is there")
        return 2
    if isinstance(error, OSError) and error.strerror:
        complain(f"{error.filename or 'the system'}: {error.strerror}; check the path, its permissions and the disk")
        return 2
    with tempfile.NamedTemporaryFile("w", prefix="edgeseg-", suffix=".log", delete=False, errors="replace") as log:
        log.write(redact_arguments(f"edgeseg {sys.argv[1:]}\n\n{''.join(traceback.format_exception(error))}"))
    complain(
        f"this should not have happened: {type(error).__name__}: {first}; {log.name} says where. Please report it; "
        f"{DEBUG} shows the same here"
    )
    return 70


def _has_working_directory() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _show_trace(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints a trace as Python does, without what may be secret in the arguments: libraries' errors name URLs."""
    sys.stderr.write(redact_arguments("".join(traceback.format_exception(kind, error, trace))))


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
        (file or sys.stderr).write(f"warning: {escaped(redact_arguments(str(message)))}\n")
    else:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))
