"""Why FFmpeg cannot open a stream on a network, or lost it, and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from av import error as ffmpeg

from edgeseg.video.unplayable import NO_DASH
from edgeseg.video.url import ENCRYPTED, WITHOUT_PORT, is_unknown_host, take_apart

LEFT_OUT = ("srt://", "rist://", "zmq://", "amqp://", "sftp://", "smb://")
"""Protocols that FFmpeg speaks where it was built with their libraries."""


def refusal(error: Exception, url: str, options: Iterable[str] = ()) -> str:
    """Why a stream could not be opened, with options of these names, and what to do, as the end of a sentence."""
    address = take_apart(url)
    if address.scheme in ENCRYPTED and isinstance(error, ffmpeg.OSError) and error.errno == errno.EIO:
        return (
            "cannot be opened: it sends no video, is not known here, or its certificate is not one of those that are "
            "trusted; for one of your own give --ca FILE"
        )
    match error:
        case ffmpeg.HTTPUnauthorizedError() | ffmpeg.HTTPForbiddenError():
            without = address.userinfo is None
            return (
                f"{'asks for user and password' if without else 'refuses this user and password'} ({_status(error)}); "
                "give them by --credentials FILE, or in the URL with / # @ and blanks percent-encoded"
            )
        case ffmpeg.HTTPNotFoundError():
            return f"has no such stream ({_status(error)}); check the path behind the host's name"
        case ffmpeg.HTTPServerError():
            return f"cannot be opened ({_status(error)}); the server fails: look at it, or try again later"
        case ffmpeg.ConnectionRefusedError():
            return "refused the connection: nothing listens at that port; check host and port, and whether it is on"
        case ffmpeg.ProtocolNotFoundError() if address.scheme in LEFT_OUT:
            return (
                f"begins with {address.scheme}, which the installed FFmpeg was built without; send it as RTSP, RTMP or "
                "HTTP, or try edgeseg-run, which reads with the system's FFmpeg"
            )
        case ffmpeg.ProtocolNotFoundError() if address.scheme == "v4l2://":
            return "begins with v4l2://, which is no protocol; give a camera's number or /dev/videoN"
        case ffmpeg.ProtocolNotFoundError():
            return f"begins with {address.scheme}, which FFmpeg does not speak; check its spelling (rtsp://, http://)"
        case ffmpeg.OSError(errno=errno.EADDRNOTAVAIL) if address.scheme in WITHOUT_PORT:
            return "names an address that this machine does not have; 0.0.0.0 receives at all that it has"
        case ffmpeg.OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH | errno.EADDRNOTAVAIL):  # no IPv6 here, say
            return "cannot be reached: no host answers at that address; is it on, does the network lead there?"
        case ffmpeg.OSError(errno=errno.EPROTONOSUPPORT) if address.scheme == "rtsp://":
            return "does not send by that transport; try --source-option rtsp_transport=udp, or tcp"
        case ffmpeg.OSError(errno=errno.EADDRINUSE):
            return "cannot be received: another program holds that port; end it, or send to another port"
        case ffmpeg.TimeoutError():
            return "did not answer; is it there, does the network reach it?"
        case ffmpeg.InvalidDataError() if address.scheme == "rtp://":
            return (
                "sends no video that can be read without its description (SDP); serve that and give "
                "http://HOST/NAME.sdp, or send MPEG-TS"
            )
        case ffmpeg.InvalidDataError() if ".mpd" in address.rest:
            return f"answers, but gives no video that can be decoded; {NO_DASH}"
        case ffmpeg.InvalidDataError() if ".m3u8" in address.rest:
            return (
                "answers, but gives no video that can be decoded: does its server refuse the segments that the "
                "playlist names, or the key to them?"
            )
        case ffmpeg.InvalidDataError():
            return "answers, but sends no video that can be decoded; does it play elsewhere?"
        case ffmpeg.OSError(errno=errno.EIO) if is_unknown_host(address.host):
            return "has a host that is not known here; check its spelling and the network's name server"
        case ffmpeg.OSError(errno=errno.EIO):
            return "answers, but sends no video; does it play elsewhere?"
    return f"cannot be opened ({_status(error)}); check {' and the option '.join(['the URL', *options])}"


def loss(error: Exception, timeout: float) -> str:
    """Why a stream that was open broke off, as the end of a sentence."""
    if isinstance(error, (ffmpeg.ExitError, ffmpeg.TimeoutError)):
        return f"gave no frame for {timeout:g} s"
    if isinstance(error, ffmpeg.OSError) and error.errno == errno.EIO:
        return "closed the connection"
    return f"broke off ({_status(error)})"


def cause(error: Exception, url: str = "") -> str:
    """One word for what `refusal` and `loss` say in a sentence."""
    match error:
        case ffmpeg.HTTPUnauthorizedError() | ffmpeg.HTTPForbiddenError():
            return "unauthorised"
        case ffmpeg.HTTPNotFoundError():
            return "no_such_stream"
        case ffmpeg.ConnectionRefusedError():
            return "refused"
        case ffmpeg.ProtocolNotFoundError():
            return "unsupported"
        case ffmpeg.OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH | errno.EADDRNOTAVAIL):
            return "unreachable"
        case TimeoutError() | ffmpeg.TimeoutError() | ffmpeg.ExitError():
            return "timeout"
        case ffmpeg.InvalidDataError():
            return "no_video"
        case ffmpeg.OSError(errno=errno.EIO) if not url:
            return "closed"
        case ffmpeg.OSError(errno=errno.EIO):
            return "unknown_host" if is_unknown_host(take_apart(url).host) else "no_video"
    return "unavailable"


def through(scheme: str) -> str:
    """What else may have been in the way, as the end of a sentence: FFmpeg asks the environment for a proxy."""
    proxied = scheme in ("http://", "https://") and os.environ.get("http_proxy", "").startswith("http://")
    return " (asked through the proxy of http_proxy, unless no_proxy says otherwise)" if proxied else ""


def _status(error: Exception) -> str:
    """FFmpeg's words for an error, without the URL."""
    return str(getattr(error, "strerror", None) or "not a URL")
