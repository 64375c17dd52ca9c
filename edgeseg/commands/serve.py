"""`edgeseg serve`."""

from __future__ import annotations

from pathlib import Path

from edgeseg.json_fields import print_json


def serve_command(settings: Path, *, check: bool = False, every: float = 10.0, json: bool = False) -> int:
    """Segment many cameras for months, as a settings file says.

    The whole file is checked before a camera is opened. Each change of a camera's state is a line on stderr. SIGTERM
    and Ctrl-C stop it cleanly within 5 s; SIGHUP reads the file again, and cameras that did not change go on.

    Exit code 0 after SIGTERM or Ctrl-C, 2 when something was wrong or could not be finished.

    Args:
        settings: a TOML file with the bundle and the cameras.
        check: print how the settings were understood, and open no camera.
        every: with --json, seconds between two status objects.
        json: print one JSON object a line on stdout: {"event": ...} as things happen, {"status": ...} from time to
            time; with --check, one object.
    """
    import signal

    from edgeseg.errors import UsageError
    from edgeseg.interrupt import Interrupted, exit_code
    from edgeseg.serve.described import to_json, to_text
    from edgeseg.serve.fronts import check_packages
    from edgeseg.serve.report import log_to_stderr
    from edgeseg.serve.run import leave, run
    from edgeseg.serve.settings_file import read_settings
    from edgeseg.terminal import complain, make_console

    if not 0.1 <= every <= 86400:
        raise UsageError(f"every is {every:g}, expected 0.1 to 86400 seconds")
    if check:
        found, bundle = read_settings(settings)
        check_packages(found)
        if json:
            print_json(to_json(found, bundle))
        else:
            make_console().print(to_text(found, bundle), soft_wrap=True)
        return 0
    try:
        with log_to_stderr():
            finished = run(settings, every=every, json=json)
    except Interrupted as signalled:  # before a camera was opened
        if signalled.code == exit_code(signal.SIGHUP):
            raise
        return 0
    if not finished:
        complain("the service did not end as it should; its last events say why")
    return leave(0 if finished else 2)
