"""A real scheduler and real workers: what is the engine's fault, and what is the task's."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wire.cluster import COMMAND, Cluster, start_cluster
from wire.crawl import ROOT, environment
from wire.units import fail_on_one_host, kill_at_seven, raise_archive_error, raise_machine_fault, read_pid

from newscrawl.engine import ClusterLost, Engine, LocalEngine
from newscrawl.engine import cluster as engines
from newscrawl.engine.cluster import ClusterEngine, compare_versions, connect, find_versions
from newscrawl.errors import NewscrawlError

OTHER_VERSION = """
import newscrawl
newscrawl.__version__ = "0.0.1"
from newscrawl.cli import app
if __name__ == "__main__":
    app()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with start_cluster() as started:
        yield started


@pytest.fixture
def engine(cluster: Cluster) -> Iterator[ClusterEngine]:
    with connect(cluster.address) as connected:
        yield connected


@pytest.fixture(params=["here", "cluster"])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    return LocalEngine() if request.param == "here" else request.getfixturevalue("engine")


def test_every_unit_has_its_value(any_engine: Engine) -> None:
    found = {result.unit: result.get() for result in any_engine.results(abs, [*range(-9, 9), 5])}
    assert found == {number: abs(number) for number in range(-9, 9)}


def test_an_error_of_a_unit_is_its_own(any_engine: Engine) -> None:
    """No other unit is concerned, and nothing is tried again."""
    results = {result.unit: result for result in any_engine.results(int, ["1", "x", "3"])}
    assert (results["1"].value, results["3"].value) == (1, 3)
    assert "invalid literal" in str(results["x"].error)
    assert not any(result.fault for result in results.values())
    with pytest.raises((ValueError, RuntimeError), match="invalid literal"):
        results["x"].get()


def test_a_sentence_for_the_user_comes_back_as_one(engine: ClusterEngine) -> None:
    (result,) = engine.results(Path.read_text, [Path("/no/such/file")])
    assert "No such file" in str(result.error)
    (result,) = engine.results(raise_archive_error, [1])
    assert type(result.error) is NewscrawlError
    assert str(result.error) == "cannot read it"


def test_a_fault_of_a_worker_s_machine_is_the_engine_s(engine: ClusterEngine) -> None:
    (result,) = engine.results(raise_machine_fault, [1])
    assert result.error is None
    assert result.fault.startswith("worker tcp://")
    assert result.fault.endswith("the disk is full")
    with pytest.raises(ClusterLost):
        result.get()


@contextmanager
def joined(address: str, host: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of a machine of its own."""
    words = [COMMAND, "cluster", "join", address, "--workers", "1", "--host", host, "--json"]
    variables = {**environment(), "PYTHONPATH": str(ROOT / "tests")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=variables) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield process
        finally:
            process.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of the machine")
def test_units_that_a_machine_cannot_run_are_tried_on_others(cluster: Cluster) -> None:
    """It answers at once, is idle, and would get all of them again; where there is no other, it ends."""
    full, fine = "127.0.0.2", "127.0.0.1"
    with joined(cluster.address, full), connect(cluster.address) as engine:
        results = [*engine.results(fail_on_one_host, [(full, 0.1)] * 12)]
        assert [(result.value, result.fault) for result in results] == [(fine, "")] * 12
    with (
        start_cluster(workers=0) as alone,
        joined(alone.address, full),
        joined(alone.address, fine) as going,
        connect(alone.address) as engine,
    ):
        threading.Timer(1, going.terminate).start()
        ends = [*engine.results(fail_on_one_host, [(full, 60.0)] * 4)]
        assert [result.fault.rpartition(": ")[2] for result in ends] == ["the disk is full"] * 4


@pytest.mark.proof
@pytest.mark.slow
def test_a_unit_that_kills_its_workers_is_named_and_costs_no_other(engine: ClusterEngine) -> None:
    pids = {result.get() for result in engine.results(read_pid, range(8))}
    results = {result.unit: result for result in engine.results(kill_at_seven, range(10))}
    assert "has died" in results[7].fault
    assert [results[number].value for number in (*range(7), 8, 9)] == [*range(7), 8, 9]
    assert pids.isdisjoint(result.get() for result in engine.results(read_pid, range(8)))


def test_versions_that_differ_are_named(tmp_path: Path) -> None:
    script = tmp_path / "older.py"
    script.write_text(OTHER_VERSION)
    with (
        start_cluster(workers=1, command=(sys.executable, script)) as older,
        pytest.raises(ClusterLost, match=r"worker tcp\S+ has newscrawl 0\.0\.1 instead of "),
        connect(older.address),
    ):
        pass


def test_a_worker_of_another_version_that_comes_later_runs_nothing(
    engine: ClusterEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "find_versions", lambda: {**find_versions(), "newscrawl": "9.9"})
    (result,) = engine.results(abs, [-1])
    assert "instead of 9.9" in result.fault


def test_only_what_differs_is_named() -> None:
    assert compare_versions({"a": "1", "newscrawl": "2"}, {"a": "1", "newscrawl": "2"}) == ""
    found = compare_versions({"a": "1", "newscrawl": "2"}, {"b": "1", "newscrawl": "3"})
    assert found == "newscrawl 3 instead of 2, a none instead of 1, b 1 instead of none"


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 1)
    with (
        pytest.raises(ClusterLost, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"),
        connect("tcp://127.0.0.1:9"),
    ):
        pass
    with pytest.raises(ClusterLost, match="no scheduler answers at nonsense://"), connect("nonsense://"):
        pass


def test_a_scheduler_without_workers_is_named() -> None:
    with start_cluster(workers=0) as alone:
        with pytest.raises(ClusterLost, match="no worker that takes units"), connect(alone.address):
            pass
        words = [COMMAND, "cluster", "join", alone.address, "--workers", "1", "--crawls", "3", "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment()) as process:
            assert process.stdout
            process.stdout.readline()
            with connect(alone.address) as engine:
                assert (engine.count_slots("unit"), engine.count_slots("crawl")) == (1, 3)
            alone.kill_scheduler()
            assert process.wait(90) == 1, "a service manager starts it again"


def test_an_end_of_the_scheduler_is_the_engine_s_fault() -> None:
    with start_cluster(workers=1) as started, connect(started.address) as engine:
        results = engine.results(abs, [-1, *range(10_000)])
        next(results)
        started.kill_scheduler()
        with pytest.raises(ClusterLost, match="has gone"):
            list(results)
