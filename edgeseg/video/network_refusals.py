"""Why FFmpeg cannot open a stream on a network, or lost it, and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import NamedTuple

from av import error as ffmpeg

from edgeseg.video.unplayable import NO_DASH
from edgeseg.video.url import ENCRYPTED, WITHOUT_PORT, is_unknown_host, take_apart

LEFT_OUT = ("srt://", "rist://", "zmq://", "amqp://", "sftp://", "smb://")
"""Protocols that FFmpeg speaks where it was built with their libraries."""


class Reason(NamedTuple):
    """What went wrong.

    Attributes:
        cause: in a word, which is counted.
        sentence: the end of one, on why, and what to do.
    """

    cause: str
    sentence: str


def refusal(error: Exception, url: str, options: Iterable[str] = ()) -> Reason:
    """Why a stream could not be opened, with options of these names."""
    address = take_apart(url)
    scheme = address.scheme
    match error:
        case ffmpeg.OSError(errno=errno.EIO) if scheme in ENCRYPTED:
            return Reason(
                "unknown_host" if is_unknown_host(address.host) else "no_video",
                "cannot be opened: it sends no video, is not known here, or its certificate is not one of those that "
                "are trusted; for one of your own give --ca FILE",
            )
        case ffmpeg.HTTPUnauthorizedError() | ffmpeg.HTTPForbiddenError():
            without = address.userinfo is None
            return Reason(
                "unauthorised",
                f"{'asks for user and password' if without else 'refuses this user and password'} ({_status(error)}); "
                "give them by --credentials FILE, or in the URL with / # @ and blanks percent-encoded",
            )
        case ffmpeg.HTTPNotFoundError():
            said = f"has no such stream ({_status(error)}); check the path behind the host's name"
            return Reason("no_such_stream", said)
        case ffmpeg.HTTPServerError():
            said = f"cannot be opened ({_status(error)}); the server fails: look at it, or try again later"
            return Reason("unavailable", said)
        case ffmpeg.ConnectionRefusedError():
            said = "refused the connection: nothing listens at that port; check host and port, and whether it is on"
            return Reason("refused", said)
        case ffmpeg.ProtocolNotFoundError():
            return Reason("unsupported", f"begins with {scheme}, which {_unknown(scheme)}")
        case ffmpeg.OSError(errno=errno.EADDRNOTAVAIL) if scheme in WITHOUT_PORT:
            said = "names an address that this machine does not have; 0.0.0.0 receives at all that it has"
            return Reason("unreachable", said)
        case ffmpeg.OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH | errno.EADDRNOTAVAIL):  # no IPv6 here, say
            said = "cannot be reached: no host answers at that address; is it on, does the network lead there?"
            return Reason("unreachable", said)
        case ffmpeg.OSError(errno=errno.EPROTONOSUPPORT) if scheme == "rtsp://":
            said = "does not send by that transport; try --source-option rtsp_transport=udp, or tcp"
            return Reason("unavailable", said)
        case ffmpeg.OSError(errno=errno.EADDRINUSE):
            said = "cannot be received: another program holds that port; end it, or send to another port"
            return Reason("unavailable", said)
        case TimeoutError() | ffmpeg.TimeoutError() | ffmpeg.ExitError():
            return Reason("timeout", "did not answer; is it there, does the network reach it?")
        case ffmpeg.InvalidDataError():
            return Reason("no_video", _undecodable(scheme, address.rest))
        case ffmpeg.OSError(errno=errno.EIO) if is_unknown_host(address.host):
            said = "has a host that is not known here; check its spelling and the network's name server"
            return Reason("unknown_host", said)
        case ffmpeg.OSError(errno=errno.EIO):
            return Reason("no_video", "answers, but sends no video; does it play elsewhere?")
    checked = " and the option ".join(["the URL", *options])
    return Reason("unavailable", f"cannot be opened ({_status(error)}); check {checked}")


def loss(error: Exception, timeout: float) -> Reason:
    """Why a stream that was open broke off."""
    match error:
        case ffmpeg.ExitError() | ffmpeg.TimeoutError():
            return Reason("timeout", f"gave no frame for {timeout:g} s")
        case ffmpeg.OSError(errno=errno.EIO):
            return Reason("closed", "closed the connection")
    return Reason(refusal(error, "").cause, f"broke off ({_status(error)})")


def _unknown(scheme: str) -> str:
    if scheme in LEFT_OUT:
        return (
            "the installed FFmpeg was built without; send it as RTSP, RTMP or HTTP, or try edgeseg-run, which reads "
            "with the system's FFmpeg"
        )
    if scheme == "v4l2://":
        return "is no protocol; give a camera's number or /dev/videoN"
    return "FFmpeg does not speak; check its spelling (rtsp://, http://)"


def _undecodable(scheme: str, rest: str) -> str:
    if scheme == "rtp://":
        return (
            "sends no video that can be read without its description (SDP); serve that and give http://HOST/NAME.sdp, "
            "or send MPEG-TS"
        )
    if ".mpd" in rest:
        return f"answers, but gives no video that can be decoded; {NO_DASH}"
    if ".m3u8" in rest:
        return (
            "answers, but gives no video that can be decoded: does its server refuse the segments that the playlist "
            "names, or the key to them?"
        )
    return "answers, but sends no video that can be decoded; does it play elsewhere?"


def through(scheme: str) -> str:
    """What else may have been in the way, as the end of a sentence: FFmpeg asks the environment for a proxy."""
    proxied = scheme in ("http://", "https://") and os.environ.get("http_proxy", "").startswith("http://")
    return " (asked through the proxy of http_proxy, unless no_proxy says otherwise)" if proxied else ""


def _status(error: Exception) -> str:
    """FFmpeg's words for an error, without the URL."""
    return str(getattr(error, "strerror", None) or "not a URL")
