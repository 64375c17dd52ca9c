"""`edgeseg doctor`: what this machine offers, and for what is missing, how to get it.

It looks and opens nothing: no camera, no network connection, no runtime but ONNX Runtime, which is always there.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.cache import cache_folder
from edgeseg.counted import counted
from edgeseg.errors import EdgeSegError
from edgeseg.extras import EXTRAS, TENSORRT
from edgeseg.files import system_text
from edgeseg.json_fields import print_json
from edgeseg.processor import available_cores, processor, sums_int8_exactly

ROOT = Path("/")
"""Of /dev, /proc and /sys; tests have recorded trees."""

DECODERS = ("h264", "hevc", "mjpeg", "vp9", "av1")
"""What recording writes with."""


@dataclass(frozen=True)
class Finding:
    """One thing that may be there.

    Attributes:
        what: the thing.
        found: what is there of it; None if nothing is.
        get: how to get what is missing; None if nothing is, or nothing can be done.
    """

    what: str
    found: str | None
    get: str | None = None


def examine() -> dict[str, list[Finding]]:
    """Everything, by topic."""
    return {
        "edgeseg": list(_edgeseg()),
        "processor": list(_processor()),
        "runtimes": list(_runtimes()),
        "NVIDIA": list(_nvidia()),
        "cameras": list(_cameras()),
        "video": list(_video()),
    }


def doctor_command(*, json: bool = False) -> int:
    """Show what this machine offers, and how to get the rest.

    Processor, runtimes, cameras, codecs and extras.

    Args:
        json: print one JSON object on stdout, and nothing else.
    """
    topics = examine()
    if json:
        print_json({topic: [asdict(each) for each in findings] for topic, findings in topics.items()})
    else:
        _print_table(topics)
    return 0


def _edgeseg() -> Iterator[Finding]:
    yield Finding("edgeseg", version("edgeseg"))
    yield Finding("python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("system", f"{platform.system()} {platform.release()} {platform.machine()}")
    for name in shipped():
        try:
            yield Finding(f"bundle {name}", ", ".join(map(str, Bundle.open(name).artifacts)))
        except EdgeSegError as error:
            yield Finding(f"bundle {name}", None, str(error))
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if find_spec(name) is None]
        get = f"pip install 'edgeseg[{extra}]'; it lacks {', '.join(missing)}" if missing else None
        yield Finding(f"extra {extra}", None if missing else "installed", get)
    yield _cache()


def _cache() -> Finding:
    folder = cache_folder()
    sizes = []
    for root, _, names in os.walk(folder):  # which passes over folders that cannot be looked into
        for name in names:
            with contextlib.suppress(OSError):  # another process may have replaced it meanwhile
                sizes.append(Path(root, name).stat().st_size)
    place = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110  no PermissionError
    writable = os.access(place, os.W_OK | os.X_OK)
    get = None if writable else f"{place} cannot be written; set EDGESEG_CACHE to a folder that can"
    return Finding("cache", f"{folder}: {counted(len(sizes), 'file')}, {sum(sizes) / 1e6:.1f} MB", get)


def _processor() -> Iterator[Finding]:
    from edgeseg import _native

    yield Finding("processor", processor())
    of = os.cpu_count() or 1
    yield Finding("cores", f"{available_cores()} of {of} for this process (affinity, control group)")
    yield Finding("kernels", f"for {_native.instruction_set()}")
    if sums_int8_exactly():
        how = "VNNI" if platform.machine().lower() in ("x86_64", "amd64") else "this architecture needs no VNNI"
        yield Finding("exact INT8 sums", how)
    else:
        yield Finding(
            "exact INT8 sums",
            None,
            "this processor has no VNNI: fp32 is taken, or INT8 with 7-bit weights where the bundle has it "
            "(edgeseg quantize --seven-bits)",
        )


def _runtimes() -> Iterator[Finding]:
    try:
        from edgeseg.ort import ort

        providers = ", ".join(each.removesuffix("ExecutionProvider") for each in ort.get_available_providers())
        yield Finding("onnxruntime", f"{ort.__version__}, for {providers}")
    except ImportError as error:
        yield Finding("onnxruntime", None, f"pip install onnxruntime ({error})")
    yield _package("openvino", "pip install 'edgeseg[openvino]'")
    yield _package("tensorrt", TENSORRT)
    yield _package("tensorrt_rtx", "pip install 'edgeseg[tensorrt-rtx]' (x86-64; builds engines without a GPU too)")
    yield _package("pycuda", "pip install 'edgeseg[tensorrt]', where NVIDIA's CUDA toolkit is installed")


def _nvidia() -> Iterator[Finding]:
    report = system_text(ROOT / "proc/driver/nvidia/version") or ""
    driver = re.search(r"Kernel Module.*?(\d+\.\d[\d.]*)", report)
    jetson = system_text(ROOT / "etc/nv_tegra_release")
    models = [system_text(path) or "" for path in sorted(ROOT.glob("proc/driver/nvidia/gpus/*/information"))]
    cards = [match[1].strip() for match in (re.search(r"Model:(.*)", text) for text in models) if match]
    if jetson:
        yield Finding("Jetson", jetson.splitlines()[0].lstrip("# "))
    get = None if driver or jetson else "from NVIDIA, for the engine tensorrt; onnxruntime and openvino need none"
    yield Finding("driver", driver[1] if driver else None, get)
    yield Finding("cards", ", ".join(cards) or None)


def _cameras() -> Iterator[Finding]:
    devices = sorted(ROOT.glob("sys/class/video4linux/video*"), key=lambda path: int(path.name.removeprefix("video")))
    for device in devices:
        node = ROOT / "dev" / device.name
        name = system_text(device / "name") or "without a name"
        if system_text(device / "index") not in (None, "0"):
            name += " (not its pictures: metadata, or another stream)"
        get = None
        if not node.exists():
            get = "it is not in /dev: in a container, add --device to docker run"
        elif not os.access(node, os.R_OK | os.W_OK):
            get = "it cannot be read: sudo usermod -aG video $USER, then log in again"
        yield Finding(f"/dev/{device.name}", name, get)
    if not devices:
        yield Finding("camera", None, "plug one in; in a container, add --device /dev/video0 to docker run")


def _video() -> Iterator[Finding]:
    import cv2

    about = cv2.getBuildInformation()
    yield Finding("OpenCV", cv2.__version__)
    match = re.search(r"GStreamer:\s+YES(.*)", about)
    gstreamer = f"OpenCV's{match[1]}" if match else "PyGObject's" if find_spec("gi") else None
    get = (
        "apt install python3-gi gir1.2-gst-plugins-base-1.0 and a venv with --system-site-packages, "
        "or pip install 'edgeseg[gstreamer]'"
    )
    yield Finding("GStreamer", gstreamer, None if gstreamer else get)
    gui = re.search(r"GUI:\s+(?!NONE)(\S+)", about)
    get = "pip uninstall opencv-python-headless, pip install opencv-python"
    yield Finding("OpenCV, windows", gui[1] if gui else None, None if gui else get)
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    screen = "for --show log in at the machine, or with ssh -X; --out records instead"
    yield Finding("display", display or None, None if display else screen)
    try:
        import av
    except ImportError as error:
        yield Finding("PyAV", None, f"pip install av ({error})")
        return
    decoders = [name for name in DECODERS if _codec(name)]
    yield Finding("PyAV", f"{av.__version__}, decodes {', '.join(decoders) or 'nothing that is common'}")
    from edgeseg.video.encoders import usable_encoders

    encoders = ", ".join(usable_encoders())
    yield Finding("recording", encoders or None, None if encoders else "pip's av has libx264")


def _codec(name: str) -> bool:
    from av.codec import Codec

    try:
        Codec(name, "r")
    except ValueError:  # what PyAV's UnknownCodecError is
        return False
    return True


def _package(module: str, get: str) -> Finding:
    """A package that is not imported: some are slow, and some report to their makers when they are."""
    if find_spec(module) is None:
        return Finding(module, None, get)
    try:
        return Finding(module, version(module))
    except PackageNotFoundError:  # installed under another name, as JetPack does
        return Finding(module, "installed")


def _print_table(topics: dict[str, list[Finding]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from edgeseg.terminal import make_console

    table = Table(show_header=False, box=None, pad_edge=False)
    for topic, findings in topics.items():
        table.add_row(Text(topic, style="bold"))
        for each in findings:
            cell = Text(each.found) if each.found is not None else Text("no", style="yellow")
            if each.get is not None:
                cell.append(f"; {each.get}", style="default")
            table.add_row(Text(f"  {each.what}"), cell)
    make_console().print(table)
