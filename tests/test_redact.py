"""No password is ever printed, however it came to the command line."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.cli import main
from edgeseg.redact import redact, redact_option

NAMES = Path(__file__).parents[1] / "cpp_bridge/tests/names.json"
"""Names, and what is shown of them: of C++ too."""

LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
WORDS = st.text(LETTERS, min_size=6, max_size=8).map(lambda word: f"{word[:3]}7{word[3:]}")
"""Pieces of a password, too long to be in a message by chance; Hypothesis tries our own words too, which have no 7."""

SHAPES = [
    "rtsp://admin:{}@127.0.0.1:9/s",
    "rtsp://admin:{}@127.0.0.1:9",
    "rtsp://admin:{}@127.0.0.1:9/user@2",
    "rtsp://{}@127.0.0.1/s:1",
    "rtsps://admin:{}@127.0.0.1:9/s",
    "rtps://admin:{}@127.0.0.1:9/s",
    "http://admin:{}@127.0.0.1:9/video?x=1#y",
    "https://admin:{}@[::1]:9/s",
    "rtmp://admin:{}@127.0.0.1:9/s",
    "rtmp://127.0.0.1:9/live/{}",
    "rtmps://127.0.0.1:9/live/{}",
    "tcp://admin:{}@127.0.0.1:9",
    "rtsp:///admin:{}@127.0.0.1:9/s",
    "rtsp://a/dmin:{}@127.0.0.1:9/s",
    "http://127.0.0.1:9/admin:{}/s",
    "rtsp:/admin:{}@127.0.0.1:9/s",
    "rtsp//admin:{}@127.0.0.1:9/s",
    "admin:{}@127.0.0.1/s",
    "rtsp://127.0.0.1:9/user=admin_password={}_channel=1_stream=0.sdp",
    "rtsp://127.0.0.1:9/s/user=admin&password={}&channel=1",
    "rtsp:/127.0.0.1:9/user=admin&password={}",
    "http://127.0.0.1:9/s;password={}",
    "http://127.0.0.1:9/s?token={}",
    "http://127.0.0.1:9/s#{}",
    "127.0.0.1:9/s?{}",
    'rtspsrc location="rtsp://admin:{}@127.0.0.1:9/s" ! decodebin ! appsink',
    "rtspsrc location=rtsp://127.0.0.1:9/s user-id=admin user-pw='{}' ! decodebin ! appsink",
]

PLACES = [
    ["run", "URL"],
    ["run", "URL", "--json"],
    ["run", "/none.mp4", "URL"],
    ["run", "URL", "URL"],
    ["run", "--source=URL"],
    ["run", "/none.mp4", "--nonsense=URL"],
    ["run", "/none.mp4", "--timeout", "URL"],
    ["run", "/none.mp4", "--source-option", "URL"],
    ["run", "/none.mp4", "--settings", "URL"],
    ["run", "/none.mp4", "--server", "127.0.0.1:9,URL"],
    ["run", "/none.mp4", "--credentials", "URL"],
    ["URL"],
]


def password(words: list[str], separators: list[str]) -> str:
    return "".join(word + separator for word, separator in zip(words, [*separators, ""], strict=True))


PASSWORDS = st.integers(1, 3).flatmap(
    lambda count: st.tuples(
        st.lists(WORDS, min_size=count, max_size=count),
        st.lists(st.sampled_from("/@:?#=&;%+ _-.!$()*,[]"), min_size=count - 1, max_size=count - 1),
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(st.sampled_from(SHAPES), st.sampled_from(PLACES), PASSWORDS)
def test_no_command_prints_a_password(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    shape: str,
    place: list[str],
    secret: tuple[list[str], list[str]],
) -> None:
    if shape.startswith("rtsp://{}@") and set(secret[1]) & set("/?#"):
        return  # a lone password with a slash reads as a host and a path
    url = shape.format(password(*secret))
    caplog.set_level(logging.DEBUG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["edgeseg", *(word.replace("URL", url) for word in place)])
        patch.setenv("COLUMNS", "1000")
        with pytest.raises(SystemExit) as end:
            main()
    printed = "".join(capfd.readouterr()) + caplog.text
    assert end.value.code not in (0, None)
    assert printed
    assert not [word for word in secret[0] if word in printed], printed


@pytest.mark.parametrize(("text", "shown"), json.loads(NAMES.read_text()))
def test_what_is_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("rtsp_transport", "tcp", "tcp"),
        ("rw_timeout", "5000000", "5000000"),
        ("headers", "Authorization: Basic c2VjcmV0", "***"),
        ("passphrase", "secret", "***"),
        ("srt_passphrase", "secret", "***"),
        ("decryption_key", "00ff", "***"),
        ("rtmp_playpath", "mykey", "***"),
        ("srt_streamid", "mykey", "***"),
        ("stream_loop", "2", "2"),
        ("http_proxy", "http://me:secret@proxy", "***"),
    ],
)
def test_what_is_shown_of_an_option(name: str, value: str, shown: str) -> None:
    assert redact_option(name, value) == shown
