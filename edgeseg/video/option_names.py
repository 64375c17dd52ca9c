"""The names of FFmpeg's options: it passes over one that it does not know, and PyAV does not say which."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable

from edgeseg.errors import UsageError
from edgeseg.redact import redact

EVERYWHERE = 3
"""AV_OPT_SEARCH_CHILDREN | AV_OPT_SEARCH_FAKE_OBJ: in all formats, protocols and codecs, none of which is open."""


def check_names(names: Iterable[str]) -> None:
    """Refuses an option that no format, protocol or codec of PyAV's FFmpeg has.

    Raises:
        UsageError: FFmpeg does not know the name.
    """
    for name in names:
        if not _is_known(name):
            raise UsageError(f"FFmpeg has no option {redact(name)!r:.80}; check its spelling")


def _is_known(name: str) -> bool:
    import av.container.core

    ffmpeg = ctypes.CDLL(av.container.core.__file__)  # whose symbols are those of the libraries that it was linked with
    find = ffmpeg.av_opt_find
    find.restype = ctypes.c_void_p
    for get_class in (ffmpeg.avformat_get_class, ffmpeg.avcodec_get_class):
        get_class.restype = ctypes.c_void_p
        anything = ctypes.byref(ctypes.c_void_p(get_class()))  # of that class: an object begins with its address
        if find(anything, name.encode(errors="replace"), None, 0, EVERYWHERE) is not None:
            return True
    return False
