"""Command lines drawn from every command's own signature: a wrong one is one sentence, and costs nothing."""

from __future__ import annotations

import inspect
import json
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import cv2
import numpy as np
import pytest
from cyclopts import App
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg import cli

HARMLESS = {"doctor", "zoo", "bench", "keygen"}
"""Commands that may do without an argument, or with any, and so would do their work."""

NOWHERE = "/nonexistent/edgeseg"

MODEL_SPEC = {
    "format": 1, "name": "x", "stride": 1, "classes": ["a", "b"], "palette": None, "ignore": None, "licence": "none",
    "input": {
        "width": 8, "height": 8, "resize": "stretch", "pad": 0, "dynamic": False,
        "colour": "RGB", "range": 255, "mean": [0, 0, 0], "std": [1, 1, 1],
    },
}  # fmt: skip

WORDS: dict[Any, list[str]] = {
    int: ["0", "-1", "1.5", "2147483648", "9" * 40, "nan", "x", "", "1e3"],
    float: ["nan", "inf", "-1", "1e999", "x", "", "0"],
    str: [NOWHERE, "", " ", "\x1b[31m", "[/red]", "a/b", "\udcff", "x" * 300, "0x0", "-"],
    Path: [NOWHERE, "", "/", "/dev/null", "\x1b]0;x\x07", "\udcff", "x" * 5000, f"{NOWHERE}.json"],
}


def commands(app: App, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Callable[..., Any]]]:
    """The names and the function of every command."""
    for name in app:
        if name.startswith("-"):
            continue
        inner = app[name]
        if inner.default_command is not None:
            yield (*prefix, name), inner.default_command
        yield from commands(inner, (*prefix, name))


COMMANDS = {" ".join(names): function for names, function in commands(cli.app) if " ".join(names) not in HARMLESS}


def kind_of(annotation: Any) -> Any:
    """int, float, str, Path, bool or the choices of an option."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if get_origin(annotation) is tuple:
        annotation = get_args(annotation)[0]
    return annotation


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command with some of its options, the words odd; what is required is there, and leads nowhere."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    function = COMMANDS[name]
    hints = get_type_hints(function)
    line = name.split()
    for parameter in inspect.signature(function).parameters.values():
        kind = kind_of(hints[parameter.name])
        required = parameter.default is parameter.empty
        if not (required or draw(st.booleans())):
            continue
        option = f"--{parameter.name.strip('_').replace('_', '-')}"
        if kind is bool:
            line.append(draw(st.sampled_from([option, f"{option}=maybe", f"--no-{option[2:]}"])))
            continue
        choices = [*map(str, get_args(kind)), "odd"] if get_origin(kind) is Literal else None
        words = choices or WORDS.get(kind, ["x"])
        word = NOWHERE if required and kind in (str, Path) and draw(st.booleans()) else draw(st.sampled_from(words))
        if parameter.kind is parameter.KEYWORD_ONLY:
            line += [option, word]
        else:
            line.append(word)
    return line


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(line=lines())
def test_a_wrong_command_line_is_one_sentence(
    line: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["edgeseg", *line])
    with pytest.raises(SystemExit) as end:
        cli.main()
    printed = capsys.readouterr()
    assert end.value.code in (0, 2), printed.err
    assert "Traceback" not in printed.err
    if end.value.code == 2:
        complaint = printed.err.strip().splitlines()[-1]
        assert complaint.startswith("error: ")
        assert complaint.isprintable()
    assert list(tmp_path.iterdir()) == []


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["edgeseg", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_the_unforeseen_is_one_line_and_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("edgeseg.commands.inspect.Bundle.open", failing(KeyError("nobody\x1b thought of it")))
    assert run(monkeypatch, "inspect", "road") == 70
    (log,) = tmp_path.iterdir()
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "KeyError" in printed
    assert str(log) in printed
    assert "Traceback" in log.read_text()
    monkeypatch.setattr(sys, "argv", ["edgeseg", "inspect", "road", "--debug"])
    with pytest.raises(KeyError):
        cli.main()


def test_a_trace_holds_no_password(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://me:secret@cam/1"
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # is put back
    monkeypatch.setattr("edgeseg.commands.inspect.Bundle.open", failing(ValueError(f"cannot open {url}")))
    monkeypatch.setattr(sys, "argv", ["edgeseg", "inspect", url, "--debug"])
    with pytest.raises(ValueError, match="cannot open") as caught:
        cli.main()
    sys.excepthook(caught.type, caught.value, caught.tb)
    printed = capsys.readouterr().err
    assert "ValueError: cannot open http://***@cam/1" in printed
    assert "secret" not in printed


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device", "/full"), "/full: No space left on device"),
    ],
)
def test_what_the_system_refuses(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edgeseg.commands.inspect.Bundle.open", failing(error))
    assert run(monkeypatch, "inspect", "road") == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--threads", "-1"], "got -1 threads, expected 1 to"),
        (["--threads", "2147483648"], "got 2147483648 threads, expected 1 to"),
        (["--workers", "100000"], "expected at most"),
        (["--max-frames", "1.5"], '"1.5" is not a whole number'),
        (["--max-frames", "0"], "expected at least 1"),
        (["--alpha", "nan"], "not a finite number"),
        (["--out", ""], "it is empty"),
    ],
)
def test_options_of_run_have_bounds(
    words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setattr("edgeseg.auto._measure", failing(AssertionError("measured before the options were checked")))
    assert run(monkeypatch, "run", str(picture), *words) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "SOURCE is missing. See edgeseg run --help."),
        (["data", "check"], "DATA is missing. See edgeseg data check --help."),
        (["eval", "--bundle"], "--bundle needs a value. See edgeseg eval --help."),
        (["train", "unet", "--data", "d", "--otu", "o"], "--out is missing. Did you mean "),
        (["--verson"], 'There is no option "--verson". Did you mean "--version"? Commands: run, serve, '),
        (["version"], 'There is no command "version". Did you mean "--version"? Commands: run, '),
        (["data", "chek", "d"], 'There is no command "chek". Did you mean "check"? Commands: check, convert. See '),
        (["segment"], 'There is no command "segment". Commands: run, '),
        (["run", "--hlep"], "Unknown option: --hlep. Did you mean --help? See edgeseg run --help."),
        (["bench", "compar", "a.json", "b.json"], 'bench has no command "compar"; did you mean "compare"?'),
        (["bench", "raod"], "no bundle 'raod' comes with edgeseg, which has "),
        (["bench", "./compar"], "compar/bundle.json is not there"),
        (["run", "a.mp4", "b.mp4", "c.mp4"], 'Unexpected argument "b.mp4" and 1 more. See edgeseg run --help.'),
        (["zoo", "road"], 'Unexpected argument "road". See edgeseg zoo --help.'),
        (["run", ""], "Invalid value for SOURCE: it is empty."),
        (["batch", "", "--out", "results"], "Invalid value for VIDEOS: it is empty."),
        (["batch", ".", "--out", " "], "Invalid value for --out: it is empty."),
        (["run", "a.mp4", "--source-option", ""], "Invalid value for --source-option: it is empty."),
        (
            ["tune", "road", "--data", "d", "--max-latency", "9", "--min-miou", "9", "--threads", "1.5"],
            'Invalid value for --threads: "1.5" is not a whole number.',
        ),
        (["run", "a.mp4", "--out", "rtsp://me:pw@h/b.mp4"], 'Invalid value for --out: "rtsp://***@h/b.mp4" is a URL'),
        (["eval", "s3://bucket/data"], 'Invalid value for DATA: "s3://bucket/data" is a URL, expected a path'),
    ],
)
def test_arguments_are_named_as_in_the_help(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_batch_takes_urls_where_it_takes_paths(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    assert run(monkeypatch, "batch", "s3x://b/videos", "--out", "s3x://b/masks") == 2
    said = "error: s3x://b/masks begins with s3x://, expected a path or s3://"
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("out", ["/", "home"])
def test_a_folder_of_other_things_is_refused_before_a_network_is_exported(
    out: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/notes.txt").write_text("mine")
    for each in ("to_onnx.load_weights", "foreign.from_torch.make_network", "foreign.import_onnx.load_foreign"):
        monkeypatch.setattr(f"edgeseg_export.{each}", failing(AssertionError("the work has begun")))
    monkeypatch.setattr("edgeseg_export.foreign.trial.try_import", lambda *_, **__: None)
    model_spec = tmp_path / "model.json"
    model_spec.write_text(json.dumps(MODEL_SPEC))
    for words in (
        ("export", "net.safetensors"),
        ("export", "package.module:factory", "--weights", "net.pt", "--spec", str(model_spec)),
        ("import", "net.onnx", "--spec", str(model_spec)),
    ):
        assert run(monkeypatch, *words, "--out", out) == 2
        printed = capsys.readouterr().err
        assert printed.startswith(f"error: cannot write {out}: what lies there is no bundle")
        assert printed.count("\n") == 1
    assert (tmp_path / "home/notes.txt").read_text() == "mine"


def test_a_network_has_a_name_before_it_is_trained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    data = tmp_path / "data"
    for kind in ("images", "masks"):
        (data / kind / "train").mkdir(parents=True)
        cv2.imwrite(str(data / kind / "train/0.png"), np.zeros((64, 64, 3) if kind == "images" else (64, 64), np.uint8))
    names = [{"name": "a", "colour": [1, 2, 3]}, {"name": "b", "colour": [4, 5, 6]}]
    (data / "classes.json").write_text(json.dumps({"classes": names, "ignore": 255}))
    monkeypatch.setattr("edgeseg.train.loop.initial_network", failing(AssertionError("the work has begun")))
    assert run(monkeypatch, "train", "unet", "--data", str(data), "--out", str(tmp_path / "o"), "--name", "a/b") == 2
    assert "name is 'a/b'" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
