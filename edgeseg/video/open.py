"""Where frames come from: a video, images, a camera, a URL, a GStreamer pipeline, or your own arrays.

with open_source("street.mp4") as source:
    for frame in source:
        frame.image        # BGR uint8 (H, W, 3)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from edgeseg.arrays import Image
from edgeseg.errors import SourceError, UsageError
from edgeseg.redact import redact
from edgeseg.video.access import Access
from edgeseg.video.camera import absent, camera_number, is_absent_camera, is_camera_device, open_camera, open_device
from edgeseg.video.gstreamer import open_gstreamer
from edgeseg.video.images import ImageSource, is_image, is_pattern
from edgeseg.video.option_names import check_names
from edgeseg.video.source import ArraySource, Source
from edgeseg.video.supervised.life import Policy
from edgeseg.video.supervised.request import Request
from edgeseg.video.url import ENCRYPTED, is_url, local_path, take_apart

Input = str | Path | int | Iterable[Image]

LONGEST_TIMEOUT = 86400.0
"""A day, in seconds."""


def open_source(
    source: Input,
    *,
    timeout: float = 10.0,
    decoder_threads: int = 1,
    follow: bool = False,
    options: Mapping[str, str] | None = None,
    access: Access | None = None,
    reconnect: Policy | None = None,
    say: Callable[[str], None] | None = None,
) -> Source:
    """Opens whatever `source` names. What is there on disk comes first, whatever its name looks like, but for a number.

    Args:
        source: a video file, an image, a folder of images (in natural order), numbered images (`img%04d.png`), a camera
            (0, "0", "/dev/video0" or a link to it; a file called 0 is "./0"), a URL, a GStreamer pipeline (text with
            " ! "), or an iterable of BGR uint8 (H, W, 3) arrays. A file:/// URL is the path in it.
        timeout: seconds that a camera, URL or pipeline may take to open, and to give each frame.
        decoder_threads: of a video file's decoder. More than one decodes ahead, which adds delay to live sources.
        follow: a video file is still being written: wait at its end for more, up to `timeout` seconds.
        options: FFmpeg's own, for a video file or URL, such as {"rtsp_transport": "udp"}.
        access: user and password for a URL that holds none, and how servers are verified.
        reconnect: read a live source in a process of its own, connect it again when it is lost, and so patiently.
        say: told what becomes of such a connection, each time in a sentence; by default it is logged.

    Raises:
        SourceError: it is not there, is of no known kind, does not answer, or gives no frame.
        FrameError: an iterable gives something else than frames.
        UsageError: the timeout is not positive, FFmpeg has no such option, `reconnect` is for a file or an iterable, or
            nothing would read `follow`, `options` or a field of `access`.
    """
    check_names(options or ())
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise UsageError(f"timeout is {timeout:g}, expected seconds above 0 and up to {LONGEST_TIMEOUT:g}")
    if isinstance(source, str):
        source = local_path(source)
    if isinstance(source, (str, Path, int)):
        if surplus := unread(str(source), access or Access(), follow=follow, options=options or {}):
            raise UsageError(" ".join(surplus))
    elif follow or options or (access or Access()) != Access():
        raise UsageError("follow, options and access are not for an iterable of frames; leave them out")
    if reconnect is not None:
        return _supervised(source, Request(str(source), timeout, options or {}, access or Access()), reconnect, say)
    if isinstance(source, int):
        return open_camera(source, timeout=timeout)
    if not isinstance(source, (str, Path)):
        try:
            frames = iter(source)
        except TypeError as error:
            raise SourceError(
                f"got a {type(source).__name__} as source, expected a path, a camera's number, a URL, a pipeline or an "
                "iterable of frames; name what is to be read"
            ) from error
        return ArraySource(frames)
    text = str(source)
    if not text.strip():
        raise SourceError("the source has an empty name, expected a path, a camera's number, a URL or a pipeline")
    if (number := camera_number(text)) is not None:
        return open_camera(number, timeout=timeout)
    if is_camera_device(text):
        return open_device(text, timeout=timeout)
    if is_absent_camera(text):
        raise absent(f"camera {redact(text)}", "such device")
    path = Path(source)
    try:
        if not path.exists():
            if " ! " in text:
                return open_gstreamer(text, timeout=timeout)
            if re.match("file://[^/]", text, re.IGNORECASE):
                raise SourceError(
                    f"{redact(text)} names a host, as no local file does; write file:///PATH, or the path alone"
                )
            if isinstance(source, str) and is_url(text):
                from edgeseg.video.network import open_url  # FFmpeg is loaded where it is needed

                return open_url(text, timeout=timeout, options=options, access=access)
        if path.is_dir() or is_image(path) or is_pattern(path):
            return ImageSource(path)
        from edgeseg.video.file import open_file

        patience = timeout if follow else None
        return open_file(path, decoder_threads=decoder_threads, options=options, follow=patience)
    except SourceError:
        raise
    except OSError as error:  # a name that is too long, a folder that must not be looked into
        raise SourceError(
            f"cannot read {redact(text)}: {error.strerror}; check the path and its permissions"
        ) from error


def _supervised(source: Input, request: Request, policy: Policy, say: Callable[[str], None] | None) -> Source:
    """Opens a live source that is connected again when it is lost.

    Raises:
        UsageError: its name is that of something which is not live.
    """
    from edgeseg.video.supervised.source import SupervisedSource

    if not isinstance(source, (str, Path, int)):
        what = "an iterable of frames"
    elif is_live(request.source):
        return SupervisedSource(request, policy, say)
    else:
        what = redact(request.source)
    raise UsageError(f"{what} is no camera, URL or pipeline, and only those are connected again; leave out reconnect")


def is_live(name: str) -> bool:
    """Whether it names a camera, URL or pipeline, and nothing else that is there on disk."""
    name = local_path(name)
    if camera_number(name) is not None or is_camera_device(name) or is_absent_camera(name):
        return True
    try:
        return (" ! " in name or is_url(name)) and not Path(name).exists()
    except (OSError, ValueError):  # too long for a file, as pipelines can be
        return True


def is_stream(name: str) -> bool:
    """Whether it names what FFmpeg reads from a network: a URL that is no pipeline."""
    return is_live(name) and is_url(name) and " ! " not in name


def unread(source: str, access: Access, *, follow: bool = False, options: Iterable[str] = ()) -> tuple[str, str] | None:
    """What opening the source would not read, and why not, as the end of a sentence; None: all would be read.

    Returns:
        "follow", "options" or a field of `access`, and the reason.
    """
    name, url = redact(source), take_apart(source) if is_stream(source) else None
    is_video = not is_live(source) and not os.path.isdir(source) and not is_image(Path(source))  # noqa: PTH112 - any length
    if follow and not is_video:
        return "follow", f"waits at the end of a video file, and {name} is none; leave it out"
    if options and not is_video and url is None:
        return "options", f"is for what FFmpeg reads, video files and URLs, as {name} is not; leave it out"
    if access.credentials is not None and url is None:
        return "credentials", f"is for URLs, as {name} is not; leave it out"
    if access.credentials is not None and url is not None and url.userinfo is not None:
        return "credentials", f"is for a URL without user and password, and {name} has its own; leave one of them out"
    if access.ca is not None and access.insecure:
        return "ca", "is what servers are verified against, and insecure verifies none; leave one of them out"
    verification = "insecure" if access.insecure else "ca" if access.ca is not None else None
    if verification is not None and (url is None or url.scheme not in ENCRYPTED):
        servers = f"servers with certificates ({', '.join(ENCRYPTED)})"
        return verification, f"is for {servers}, as {name} is none; leave it out"
    return None


def parse_options(words: Iterable[str]) -> dict[str, str]:
    """FFmpeg's options from words NAME=VALUE.

    Raises:
        UsageError: a word is something else.
    """
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            shown = re.match(r"[\w-]{0,32}", word)  # behind it may stand a passphrase
            assert shown is not None
            raise UsageError(f"the source option {shown[0] + '...'!r} is no NAME=VALUE; write rtsp_transport=udp, say")
        pairs[name] = value
    return pairs
