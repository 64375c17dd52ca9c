"""Streams and files on a network, through FFmpeg: RTSP, HTTP, HLS, RTMP, UDP and whatever else it speaks."""

from __future__ import annotations

import time
from collections.abc import Mapping

import av
from av import error as ffmpeg
from av.container import InputContainer

from edgeseg.errors import LostError, SourceError
from edgeseg.redact import redact
from edgeseg.video.access import Access
from edgeseg.video.announced import frame_rate
from edgeseg.video.bounded import within
from edgeseg.video.decoder import Decoder
from edgeseg.video.file import SEGMENTED, VideoSource
from edgeseg.video.joined import SKIP
from edgeseg.video.live import LiveSource, Reading
from edgeseg.video.network_refusals import Reason, loss, refusal, through
from edgeseg.video.source import Source
from edgeseg.video.url import ENCRYPTED, check_address, take_apart

ATTEMPTS = 64
"""Reads in a row that may fail on damaged data before a stream counts as broken."""

NO_TIMESTAMPS = 0x80
"""FFmpeg's AVFMT_NOTIMESTAMPS, the flag of formats that carry no times, such as MJPEG over HTTP."""

UNCOUNTED = (*SEGMENTED, "mpjpeg", "mjpeg")
"""Formats whose bytes say nothing: those of a playlist, and those that cameras make up."""

CATCH_UP = 2.0
"""How much faster than their pace late frames of a segmented stream are given."""

MENDED = "sends frames that are damaged or lack a part: the decoder fills in what it cannot read"

NO_RANGES = (
    "; an MP4 whose index (moov) is at its end needs a server that gives byte ranges: use one, or move the index to "
    "the front (ffmpeg -c copy -movflags +faststart)"
)

TOO_LATE = "did not answer within {:g} s; is it there, does it send?"

OUT_OF_STEP = 2.0
"""Seconds that they may be early or late before the pace is counted from them anew."""


def open_url(
    url: str, *, timeout: float, options: Mapping[str, str] | None = None, access: Access | None = None
) -> Source:
    """Opens a stream or a file on a network; live unless its length or its number of bytes is known.

    Args:
        url: with user and password if need be.
        timeout: seconds that it may take to open, and to give each frame.
        access: user and password for a URL without them, and how servers are verified.
        options: FFmpeg's, for protocol and container: `rtsp_transport` is `tcp` unless they say `udp`.

    Raises:
        SourceError: it does not answer in time, refuses, or sends no video; the sentence says which.
        UsageError: it names no host, or a port that there is none of.
    """
    check_address(url)
    name = redact(url)
    access = access or Access()
    pieces = take_apart(url)
    encrypted = pieces.scheme in ENCRYPTED
    chosen = {"rtsp_transport": "tcp", **(access.tls() if encrypted else {}), **(options or {})}
    credentials = access.found() if pieces.userinfo is None else None
    address = str(pieces) if credentials is None else pieces.with_userinfo(credentials.user, credentials.password)
    started = time.perf_counter()
    try:
        container = within(
            timeout + 1.0,  # FFmpeg's own time-out comes first; it does not cover the search for the host
            lambda: _opened(address, chosen, timeout),
        )
    except (ffmpeg.FFmpegError, TimeoutError, ValueError) as error:  # whose own words hold the URL
        late = time.perf_counter() - started >= 0.9 * timeout  # whatever FFmpeg makes of a reading that it broke off
        reason = Reason("timeout", TOO_LATE.format(timeout)) if late else refusal(error, url, options or ())
        raise SourceError(f"{name} {reason.sentence}{through(pieces.scheme)}", cause=reason.cause) from None
    source: Source
    mp4 = container.format.name.startswith("mov")
    if _has_end(container):
        source = VideoSource(
            name,
            container,
            threads=1,
            attempts=ATTEMPTS,
            lost=lambda error, frames: loss(error, timeout).sentence + (NO_RANGES if mp4 and not frames else ""),
            reopen=lambda at: _opened(address, {**chosen, SKIP: str(at)}, timeout),
        )
    else:
        source = _live(name, container, timeout)
    if encrypted and not access.insecure and container.format.name in SEGMENTED:
        source.warnings.append(f"{name}: FFmpeg verified the playlist's server, but not those of its segments")
    return source


def _opened(address: str, options: Mapping[str, str], timeout: float) -> InputContainer:
    """FFmpeg reads parts of MJPEG only where their type is image/jpeg; others are then read as JPEGs in a row."""

    def opened(options: Mapping[str, str], format: str | None = None) -> InputContainer:
        chosen = dict(options)
        return av.open(address, format=format, options=chosen, timeout=(timeout, timeout), metadata_errors="replace")

    container = opened(options)
    if container.format.name == "mpjpeg" and not container.streams.video[0].codec_context.width:
        container.close()
        container = opened({"analyzeduration": "1", **options}, "mjpeg")  # the first picture says all
    return container


def _has_end(container: InputContainer) -> bool:
    """Whether all that will come is known, by its bytes or by a length that is that of all.

    That of live FLV is 0, as FFmpeg and OBS push it; that of live MP4 is what has come so far: fragments, of a stream
    that tells no number of frames.
    """
    if container.size >= 0 and container.format.name not in UNCOUNTED:
        return True
    if container.duration is None or container.size >= 0:
        return container.duration is not None
    fragments = container.format.name.startswith("mov") and not any(stream.frames for stream in container.streams)
    return container.duration > 0 and not fragments


def _live(name: str, container: InputContainer, timeout: float) -> LiveSource:
    try:
        decoder = Decoder(container, name, threads=1)
    except SourceError:
        container.close()
        raise
    timed = not container.format.flags & NO_TIMESTAMPS
    reader = _Reader(decoder, timeout, name, paced=container.format.name in SEGMENTED)
    fps = frame_rate(decoder.stream) if timed else None
    return LiveSource(name, reader.read, decoder.close, fps=fps, timeout=timeout, timed=timed)


class _Reader:
    """Reads a live stream for its source's thread."""

    def __init__(self, decoder: Decoder, timeout: float, name: str, *, paced: bool) -> None:
        self._decoder = decoder
        self._timeout = timeout
        self._mended = f"{name} {MENDED}"
        self._said = 0  # of the decoder's warnings
        self._paced = paced
        self._last: tuple[float, float] | None = None  # time stamp and perf_counter of the last frame that was given
        self._anchor = 0.0  # perf_counter at the time stamp 0

    def read(self) -> Reading | None:
        """Blocks until the next frame; None where the sender ended the stream.

        Raises:
            LostError: the stream broke off.
        """
        damaged = self._decoder.damaged
        for _ in range(ATTEMPTS):
            try:
                decoded = self._decoder.read(patience=0.8 * self._timeout)
            except ffmpeg.EOFError:
                return None
            except ffmpeg.InvalidDataError:
                continue
            except ffmpeg.FFmpegError as error:
                reason = loss(error, self._timeout)
                raise LostError(reason.sentence, cause=reason.cause) from None
            if decoded is None:
                return None
            if self._paced and decoded.time is not None:
                self._keep_pace(decoded.time)
            return Reading(*decoded, self._decoder.damaged - damaged, self._new_warnings())
        raise LostError("sends data that cannot be read as video", cause="damaged")

    def _new_warnings(self) -> list[str]:
        """What the decoder has to say, each once; such a stream may go on for months."""
        said = self._decoder.warnings
        if self._decoder.mended and self._mended not in said:
            said.append(self._mended)
        new, self._said = said[self._said :], len(said)
        return new

    def _keep_pace(self, at: float) -> None:
        """Waits until a frame of that time stamp is due. Late ones follow each other faster, so that none is lost."""
        now = time.perf_counter()
        if self._last is None or abs(self._anchor + at - now) > OUT_OF_STEP:
            self._anchor = now - at
        else:
            last_at, last_given = self._last
            due = max(self._anchor + at, last_given + (at - last_at) / CATCH_UP)
            time.sleep(max(0.0, due - now))
        self._last = (at, time.perf_counter())
