"""`edgeseg run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgeseg.artifact import Precision
from edgeseg.errors import UsageError
from edgeseg.json_fields import print_json

if TYPE_CHECKING:
    from edgeseg.video.model import Model
    from edgeseg.video.report import Report

TRITON = "triton"
"""What --engine may say beside the runtimes here: --server has the network."""


def run_command(
    source: str,
    *,
    bundle: str | None = None,
    engine: str | None = None,
    precision: Precision | None = None,
    server: str | None = None,
    jpeg: int | None = None,
    server_wait: float | None = None,
    server_ca: Path | None = None,
    client_cert: Path | None = None,
    server_token: Path | None = None,
    out: Path | None = None,
    masks: Path | None = None,
    show: bool = False,
    max_frames: int | None = None,
    mode: Literal["throughput", "latency"] | None = None,
    workers: int | None = None,
    threads: int | None = None,
    batch: int | None = None,
    batch_wait: float = 0.0,
    settings: Path | None = None,
    overwrite: bool = False,
    codec: str = "auto",
    crf: int | None = None,
    sound: bool = False,
    alpha: float = 0.5,
    timeout: float = 10.0,
    follow: bool = False,
    credentials: Path | None = None,
    ca: Path | None = None,
    insecure: bool = False,
    source_option: list[str] | None = None,
    tolerate_loss: bool = False,
    require_signature: bool = False,
    trust: Path | None = None,
    min_version: int | None = None,
    reconnect: bool = False,
    stall_after: float | None = None,
    give_up_after: float | None = None,
    json: bool = False,
) -> int:
    """Segment a video, camera, stream, image or folder of images.

    Without --out, --masks or --show the frames are segmented and timed, and nothing is kept. Ctrl-C, SIGTERM and SIGHUP
    stop it cleanly; a second one stops it at once.

    Exit code 0 when all went well, 2 when something was wrong or an output failed, 3 when a live source broke off, and
    128 plus its number after a signal.

    Args:
        source: a video or image file, a folder of images, a camera's number, a URL, or a GStreamer pipeline.
        bundle: the network: the name of one that comes with edgeseg (road by default), or a path.
        engine: the runtime: onnxruntime, onnxruntime:cuda, onnxruntime:tensorrt, openvino or tensorrt; auto (by
            default) takes what measured fastest here, among onnxruntime and openvino and the precisions that keep the
            accuracy; or triton, on the --server.
        precision: the artifact's precision; by default auto's choice, or the first that the bundle has for the runtime.
        server: segment on a Triton server, HOST:PORT, that serves the bundle (edgeseg triton), instead of here; of
            several, HOST:PORT,HOST2:PORT2, the next takes over when one fails. grpcs://HOST:PORT connects over TLS. It
            implies --engine triton, as no other engine runs elsewhere.
        jpeg: send frames to the server as JPEG of this quality, 1 to 100, instead of raw; masks then differ a
            little from those of raw frames.
        server_wait: seconds that a frame is tried on the servers in turn before the run ends; 30 by default.
        server_ca: certificates (PEM) that grpcs servers are verified against, instead of the system's.
        client_cert: the certificate of this device with its key (PEM, one file), for a grpcs server that asks for one.
        server_token: a file that only you may read, with a token on one line, which is sent to grpcs servers as
            "authorization: Bearer TOKEN".
        out: write the overlays here: .mp4, .mkv or .webm; for a single image .png or .jpg. The name may carry the time
            of the start: cam-{time:%Y-%m-%dT%H-%M-%S}.mp4. Frames of another size go on in NAME-2; what a killed run
            left in the folder is finished, as NAME or NAME.recovered-1.
        masks: write the masks into this folder, as PNG whose grey levels are class ids; of labels that may overlap, as
            0 and 255 in a folder for each. Its name may carry the time.
        show: show the overlays in a window; q or Escape ends the run.
        max_frames: stop after this many frames.
        mode: throughput (by default) works on several frames at once, latency on one with all cores.
        workers: frames that are worked on at once, instead of what the mode sets.
        threads: threads that each frame's inference runs on, instead of what the mode sets.
        batch: frames of a file that the network is given at once, at most, if it was exported with --batch. By default
            one, or with --engine auto what measured fastest here; of a camera always the newest, alone.
        batch_wait: seconds that a frame may wait for others; by default none waits.
        settings: a file that edgeseg tune wrote, which sets bundle, engine, precision, mode, workers, threads and
            batch.
        overwrite: replace an existing --out once the new one is finished; write --masks into a folder that holds files,
            and replace those of the same names.
        codec: the codec of --out: auto (what the container usually holds, by hardware if this machine has an encoder),
            h264, hevc, vp9, av1 or vp8, or an encoder by FFmpeg's name, as h264_nvenc. libx264 and libx265 are GPL.
        crf: constant quality of --out on the encoder's own scale, lower is better; by default 20 for H.264.
        sound: copy the sound of a video file into --out.
        alpha: weight of the class colours in an overlay, 0 to 1.
        timeout: seconds that a camera, URL or server may take to answer.
        follow: the video file is still being written: wait at its end for more, until nothing has come for --timeout.
        credentials: a file that only you may read, with user:password on one line, for a URL that holds none; the
            environment variables EDGESEG_USER and EDGESEG_PASSWORD serve as well. Everybody on this machine can read a
            password in a URL.
        ca: certificates (PEM) that https and rtsps servers are verified against, instead of the system's.
        insecure: do not verify the certificates of https and rtsps servers.
        source_option: an option of FFmpeg's for the file or stream, NAME=VALUE: rtsp_transport=udp, say. May be given
            more than once.
        tolerate_loss: exit with 0 if a live source breaks off after its first frame.
        require_signature: run only a bundle that a trusted key signed: one in a trust folder, or of --trust. A file
            require-signature in a trust folder requires it too.
        trust: a public key (.pub) or a folder of some, to trust instead of those in the trust folders; requires a
            signature.
        min_version: refuse a lower version of the bundle; requires a signature.
        reconnect: reconnect a camera, URL or pipeline whenever it is lost or hangs, and wait for one that is not there
            yet, for ever; it is read in a process of its own.
        stall_after: with --reconnect, seconds without a new frame after which the source is stalled, 3 by default;
            after as many more it is reconnected.
        give_up_after: with --reconnect, seconds without a frame after which the source is lost for good.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.auto import AUTO
    from edgeseg.batch_size import choose_batch
    from edgeseg.cache import tell
    from edgeseg.run_settings import read_settings
    from edgeseg.segmenter import load
    from edgeseg.terminal import print_report
    from edgeseg.trust import Demand
    from edgeseg.video.access import Access, read_credentials
    from edgeseg.video.names import expand_time
    from edgeseg.video.open import open_source, parse_options, unread
    from edgeseg.video.options import StreamOptions, engine_threads
    from edgeseg.video.outputs import Outputs, check_outputs
    from edgeseg.video.run import run
    from edgeseg.video.url import local_path

    source = local_path(source)
    here = {"--threads": threads, "--settings": settings}
    there = {
        "--jpeg": jpeg,
        "--server-wait": server_wait,
        "--server-ca": server_ca,
        "--client-cert": client_cert,
        "--server-token": server_token,
    }
    addresses = _addresses(server, engine, here, there)
    run_settings = None
    if settings is not None:
        flags = {"bundle": bundle, "engine": engine, "precision": precision, "mode": mode, "workers": workers}
        run_settings = read_settings(settings, {**flags, "threads": threads, "batch": batch})
        mode, workers, threads = run_settings.mode, run_settings.workers, run_settings.threads
        batch = run_settings.batch
    mode = mode or "throughput"
    threads = engine_threads(mode) if threads is None else threads
    stream_options = StreamOptions(
        mode=mode,
        workers=workers,
        alpha=alpha,
        max_frames=max_frames,
        batch=1 if batch is None else batch,
        batch_wait=batch_wait,
        timeout=timeout,
        reconnect=reconnect,
        stall_after=stall_after,
        give_up_after=give_up_after,
    )
    now = datetime.now()
    out, masks = (None if path is None else expand_time(path, now) for path in (out, masks))
    check_outputs(source, out, masks)
    options = parse_options(source_option or [])
    access = Access(read_credentials(credentials) if credentials else None, ca, insecure)
    if surplus := unread(source, access, follow=follow, options=options):
        option = "source-option" if surplus[0] == "options" else surplus[0]
        raise UsageError(f"--{option} {surplus[1]}")
    demand = Demand(require_signature, trust, min_version)
    # What the user may have got wrong is opened before what takes time.
    with (
        open_source(
            source,
            timeout=timeout,
            decoder_threads=stream_options.decoder_threads(threads),
            follow=follow,
            options=options,
            access=access,
            reconnect=stream_options.policy,
            say=tell,
        ) as opened,
        Outputs(
            opened,
            out=out,
            masks=masks,
            show=show,
            overwrite=overwrite,
            codec=codec,
            crf=crf,
            sound=Path(source) if sound else None,
            options=options,
            say=tell,
        ) as outputs,
    ):
        if run_settings is not None:
            model: Model = run_settings.load(demand)
        elif addresses:
            from edgeseg.private_file import read_token
            from edgeseg.triton.access import ServerAccess
            from edgeseg.triton.client import connect
            from edgeseg.triton.servers import Patience

            model = connect(
                addresses,
                bundle or "road",
                precision=precision,
                jpeg=jpeg,
                patience=Patience(timeout) if server_wait is None else Patience(timeout, server_wait),
                access=ServerAccess(server_ca, client_cert, read_token(server_token) if server_token else None),
                demand=demand,
                say=tell,
            )
        else:
            model = load(
                bundle or "road",
                engine=engine or AUTO,
                precision=precision,
                threads=threads,
                say=tell,
                **vars(demand),
            )
            if batch is None and engine in (None, AUTO) and mode == "throughput" and not opened.live:
                at_once = stream_options.frames_at_once(threads)
                stream_options = replace(stream_options, batch=choose_batch(model, workers=at_once, say=tell).best)
        report = run(model, opened, outputs, stream_options, quiet=json)
    if json:
        print_json(report.to_json())
    else:
        print_report(report.table(), report.warnings)
    return _exit_code(report, tolerate_loss=tolerate_loss)


def _addresses(
    server: str | None, engine: str | None, here: Mapping[str, object], there: Mapping[str, object]
) -> list[str]:
    """The servers' addresses; none where the network runs here.

    Args:
        server: what --server says.
        engine: what --engine says.
        here: options that say how a network runs here.
        there: options that say how a server is asked.

    Raises:
        UsageError: options are there that do not go together.
    """
    if server is None:
        if engine == TRITON:
            raise UsageError(f"--engine {TRITON} needs the server's address; give --server HOST:PORT")
        for name, value in there.items():
            if value is not None:
                raise UsageError(f"{name} is for frames that are sent to a --server; leave it out")
        return []
    surplus = [name for name, value in here.items() if value is not None]
    if engine not in (None, TRITON):
        surplus.append(f"--engine {engine}")
    if surplus:
        listed = " and ".join(surplus)
        raise UsageError(f"got --server and {listed}, which says how a network runs here; leave one of the two out")
    return [address.strip() for address in server.split(",")]


def _exit_code(report: Report, *, tolerate_loss: bool) -> int:
    """The exit code, with a sentence on stderr for what went wrong."""
    import signal

    from edgeseg.interrupt import exit_code
    from edgeseg.terminal import complain

    for failure in report.failures:
        complain(failure)
    if report.failures:
        return 2
    if report.ended.how == "lost" and not tolerate_loss:
        complain(report.ended.reason or f"{report.source} gave no more frames")
        return 3
    if report.ended.how == "interrupted" and report.ended.reason is not None:
        return exit_code(signal.Signals[report.ended.reason])
    return 0
