"""The process of a service: its descriptors, and its end."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from edgeseg.serve.run import take_all_descriptors

SECONDS = 60.0

TALKATIVE = """
import sys
from types import SimpleNamespace
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.report import Reporter
from edgeseg.serve.run import leave

events = EventLog()
reporter = Reporter(SimpleNamespace(events=events), 3600)
for _ in range(200):  # more than a pipe holds
    events.add("service", "word", 1000 * "x")
reporter.close()
sys.exit(leave(0))
"""
"""A service that ends after it has said much."""


def test_all_descriptors_that_the_system_allows_may_be_used() -> None:
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
        take_all_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


@pytest.mark.parametrize("gone", [False, True])
def test_it_ends_in_order_whether_its_reader_stalls_or_is_gone(gone: bool) -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    reading, writing = os.pipe()
    if gone:
        os.close(reading)
    with subprocess.Popen([sys.executable, "-c", TALKATIVE], stdout=writing, env=buffered) as process:
        os.close(writing)
        try:
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()
    if not gone:
        os.close(reading)
