"""Promises about the package as a whole."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import re
import subprocess
import sys

import edgeseg
from edgeseg.extras import EXTRAS

HEAVY = {"torch", "onnx", "onnxscript", "av", "rich", "cyclopts", "matplotlib", "safetensors", "skvideo"}


def test_import_is_light() -> None:
    code = "import edgeseg, sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(result.stdout))
    assert {"edgeseg", "numpy"} <= loaded
    assert not loaded & HEAVY
    assert result.stderr == ""


def test_the_command_handles_signals_before_it_imports_anything() -> None:
    code = "import edgeseg_launcher, sys; print(*sorted({'edgeseg', 'numpy', 'cv2'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "\n"
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="edgeseg")
    assert command.value == "edgeseg_launcher:main"


def test_public_names_are_flat_and_documented() -> None:
    tour = edgeseg.__doc__ or ""
    errors = {name for name, _ in inspect.getmembers(edgeseg.errors, inspect.isclass)}
    assert errors <= set(edgeseg.__all__)
    for name in set(edgeseg.__all__) - {"__version__"}:
        assert inspect.getdoc(getattr(edgeseg, name)), f"{name} has no docstring"
        assert name in tour or name in errors, f"the tour leaves out {name}"


def test_version_is_the_packages() -> None:
    assert edgeseg.__version__ == importlib.metadata.version("edgeseg")


IMPORTED_AS = {"paho_mqtt": "paho", "grpcio": "grpc"}
"""Packages that are imported by another name than their own."""


def test_extras_are_those_of_the_package() -> None:
    """What a missing package's message recommends is what pip knows."""
    metadata = importlib.metadata.metadata("edgeseg")
    requirements = metadata.get_all("Requires-Dist") or []
    for extra, packages in EXTRAS.items():
        brought = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in requirements if f'"{extra}"' in line}
        assert set(packages) <= {IMPORTED_AS.get(package, package) for package in brought}, extra


BARE = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
for package in {packages}:
    for _, name, _ in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not name.endswith(".__main__"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                print(name, error.name.partition(".")[0])
"""


def test_every_module_imports_without_extras_or_names_the_package_it_lacks() -> None:
    """Of each package that an extra brings, as if it were not installed."""
    absent = {package for packages in EXTRAS.values() for package in packages}
    absent |= {"openvino", "tensorrt", "tensorrt_rtx", "pycuda"}
    code = BARE.format(absent=absent, packages=("edgeseg", "edgeseg_export", "edgeseg_bench"))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lacking = dict(line.split() for line in result.stdout.splitlines())
    assert set(lacking.values()) <= absent
    runtime = {name for name in lacking if name.startswith("edgeseg.")}
    rooms = ("models", "train", "commands.", "engines.", "update.", "archive.", "serve.mqtt", "serve.web.", "triton.")
    allowed = tuple(f"edgeseg.{room}" for room in rooms)
    assert all(name.startswith(allowed) for name in runtime), runtime
    assert lacking["edgeseg_export.to_onnx"] in {"torch", "onnx"}
