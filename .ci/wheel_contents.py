"""Refuses a wheel that lacks a part of the product or brings what is none: .ci/wheel_contents.py WHEEL."""

from __future__ import annotations

import sys
import zipfile

PRESENT = (
    "edgeseg/cli.py",
    "edgeseg/py.typed",
    "edgeseg/_native.",
    "edgeseg/bundles/road/bundle.json",
    "edgeseg/bundles/road/golden-0.png",
    "edgeseg/bundles/road-nano/bundle.json",
    "edgeseg/engines/tensorrt/cuda/mask.cu",
    "edgeseg/serve/web/page/index.html",
    "edgeseg_launcher/__init__.py",
    "edgeseg_export/to_onnx.py",
    "edgeseg_bench/suite.py",
)
"""Beginnings of names that must be there."""

PACKAGES = {"edgeseg", "edgeseg_launcher", "edgeseg_export", "edgeseg_bench"}

with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = wheel.namelist()
absent = [start for start in PRESENT if not any(name.startswith(start) for name in names)]
foreign = {name.partition("/")[0] for name in names} - PACKAGES
foreign = {name for name in foreign if not name.endswith(".dist-info")}
tests = [name for name in names if "tests" in name.split("/") or "/test_" in name]
licences = [name for name in ("LICENSE", "NOTICE") if not any(each.endswith(f"licenses/{name}") for each in names)]
if absent or foreign or tests or licences:
    sys.exit(f"{sys.argv[1]} lacks {absent + licences} and has {sorted(foreign) + tests}, which it should not")
print(f"{sys.argv[1]}: {len(names)} files, as they should be")
