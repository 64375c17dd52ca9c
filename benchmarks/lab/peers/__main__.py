"""`python -m lab.peers`: ours and others, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from edgeseg.atomic import check_writable, write_text
from edgeseg.bundle import Bundle
from edgeseg.errors import SourceError, UsageError
from edgeseg_bench.result import to_text
from edgeseg_bench.script import run_script
from edgeseg_bench.street_clip import street_clip
from edgeseg_export.sizes import parse_size
from lab.peers import table
from lab.peers.measure import Workload, measure
from lab.peers.peer import OURS, PEERS
from lab.peers.preparation import Limits, Preparation


def main(
    *names: str,
    bundle: str = "road",
    source: Path | None = None,
    enlarge: str | None = None,
    overlay: bool = False,
    data: Path | None = None,
    frames: int = 200,
    seconds: float = 2.0,
    rounds: int = 3,
    work: Path = Path("build/peers"),
    json_file: Annotated[Path | None, Parameter("--json")] = None,
) -> None:
    """Measure peers on one video, turn by turn: from decoding to masks at frame size.

    All of them run on the video; those that do the same work as ours run on the other workloads too.

    Args:
        names: peers, by their files in benchmarks/lab/peers; all by default.
        bundle: the network: the name of one that comes with edgeseg, or a path.
        source: a video file; the street clip of the extra "demo" by default.
        enlarge: a further workload: the video at this size, such as 1280x720.
        overlay: a further workload: overlays are painted too.
        data: a data set; its images of the split "train" calibrate the peers that quantise by themselves.
        frames: of each turn, at most.
        seconds: of each turn, at most.
        rounds: turns of each peer.
        work: folder for the peers' environments and files, which are made once.
        json_file: write the figures here.
    """
    _check(names, frames, seconds, rounds)
    if json_file is not None:
        check_writable(json_file)
    larger = parse_size(enlarge)
    video = source or street_clip()
    if not video.is_file():
        raise SourceError(f"there is no video {video}, expected a file of a hundred frames or more; give --source")
    work.mkdir(parents=True, exist_ok=True)
    with Console(stderr=True).status("preparing") as status:
        preparation = Preparation(Bundle.open(bundle), data, work)
        workloads = [Workload(video, False)]
        if larger is not None:
            workloads.append(Workload(preparation.enlarged(video, *larger), False))
        if overlay:
            workloads.append(Workload(video, True))
        selection = [each for each in PEERS if not names or each.file in (OURS, *names)]
        result = measure(preparation, workloads, selection, Limits(frames, seconds), rounds, status.update)
    Console().print(table.for_terminal(result))
    if json_file is not None:
        write_text(json_file, to_text(result))


def _check(names: tuple[str, ...], frames: int, seconds: float, rounds: int) -> None:
    known = sorted({each.file for each in PEERS} - {OURS})
    for name in names:
        if name not in known:
            raise UsageError(f"no peer {name!r}; choose of {', '.join(known)}")
    for what, value in (("frames", frames), ("rounds", rounds)):
        if value < 1:
            raise UsageError(f"{what} is {value}, expected at least 1")
    if not seconds > 0:
        raise UsageError(f"seconds is {seconds:g}, expected more than 0")


if __name__ == "__main__":
    run_script(main, "python -m lab.peers")
