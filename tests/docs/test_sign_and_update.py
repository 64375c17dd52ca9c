"""The commands of the page "Sign and update", run one after the other, as they stand there."""

from __future__ import annotations

import functools
import http.server
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg import cli
from edgeseg.bundle import Bundle
from edgeseg.spec import Spec

pytest.importorskip("tuf", reason="updates need edgeseg[update]")

PAGE = (Path(__file__).parents[2] / "docs/sign-and-update.md").read_text(encoding="utf-8")
ADDRESS = "https://updates.example.org/edgeseg"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that serves tmp_path/repository."""
    handler = functools.partial(Quiet, directory=str(tmp_path / "repository"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


def test_the_page_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spec: Spec,
    make_bundle: Callable[[Path, Spec], Bundle],
    repository: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("EDGESEG_PASSPHRASE", "open sesame")
    for variable in ("EDGESEG_TRUST", "EDGESEG_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    make_bundle(tmp_path / "mine", replace(spec, name="mine"))
    video = cv2.VideoWriter("street.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for level in range(3):
        video.write(np.full((48, 64, 3), 40 * level, np.uint8))
    video.release()
    lines = re.findall(r"^    ((?:edgeseg|mkdir|cp|touch) .+)$", PAGE, re.MULTILINE)
    assert len(lines) >= 13
    said = {}
    for line in lines:
        words = shlex.split(line.replace(ADDRESS, repository))
        if words[0] == "edgeseg":
            monkeypatch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit) as end:
                cli.main()
            printed = capsys.readouterr()
            assert end.value.code == 0, (line, printed.err)
            said[line] = printed.out
        else:
            subprocess.run(line, shell=True, check=True)
    (shown,) = (text for line, text in said.items() if " inspect " in line)
    assert "signed by acme" in shown
    assert "version 1" in shown
    (fetched,) = (text for line, text in said.items() if " fetch " in line)
    assert fetched == "mine: up to date\n"
    assert (tmp_path / ".config/edgeseg/trust/root.json").is_file()


def test_what_the_page_quotes_is_said() -> None:
    code = "\n".join(path.read_text() for path in (Path(cli.__file__).parent / "update").glob("*.py"))
    for sentence in ("cannot be trusted", "cannot fetch", "is out of date"):
        assert f"`{sentence}`" in PAGE
        assert sentence in code
