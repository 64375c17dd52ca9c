"""The process of a service: its descriptors, and its end."""

from __future__ import annotations

import resource

from edgeseg.serve.run import take_all_descriptors


def test_all_descriptors_that_the_system_allows_may_be_used() -> None:
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
        take_all_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
