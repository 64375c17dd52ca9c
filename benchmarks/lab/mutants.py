"""Tests of the tests: small faults are put into a module, one at a time, and its own tests must find each.

    make mutants [MODULE=edgeseg/spec.py] [SAMPLE=40] [SEED=0]

The faults are cosmic-ray's: another operator, comparison or number, a condition turned round, a decorator, exception or
loop left out. It changes the file itself, so that the compiled module and the editable installation serve as they are,
and reaches constants and methods under decorators, which mutmut leaves alone. The file is put back at the end; after a
kill, `git checkout` does it.

Faults in annotations, or in how arguments may be passed, are left out: they change no result. Survivors that no test
can find, each with the reason, are in tests/mutants.md; others are printed. Exit code 1: fewer than LEAST percent of a
module's faults are found.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import random
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from cosmic_ray.commands import execute, init
from cosmic_ray.config import ConfigDict
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

LEAST = 90
"""Percent of a module's faults that its tests must find."""

TWINS = re.compile("core/ReplaceComparisonOperator_(Is_Eq|Eq_Is|IsNot_NotEq|NotEq_IsNot)")
"""Faults between the same object and an equal one: of None, types and small numbers there is one each."""

KNOWN = Path("tests/mutants.md")
PYTHON = Path(".venv/bin/python")

MEMORY = 12 * 2**30
"""Bytes that each process may have: a number that has become another may ask for all there is."""

SPARE = 4
"""How many times longer than without a fault tests may take; those that take longer have found it."""

MODULES: dict[str, tuple[str, ...]] = {
    "edgeseg/spec.py": ("tests/test_spec.py",),
    "edgeseg/bundle.py": ("tests/test_bundle.py", "tests/test_bundle_index.py", "tests/test_bundle_writer.py"),
    "edgeseg/artifact.py": ("tests/test_artifact.py",),
    "edgeseg/onnx_wire.py": (
        "tests/test_onnx_wire.py",
        "tests/test_onnx_wire_numbers.py",
        "tests/test_onnx_schema.py",
    ),
    "edgeseg/segmenter.py": ("tests/test_segmenter.py", "tests/test_load.py"),
    "edgeseg/kernels.py": (
        "tests/test_kernels_refuse.py",
        "tests/test_kernels_memory.py",
        "tests/test_kernel_labels.py",
        "tests/test_kernels.py",
    ),
    "edgeseg/kernel_arguments.py": ("tests/test_kernels_refuse.py", "tests/test_kernels_memory.py"),
    "edgeseg/accuracy/metrics.py": ("tests/accuracy/test_metrics.py",),
    "edgeseg/accuracy/classes.py": ("tests/accuracy/test_classes.py",),
    "edgeseg/accuracy/classes_file.py": ("tests/accuracy/test_classes_file.py",),
    "export/edgeseg_export/precision/histogram.py": ("tests/export/precision/test_histogram.py",),
    "export/edgeseg_export/precision/qdq.py": ("tests/export/precision/test_qdq.py",),
    "export/edgeseg_export/agreement.py": ("tests/export/test_agreement.py",),
    "edgeseg/video/live.py": ("tests/video/live",),
    "edgeseg/video/pipeline.py": ("tests/video/test_pipeline.py", "tests/video/test_pipeline_ends.py"),
    "edgeseg/engines/tensorrt/sidecar.py": ("tests/engines/tensorrt/test_sidecar.py",),
    "edgeseg/cache.py": ("tests/test_cache.py",),
}
"""Each module with the tests that mirror it; no others count."""


class _Bare(ast.NodeTransformer):
    """Takes out of a module what is for readers and type checkers: annotations, and marks of keywords."""

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        every = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        defaults = [*node.defaults, *(each for each in node.kw_defaults if each is not None)]
        bare = ast.arguments([], [ast.arg(each.arg) for each in every], None, [], [], None, defaults)
        bare.vararg, bare.kwarg = node.vararg, node.kwarg
        return bare

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.annotation = ast.Constant(None)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node


def meaning(code: str) -> str | None:
    """What a module does when it runs; None of what is no Python."""
    try:
        return ast.dump(_Bare().visit(ast.parse(code)))
    except SyntaxError:
        return None


def leave_out(session: WorkDB, code: str, sample: int | None, seed: int) -> None:
    """Marks the faults as skipped that change nothing or break the syntax, and those beyond the sample."""
    harmless = (None, meaning(code))
    items = sorted(session.work_items, key=lambda each: str(each.mutations))
    random.Random(seed).shuffle(items)
    effective = 0
    for item in items:
        (mutation,) = item.mutations
        operator = get_operator(mutation.operator_name)(**mutation.operator_args)
        needless = effective == sample or TWINS.fullmatch(mutation.operator_name)
        if needless or meaning(mutate_code(code, operator, mutation.occurrence)) in harmless:
            session.set_result(item.job_id, WorkResult(WorkerOutcome.SKIPPED))
        else:
            effective += 1


def changed_lines(diff: str) -> str:
    """A fault as tests/mutants.md lists it: "`before` → `after`"."""
    before, after = (
        " ".join(line[1:].strip() for line in diff.splitlines() if re.match(rf"{sign}(?!{sign})", line))
        for sign in (r"\-", r"\+")
    )
    return f"`{before}` → `{after}`"


@contextlib.contextmanager
def put_back(module: Path) -> Iterator[str]:
    """Gives the module's code, and writes it again at the end, also where this program is told to end."""
    content = module.read_text(encoding="utf-8")

    def end(*_: object) -> NoReturn:
        sys.exit(1)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield content
    finally:
        module.write_text(content, encoding="utf-8")
        signal.signal(signal.SIGTERM, before)


def command_of(tests: tuple[str, ...]) -> str:
    """What runs the tests, always with the same examples."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    return shlex.join([str(PYTHON), "-m", "pytest", *options, *tests])


def try_module(module: str, sample: int | None, seed: int) -> bool:
    """Puts the faults into one module, and says which were not found; whether enough were."""
    command, start = command_of(MODULES[module]), time.monotonic()
    subprocess.run(shlex.split(command), check=True, stdout=subprocess.DEVNULL)
    patience = 10 + SPARE * (time.monotonic() - start)
    config = ConfigDict({"test-command": command, "timeout": patience, "distributor": ConfigDict(name="local")})
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as file, put_back(Path(module)) as code:
        session = WorkDB(file.name, WorkDB.Mode.create)
        init([Path(module)], session, {})
        leave_out(session, code, sample, seed)
        execute(session, config)
        results = [result for _, result in session.results if result.worker_outcome == WorkerOutcome.NORMAL]
    survivors = [changed_lines(each.diff) for each in results if each.test_outcome == TestOutcome.SURVIVED]
    known = KNOWN.read_text(encoding="utf-8")
    unknown = [each for each in survivors if each not in known]
    count = len(results) - len(survivors) + len(unknown)
    share = 100 * (1 - len(unknown) / count) if count else 100.0
    listed = f", {len(survivors) - len(unknown)} as {KNOWN} says" if len(unknown) < len(survivors) else ""
    print(f"{module}: {len(results)} faults, {len(survivors)} not found{listed}: {share:.0f} %", flush=True)
    for each in sorted(unknown):
        print(f"  - {each}", flush=True)
    return share >= LEAST


def main() -> None:
    """Every module, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", choices=MODULES, help="one of these alone")
    parser.add_argument("--sample", type=int, help="so many faults a module, by chance; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of that chance")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder  # what failed with one fault says nothing of the next
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        modules = [given.module] if given.module else list(MODULES)
        enough = [try_module(module, given.sample, given.seed) for module in modules]
    sys.exit(0 if all(enough) else 1)


if __name__ == "__main__":
    main()
