"""Everything that runs on an NVIDIA card, checked and timed on this one: python -m edgeseg_bench.gpu_check.

The kernels must give the processor's masks bit for bit, alone and behind every engine. How far an engine agrees with
ONNX Runtime on the processor is a figure: precisions differ, and full TensorRT computes fp32 in TF32 where it can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg import kernels
from edgeseg.atomic import check_writable, write_text
from edgeseg.bundle import Bundle
from edgeseg.engines import Engine, open_engine
from edgeseg.engines.tensorrt.installation import driver, first_card, products
from edgeseg.engines.tensorrt.mask import MaskGeometry, MaskKernels
from edgeseg.errors import EdgeSegError, EngineError
from edgeseg.proof import ask, shortfall
from edgeseg.segmenter import Segmenter
from edgeseg_bench import machine, result
from edgeseg_bench.gpu import engines, kernel
from edgeseg_bench.script import run_script
from edgeseg_export.frames import sample_frames

WHAT = "edgeseg gpu_check"
FORMAT = 1
SIZE = 1280, 720
"""Width and height of frames and masks, in pixels."""


class Log:
    """The progress of a check.

    Attributes:
        skipped: what is not there to be run, with the reason.
        failed: what is there and does not run, or gives no numbers.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` takes one line."""
        self.say = say
        self.skipped: list[dict[str, str]] = []
        self.failed: list[dict[str, str]] = []

    @contextmanager
    def attempt(self, what: str, *, there: bool = True) -> Iterator[None]:
        """What fails in the block is noted, and the check goes on.

        Args:
            what: it is.
            there: it is installed, so that an error is a fault.
        """
        try:
            yield
        except EdgeSegError as error:
            (self.failed if there else self.skipped).append({"what": what, "reason": str(error)})
            self.say(f"{what}: {'failed' if there else 'not run'}: {error}")


def main(bundle: str = "road", *, json: Path | None = None, calls: int = 300, windows: int = 8) -> int:
    """Check and time all that edgeseg runs on the NVIDIA card of this machine.

    Exit code 0: the card's masks are the processor's, bit for bit, and those of the golden frames as they should be, in
    every engine that is installed, of which there is one at least. 1: they are not. 2: no card, driver or pycuda.

    Args:
        bundle: the name of one that comes with edgeseg, or a path; `edgeseg quantize` adds fp16 and int8.
        json: write the figures here too.
        calls: of the engine in a window.
        windows: measured at most, until three in a row agree within 10 %.
    """
    opened = Bundle.open(bundle)
    if json is not None:
        check_writable(json)
    cuda = driver()
    card = first_card(cuda)
    context = card.retain_primary_context()
    context.push()
    try:
        figures = check(opened, cuda, card, Log(lambda line: print(line, flush=True)), calls=calls, windows=windows)
    except cuda.Error as error:
        raise EngineError(f"the card failed ({error}); does nvidia-smi show it, and enough free memory?") from error
    finally:
        context.pop()
        context.detach()
    if json is not None:
        write_text(json, result.to_text(figures))
    right = figures["runs"] and not figures["failed"] and not any(run["wrong"] for run in figures["runs"])
    return 0 if figures["exact"] and right else 1


def check(bundle: Bundle, cuda: Any, card: Any, log: Log, *, calls: int, windows: int) -> dict[str, Any]:
    """All figures, as a JSON object. The card's context must be current.

    Raises:
        EdgeSegError: the bundle's fp32 artifact does not run on the processor.
    """
    device = _device(cuda, card)
    capability = device["compute_capability"]
    log.say(f"{device['name']}, compute capability {capability}, {device['memory_mb']} MB")
    plain = bundle.path(bundle.artifact(target="onnxruntime", precision="fp32"))
    reference = Segmenter(bundle.spec, open_engine("onnxruntime", plain, bundle.spec, threads=1))
    frames = [kernels.resize(frame, *SIZE) for frame in sample_frames(None)]
    masks = [reference(frame) for frame in frames]
    masks_alone = _alone(cuda, capability, reference, frames[0], log, calls)
    installed: list[ModuleType] = []
    with log.attempt("tensorrt", there=False):
        installed = products()
    plans = [plan for trt in installed for plan in _plans(bundle, trt, capability, log)]
    runs = []
    for candidate in engines.candidates(bundle, cuda, installed):
        with log.attempt(str(candidate), there=candidate.there):
            engine = candidate.open()
            with log.attempt(str(candidate)):
                runs.append(_run(candidate, engine, bundle, frames, masks, log, calls=calls, windows=windows))
    exact = masks_alone is not None and masks_alone["different"] == 0 and masks_alone["notices_nan"]
    return {
        "what": WHAT,
        "format": FORMAT,
        "exact": exact and not any(run["different_from_processor_kernel"] for run in runs),
        "device": device,
        "machine": machine.machine(),
        "versions": machine.versions(),
        "bundle": {"name": bundle.spec.name, "width": bundle.spec.width, "height": bundle.spec.height},
        "masks": {"width": SIZE[0], "height": SIZE[1], "frames": len(frames)},
        "kernel": masks_alone,
        "plans": plans,
        "runs": runs,
        "skipped": log.skipped,
        "failed": log.failed,
    }


def _device(cuda: Any, card: Any) -> dict[str, Any]:
    version = cuda.get_driver_version()
    return {
        "name": card.name(),
        "compute_capability": ".".join(map(str, card.compute_capability())),
        "memory_mb": card.total_memory() >> 20,
        "driver_cuda": f"{version // 1000}.{version % 1000 // 10}",
        "pycuda_cuda": ".".join(map(str, cuda.get_version())),
    }


def _alone(
    cuda: Any, capability: str, reference: Segmenter, frame: NDArray[np.uint8], log: Log, calls: int
) -> dict[str, Any] | None:
    """The kernels without an engine: on random logits, and on a frame's for the time; None if they cannot run."""
    with log.attempt("mask kernels", there=False):
        loaded = MaskKernels(cuda, capability)
        figures = kernel.compare(cuda, loaded)
        case = kernel.Case(reference.logits(frame), MaskGeometry(*SIZE, reference.spec.rect(*SIZE)))
        on_card = kernel.OnCard(cuda, loaded, case)
        figures["ms"] = on_card.milliseconds(calls)
        on_card.close()
        differ = f"{figures['different']} of {figures['pixels']} pixels differ"
        log.say(f"mask kernels: {differ}; {figures['ms']:.3f} ms a mask")
        return figures
    return None


def _plans(bundle: Bundle, trt: ModuleType, capability: str, log: Log) -> Iterator[dict[str, Any]]:
    product = trt.__name__.replace("_", "-")
    for artifact in bundle.artifacts_for("tensorrt"):
        what = f"plan of {product} {artifact.precision}"
        with log.attempt(what):
            about = engines.plan(bundle, artifact, trt, capability)
            log.say(f"{what}: {about['bytes']} bytes; {about['validity'] or 'not asked'} {about['diagnostics'] or ''}")
            yield {"product": product, "version": str(trt.__version__), "precision": artifact.precision, **about}


def _run(
    candidate: engines.Candidate,
    engine: Engine,
    bundle: Bundle,
    frames: list[NDArray[np.uint8]],
    masks: list[NDArray[np.uint8]],
    log: Log,
    *,
    calls: int,
    windows: int,
) -> dict[str, Any]:
    model = Segmenter(bundle.spec, engine)
    try:
        agreement = engines.parity(model, frames, SIZE, masks)
        proof = ask(model, bundle.golden_frames())
        rows = engines.timings(model, frames, SIZE, calls=calls, windows=windows)
        without_graph = getattr(engine, "without_graph", None)
    finally:
        model.close()
    log.say(f"{candidate}: {agreement['mask_agreement']:.3f} % of the pixels as fp32 on the processor")
    wrong = None if proof is None else shortfall(candidate.artifact, proof)
    if wrong is not None:
        log.say(f"{candidate}: {wrong}")
    for row in rows:
        log.say(
            f"    mask on {row['mask']:9} {row['threads']} threads: p50 {row['p50_ms']:7.3f} ms  "
            f"p99 {row['p99_ms']:7.3f} ms  {row['fps']:7.1f} fps"
        )
    return {
        "engine": candidate.engine,
        "precision": candidate.artifact.precision,
        "sha256": candidate.artifact.sha256,
        "graph": candidate.graph,
        "without_graph": without_graph,
        **agreement,
        "golden": proof and proof.to_json(),
        "wrong": wrong,
        "timings": rows,
    }


if __name__ == "__main__":
    run_script(main, "python -m edgeseg_bench.gpu_check")
