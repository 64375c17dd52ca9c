"""The simulation of a cluster, where the answer is known in closed form."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="archives need pyarrow: pip install 'edgeseg[batch]'")

from lab.scale.cluster import Cluster
from lab.scale.costs import Archive, Costs
from lab.scale.scenarios import limit
from lab.scale.simulation import Outline, Simulation

FREE = Costs(0, 0, 0, 0, 0, 0.01, 0, 0, 0, 0, 0, 1, math.inf, 0, 0, 0)
"""Frames of 10 ms; nothing else costs anything."""

IDEAL = Cluster(1, cores=1, link=math.inf, store=math.inf, reads=math.inf, writes=math.inf, latency=0)


def run(archive: Archive, costs: Costs = FREE, **cluster: Any) -> Outline:
    return Simulation(archive, costs, replace(IDEAL, **cluster)).run()


@pytest.mark.parametrize(("videos", "cores"), [(1, 1), (7, 1), (7, 3), (9, 3), (5, 8)])
def test_equal_tasks_come_in_rounds(videos: int, cores: int) -> None:
    outline = run(Archive(videos, (100,)), cores=cores)
    assert outline.seconds == pytest.approx(math.ceil(videos / cores) * 1.0)
    assert outline.frames == 100 * videos
    assert outline.efficiency == pytest.approx(videos / cores / outline.seconds)


@pytest.mark.parametrize("machines", [1, 10, 100])
def test_what_is_not_shared_bounds_the_gain_as_amdahl_has_it(machines: int) -> None:
    """Listing of 2 s before 100 s of work: a gain of 102 / (2 + 100 / N)."""
    costs = replace(FREE, listing=0.02)
    seconds = run(Archive(100, (100,)), costs, machines=machines).seconds
    assert 102 / seconds == pytest.approx(102 / (2 + 100 / machines))


def test_a_driver_that_is_slower_than_the_workers_sets_the_pace() -> None:
    outline = run(Archive(2000, (10,)), replace(FREE, driver_task=0.05), cores=20)  # 0.1 s of work, 0.005 s a worker
    assert outline.seconds == pytest.approx(2000 * 0.05, rel=0.02)
    assert outline.busy["driver"] == pytest.approx(1, abs=0.01)
    idle = run(Archive(2000, (10,)), replace(FREE, driver_task=0.001), cores=20)
    assert idle.seconds == pytest.approx(2000 * 0.1 / 20, rel=0.25)


@pytest.mark.parametrize(("looks", "most", "share"), [(0.0, math.inf, 0), (0.5, math.inf, 0.5), (0.5, 5, 0.125)])
def test_looks_take_their_share_of_the_driver(looks: float, most: float, share: float) -> None:
    """A look a second at each of 20 workers, `looks` seconds in all, while the driver comes by more often."""
    costs = replace(FREE, driver_task=0.005, driver_look=looks / 20, looks=most)
    assert run(Archive(2000, (1,)), costs, cores=20).seconds == pytest.approx(10 / (1 - share), rel=0.03)


@pytest.mark.parametrize(("limit", "per_task"), [("store", 500.0), ("reads", 7), ("writes", 6), ("link", 500.0)])
def test_a_queue_that_all_share_sets_the_pace(limit: str, per_task: float) -> None:
    """Of tasks that ask for more of it than their work takes."""
    costs = replace(FREE, bytes_in=5.0, bytes_piece=0.0, bytes_result=0.0)
    outline = run(Archive(1000, (100,)), costs, cores=50, **{limit: 10.0})
    assert outline.seconds == pytest.approx(1000 * per_task / 10, rel=0.02)
    assert outline.busy[limit] == pytest.approx(1, abs=0.02)


def test_links_are_a_machine_s_own() -> None:
    costs = replace(FREE, bytes_in=5.0)
    one, ten = (run(Archive(1000, (100,)), costs, machines=machines, link=10.0) for machines in (1, 10))
    assert one.seconds == pytest.approx(1000 * 51, rel=0.01)
    assert ten.seconds == pytest.approx(one.seconds / 10, rel=0.01)


def test_waiting_for_requests_is_that_of_an_m_d_1_queue() -> None:
    """Pollaczek and Khinchine: at a load of r, a service of s seconds is waited for r s / (2 (1 - r)).

    Workers think for a second on average, exponentially distributed: 400 of them are as good as a Poisson process.
    """
    workers, rate = 400, 500.0  # requests a second
    costs = replace(FREE, frame=1.0)
    cluster = replace(IDEAL, cores=workers, reads=7 * rate)
    waited, worked, busy, seconds = [], [], [], []
    for tasks in (8_000, 32_000):  # all begin at once, which is no Poisson process: that is in both
        outline = Simulation(
            Archive(tasks, (1,)), costs, cluster, seed=1, vary=lambda chance: chance.expovariate(1)
        ).run()
        waited.append(outline.shares["store"] * outline.seconds * workers)
        worked.append(outline.shares["frames"] * outline.seconds * workers)
        busy.append(outline.busy["reads"] * outline.seconds)
        seconds.append(outline.seconds)
    service = 1 / rate
    load = (busy[1] - busy[0]) / (seconds[1] - seconds[0])
    assert 0.7 < load < 0.85
    expected = service + load * service / (2 * (1 - load))
    assert (waited[1] - waited[0]) / (worked[1] - worked[0]) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("lifetime", [20.0, 5.0, 2.0])
def test_work_begun_anew_after_each_loss_takes_as_long_as_it_should(lifetime: float) -> None:
    """A task of D seconds, losses after an exponential time of mean m, R seconds until work goes on: on average
    (m + R) (e^(D/m) - 1). With the third loss its video fails, as `Schedule` has it, which is too rare to matter."""
    tasks, length, down = 3000, 0.3, 0.5
    simulation = Simulation(
        Archive(tasks, (30,)), FREE, replace(IDEAL, cores=1, lifetime=lifetime, detection=0.0, replacement=down), seed=3
    )
    outline = simulation.run()
    assert outline.failures <= 3 + 3 * tasks * (1 - math.exp(-length / lifetime)) ** 3
    expected = tasks * (lifetime + down) * (math.exp(length / lifetime) - 1)
    assert outline.seconds == pytest.approx(expected, rel=0.1)
    losses = outline.seconds / (lifetime + down)
    assert outline.losses == pytest.approx(losses, abs=4 * math.sqrt(losses))


@given(
    videos=st.integers(1, 30),
    pieces=st.lists(st.integers(1, 50), min_size=1, max_size=6),
    machines=st.integers(1, 4),
    cores=st.integers(1, 3),
    driver=st.sampled_from([0.0, 0.01]),
    lifetime=st.sampled_from([math.inf, 30.0]),
)
@settings(max_examples=60, deadline=None)
def test_all_time_is_accounted_for_and_no_frame_is_lost(
    videos: int, pieces: list[int], machines: int, cores: int, driver: float, lifetime: float
) -> None:
    archive = Archive(videos, tuple(pieces))
    costs = replace(FREE, start=0.3, begin=0.01, index=0.001, piece=0.02, join=0.01, driver_task=driver)
    outline = run(archive, costs, machines=machines, cores=cores, lifetime=lifetime, detection=1, replacement=2)
    assert sum(outline.shares.values()) == pytest.approx(1)
    assert min(outline.shares.values()) >= -1e-9
    if not outline.failures:
        assert outline.frames == videos * archive.frames
    work = videos * archive.frames * FREE.frame
    assert outline.seconds >= work / (machines * cores)
    if lifetime == math.inf and len(pieces) == 1 and not driver:  # Graham's bound on lists of tasks without order
        task = work / videos + 0.04
        assert outline.seconds <= 0.3 + videos * task / (machines * cores) + task + 1e-9


def test_a_video_is_cut_as_it_is_in_an_archive() -> None:
    assert Archive.cut(1, 250, 150).pieces == (250,)
    assert Archive.cut(1, 300, 150).pieces == (150, 150)
    assert Archive.cut(1, 1000, 300).pieces == (300, 300, 300, 100)


def test_the_limit_is_the_full_queue_or_else_what_takes_most() -> None:
    full = run(Archive(1000, (100,)), replace(FREE, bytes_in=5.0), cores=50, store=10.0)
    assert limit(full) == "store"
    assert limit(run(Archive(1000, (100,)), cores=50, writes=10.0)) == "writes"
    assert limit(run(Archive(51, (100,)), replace(FREE, start=0.1), cores=50)) == "tail"
    assert limit(run(Archive(50, (100,)), replace(FREE, start=0.1), cores=50)) == "start"
