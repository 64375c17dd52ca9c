"""What surrounds the code: the workflow runs what the Makefile has, versions and addresses agree, pins are complete."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml
from packaging.requirements import Requirement

import edgeseg
from edgeseg.cli import app
from edgeseg.serve.web.openapi import description

ROOT = Path(__file__).parents[1]
NOTICE = (ROOT / "NOTICE").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
STEPS: list[dict[str, Any]] = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
ADDRESS = "https://github.com/edgeseg/edgeseg"


def pins(name: str) -> list[Requirement]:
    """The requirements of a file that `make lock` writes."""
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    return [Requirement(line.partition(" --hash")[0]) for line in lines if line and line.strip()[0] != "#"]


def test_the_workflow_runs_make_targets_alone() -> None:
    commands = [step["run"] for step in STEPS if "run" in step]
    assert {command.split()[1] for command in commands} >= {"test", "versions", "wheel", "wheels"}
    for command in commands:
        program, *targets = command.split()
        assert program == "make"
        assert set(targets) <= TARGETS, command


def test_the_workflow_pins_its_actions_and_may_only_read() -> None:
    actions = [step["uses"] for step in STEPS if "uses" in step]
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", action)
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_wheels_are_built_for_both_processors() -> None:
    assert WORKFLOW["jobs"]["wheels"]["strategy"]["matrix"]["machine"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]


def test_our_ci_runs_make_targets() -> None:
    targets = re.findall(r"^make (.+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert {target for line in targets for target in line.split()} >= {"test", "versions", "wheel"}
    assert {target for line in targets for target in line.split()} <= TARGETS


@pytest.mark.parametrize("script", ["run", "versions", "wheel", "arm", "arm_root", "lock", "service_root"])
def test_scripts_are_executable_bash(script: str) -> None:
    path = ROOT / ".ci" / script
    assert path.stat().st_mode & 0o100
    subprocess.run(["bash", "-n", path], check=True)


def test_the_image_for_jetsons_has_every_package() -> None:
    listed = re.search(r"^wheel.packages = \[(.+)\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert listed is not None
    copied = re.findall(r"^COPY (?:\S+ )*?(\w+) \1$", (ROOT / "cpp_bridge/jetson/Dockerfile").read_text(), re.MULTILINE)
    for folder in re.findall(r'"([\w/]+)"', listed[1]):
        assert folder.partition("/")[0] in copied, folder


@pytest.mark.parametrize("image", ["cpp_bridge/jetson", "examples/serve"])
def test_images_serve_as_an_ordinary_user_and_are_asked_for_their_health(image: str) -> None:
    last = (ROOT / image / "Dockerfile").read_text().replace("\\\n", " ").rpartition("\nFROM ")[2]
    words = [line.partition(" ")[::2] for line in last.splitlines() if line and line[0] != "#"]
    steps = [name for name, _ in words]
    instructions = dict(words)
    assert steps.count("USER") == 1
    assert steps.index("USER") > max(place for place, name in enumerate(steps) if name == "RUN")
    assert re.search(rf"useradd .*--groups video .*\b{instructions['USER']}\b", last)
    assert "[web,mqtt]" in (ROOT / image / "Dockerfile").read_text()
    program, _, script = json.loads(instructions["HEALTHCHECK"].partition("CMD ")[2])
    assert program == "python3"
    compile(script, image, "exec")
    asked = re.search(r"http://(127\.0\.0\.1:\d+)(/\w+)", script)
    assert asked is not None
    assert f'\nlisten = "{asked[1]}"\n' in (ROOT / "examples/serve/cameras.toml").read_text()
    assert description()["paths"][asked[2]]["get"]["security"] == [{}]  # it needs no token
    assert json.loads(instructions["ENTRYPOINT"]) == ["edgeseg"]
    app.parse_args(json.loads(instructions["CMD"]), exit_on_error=False, print_error=False)


@pytest.mark.parametrize("image", ["cpp_bridge/jetson", "examples/serve"])
def test_images_are_sent_what_they_copy(image: str) -> None:
    sent = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / image / "Dockerfile").read_text(), re.MULTILINE)
    assert {word.partition("/")[0] for line in copied for word in line.split()} <= sent


def test_templates_are_yaml() -> None:
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) == 3
    for form in forms:
        assert yaml.safe_load(form.read_text())


def test_the_citation_is_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == edgeseg.__version__
    assert citation["repository-code"] == ADDRESS
    date = citation["date-released"]
    assert f"## {edgeseg.__version__} ({date})" in (ROOT / "CHANGELOG.md").read_text()


def test_there_is_one_address() -> None:
    for name in ("pyproject.toml", "CITATION.cff", "SECURITY.md", ".github/ISSUE_TEMPLATE/config.yml"):
        assert set(re.findall(r"https://github\.com/[\w-]+/[\w-]+", (ROOT / name).read_text())) == {ADDRESS}, name


@pytest.mark.parametrize("name", ["constraints.txt", "requirements/dev.txt", "requirements/runtime.txt"])
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_every_python_has_one_pin_of_what_we_ask_for(name: str, python: str) -> None:
    marks = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
    }
    chosen: dict[str, Requirement] = {}
    for pin in pins(name):
        if pin.marker is None or pin.marker.evaluate(dict(marks)):
            assert pin.name not in chosen
            chosen[pin.name] = pin
    block = re.search(r"^dependencies = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    asked = [Requirement(text) for text in re.findall(r'^ +"(.+)",', block[1], re.MULTILINE)]
    assert len(asked) >= 6
    for requirement in asked:
        if requirement.marker is None or requirement.marker.evaluate(dict(marks)):
            (version,) = chosen[requirement.name].specifier
            assert requirement.specifier.contains(version.version), requirement


@pytest.mark.parametrize("name", ["dev", "runtime", "jetson"])
def test_every_pin_has_a_hash(name: str) -> None:
    lines = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert pinned
    assert all("--hash=sha256:" in line for line in pinned)
    assert not any(line.startswith(("torch==", "tensorrt==")) for line in pinned)


def test_no_file_names_an_index() -> None:
    for path in (ROOT / "constraints.txt", *(ROOT / "requirements").iterdir()):
        assert "://" not in path.read_text(), path


def test_security_names_files_that_are_there() -> None:
    named = re.findall(r"`((?:edgeseg|edgeseg_export)/[\w/]+(?:\.py)?)", (ROOT / "SECURITY.md").read_text())
    assert len(named) >= 6
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "export" / name).exists(), name


COPYLEFT = {
    "avcodec": "FFmpeg",
    "x264": "libx264",
    "x265": "libx265",
    "asound": "libasound",
    "gnutls": "GnuTLS",
    "mp3lame": "LAME",
    "gmp": "GMP",
    "nettle": "Nettle",
    "hogweed": "Hogweed",
    "unistring": "libunistring",
    "Qt5Core": "Qt 5",
    "gfortran": "libgfortran",
    "quadmath": "libquadmath",
}
"""Libraries with a copyleft, by their file's name and by the name that people know."""


@pytest.mark.parametrize(("package", "folder"), [("PyAV", "av"), ("OpenCV", "opencv_python"), ("NumPy", "numpy")])
def test_the_notice_names_the_copyleft_libraries_of_the_wheels(package: str, folder: str) -> None:
    libraries = list(Path(cv2.__file__).parents[1].glob(f"{folder}.libs/*.so*"))
    if not libraries:
        pytest.skip(f"{package} is installed otherwise than from a wheel with libraries beside it")
    (paragraph,) = (each for each in NOTICE.split("\n\n") if each.startswith(f"  {package} ("))
    names = {match[1] for path in libraries if (match := re.match(r"lib(\w+?)-", path.name))}
    assert names
    for name in names & COPYLEFT.keys():
        assert COPYLEFT[name] in paragraph, name
