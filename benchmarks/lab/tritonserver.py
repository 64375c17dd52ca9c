"""The tritonserver of the wheel nvidia-pytriton, which brings the Python backend alone: for tests and measurements.

pip install --no-deps nvidia-pytriton      # what else it asks for is PyTriton's own, and is not used here

with TritonServer(repository, "road") as server:
    server.wait()
    ...                                    # server.grpc is "127.0.0.1:PORT"
    server.kill()
    server.start()                         # the same ports
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

STOP_SECONDS = 20.0


def missing() -> str | None:
    """Why no server can be started here; None where one can."""
    home = _home()
    if home is None:
        return "nvidia-pytriton is not installed"
    if not _stub(home).is_file():
        return f"nvidia-pytriton has no Python backend for Python {_python()}"
    try:
        found = subprocess.run([_binary(home), "--help"], env=_environment(home), capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"tritonserver does not start: {error}"
    return None if b"--model-repository" in found.stderr + found.stdout else "tritonserver does not start here"


class TritonServer:
    """A server on 127.0.0.1, on ports of its own that stay the same over all its starts.

    Attributes:
        grpc: its address.
        log: what it printed.
    """

    def __init__(self, repository: Path, *models: str, options: Sequence[str] = ()) -> None:
        """Starts it.

        Args:
            repository: of models.
            models: that are loaded; others may need backends that are not there.
            options: of tritonserver's own, "--NAME=VALUE".
        """
        home = _home()
        assert home is not None, "look at missing() first"
        self._folder = tempfile.TemporaryDirectory(prefix="triton-")
        backends = Path(self._folder.name, "backends")
        shutil.copytree(home / "backends", backends)
        shutil.copy(_stub(home), backends / "python")
        self.log = Path(self._folder.name, "log")
        self._ports = _free_ports(3)
        self.grpc = f"127.0.0.1:{self._ports[0]}"
        self._environment = _environment(home)
        self._command = [*_command(_binary(home), repository, backends, self._ports, models), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts it, and does not wait."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )

    def wait(self, seconds: float = 60.0) -> None:
        """Returns when all models are ready.

        Raises:
            RuntimeError: the server ended, or it takes too long; with the end of its log.
        """
        assert self._process is not None
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[1]}/v2/health/ready", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"tritonserver is not ready:\n{self.log.read_text(errors='replace')[-4000:]}")

    def kill(self) -> None:
        """Ends it at once, its models' processes too."""
        if self._process is not None:
            _signal_group(self._process, 9)
            self._process.wait()
        for remains in Path("/dev/shm").glob(f"{_shared_memory(self._ports)}*"):
            remains.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends it in order, or at once where that takes too long; its files are removed."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._folder.cleanup()

    def __enter__(self) -> TritonServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _command(binary: Path, repository: Path, backends: Path, ports: Sequence[int], models: Sequence[str]) -> list[str]:
    command = [str(binary), f"--model-repository={repository}", f"--backend-directory={backends}"]
    command += [f"--{what}-address=127.0.0.1" for what in ("grpc", "http", "metrics")]
    command += [f"--{what}-port={port}" for what, port in zip(("grpc", "http", "metrics"), ports, strict=True)]
    command += [f"--backend-config=python,shm-region-prefix-name={_shared_memory(ports)}"]
    command += ["--exit-timeout-secs=5", "--model-control-mode=explicit", *(f"--load-model={name}" for name in models)]
    return command


def _shared_memory(ports: Sequence[int]) -> str:
    """What the names of its shared memory begin with, by which the remains of a killed one are found."""
    return f"edgeseg{os.getpid()}-{ports[0]}-"


def _home() -> Path | None:
    found = find_spec("pytriton")
    return Path(next(iter(found.submodule_search_locations or [])), "tritonserver") if found else None


def _binary(home: Path) -> Path:
    return home / "bin" / "tritonserver"


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _stub(home: Path) -> Path:
    return home / "python_backend_stubs" / _python() / "triton_python_backend_stub"


def _environment(home: Path) -> dict[str, str]:
    """The Python in the backend finds its environment by the first python3 of the PATH, as any does: this one."""
    libraries = [home.parents[1] / "nvidia_pytriton.libs", Path(sys.base_prefix, "lib")]
    return {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)
