"""The workers of a Dask cluster as an engine.

What Dask does with a task is only to bring it to a worker: whatever the task raises comes back as an answer,
so that every error of Dask itself is a fault of the engine. The scheduler and the workers get the function's
name and its unit as bytes, which only `run_task` opens.
"""

from __future__ import annotations

import logging
import pickle
import platform
import queue
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, NamedTuple

from newscrawl import __version__
from newscrawl.engine import ClusterLost, Engine, LocalEngine, Result, Slot, Unit, Value
from newscrawl.errors import MachineFault, NewscrawlError

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 20.0
LOOK_SECONDS = 2.0
"Between two looks whether the cluster is still there."
LOST_SECONDS = 60.0
"For workers to come back when all have gone; Dask restarts those that have died within seconds."
RETRIES = 2
"""For a unit that a worker could not run through a fault of its machine; on other machines if there are some.
Dask itself tries four workers."""
COMPARED_LIBRARIES = ("trafilatura", "lxml", "langdetect", "warcio", "pydantic", "distributed")
"Their version may change a result, or whether a unit can be read."

Versions = Mapping[str, str]
Answer = tuple[Literal["value", "error", "fault"], bytes]
"How a task ended on a worker, and its value, its error or a text, pickled."


class Task(NamedTuple):
    """A function and its unit, for a worker."""

    versions: Versions
    function: Callable[[Any], Any]
    unit: Any


class Attempt(NamedTuple):
    """A unit that is being run."""

    unit: Any
    tries: int = 0
    "Before this one."
    failed: frozenset[str] = frozenset()
    "Machines that were to blame that it did not run."
    hosts: frozenset[str] = frozenset()
    "The machines that may run it; empty: any."


@lru_cache(maxsize=1)
def find_versions() -> Versions:
    """The versions on which the work of this process depends."""
    found = {"newscrawl": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in COMPARED_LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def compare_versions(ours: Versions, theirs: Versions) -> str:
    """`newscrawl 0.1 instead of 0.2` for each that differs; empty if none does."""
    names = sorted({*ours, *theirs}, key=lambda name: (name != "newscrawl", name))
    return ", ".join(
        f"{name} {theirs.get(name, 'none')} instead of {ours.get(name, 'none')}"
        for name in names
        if ours.get(name) != theirs.get(name)
    )


def run_task(packed: bytes) -> Answer:
    """Run a task on a worker; never raises what the task is to blame for."""
    try:
        # Opening it imports the function's module and the classes of the unit.
        versions, function, unit = pickle.loads(packed)  # noqa: S301 # whoever may connect may run code
    except Exception as error:  # noqa: BLE001 # the code of any class
        return "fault", pickle.dumps(f"{_where()} cannot read the task: {type(error).__name__}: {error}")
    if difference := compare_versions(versions, find_versions()):
        return "fault", pickle.dumps(f"{_where()} has {difference}")
    try:
        return "value", pickle.dumps(function(unit))
    except MachineFault as error:
        return "fault", pickle.dumps(f"{_where()}: {error}")
    except NewscrawlError as error:
        # Its class may not survive the way, its sentence does.
        return "error", pickle.dumps(NewscrawlError(str(error)))
    except Exception as error:  # noqa: BLE001 # the edge of the task
        text = f"{_where()}: {type(error).__name__}: {error}"
        return "error", pickle.dumps(RuntimeError(f"{text}\n{traceback.format_exc()}"))


def _where() -> str:
    """The worker's address and machine, for messages."""
    from distributed import get_worker

    try:
        return f"worker {get_worker().address} on {platform.node()}"
    except ValueError:
        return platform.node()


class ClusterEngine:
    """Runs units on the workers of a cluster; for several threads."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self.address = address

    def count_slots(self, slot: Slot) -> int:
        """Tasks that the workers can run at the same time."""
        return int(sum(worker["resources"].get(slot, 0) for worker in self._read_workers().values()))

    def _find_hosts(self, slot: Slot) -> frozenset[str]:
        """Machines that take such tasks."""
        workers = self._read_workers().values()
        return frozenset(worker["host"] for worker in workers if worker["resources"].get(slot, 0))

    def _read_workers(self) -> Mapping[str, Mapping[str, Any]]:
        """What the scheduler knows of each worker, by its address."""
        workers: Mapping[str, Mapping[str, Any]] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def results(
        self, function: Callable[[Unit], Value], units: Iterable[Unit], *, slot: Slot = "unit"
    ) -> Iterator[Result[Unit, Value]]:
        """The result of each unit, in the order in which they end; see `Engine`."""
        left = iter(units)
        running: dict[Any, Attempt] = {}
        "By their futures."
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def submit(attempt: Attempt) -> None:
            packed = pickle.dumps(Task(find_versions(), function, attempt.unit))
            # Not pure: two equal units are two tasks, and none is answered from memory.
            future = self._client.submit(
                run_task, packed, pure=False, resources={slot: 1}, workers=sorted(attempt.hosts) or None
            )
            running[future] = attempt
            future.add_done_callback(ended.put)

        def fill() -> None:
            # So many more than there are slots that no worker waits for the way from here.
            most = 2 * max(1, self.count_slots(slot))
            while len(running) < most:
                try:
                    unit = next(left)
                except StopIteration:
                    return
                submit(Attempt(unit))

        def free_stranded() -> None:
            """Let any machine run what waits for machines that have all gone."""
            bound = [(future, attempt) for future, attempt in running.items() if attempt.hosts]
            hosts = self._find_hosts(slot) if bound else frozenset()
            for future, attempt in bound:
                if attempt.hosts.isdisjoint(hosts):
                    del running[future]
                    future.cancel()
                    submit(attempt._replace(hosts=frozenset()))

        try:
            fill()
            while running:
                future = self._wait(ended, slot, free_stranded)
                if future not in running:
                    continue  # it was stranded
                attempt = running.pop(future)
                result = self._read(future, attempt.unit)
                if result.fault and attempt.tries < RETRIES and future.status == "finished":
                    logger.warning("a unit is tried again: %s", result.fault)
                    # A machine at fault fails at once, is idle, and would get the unit again.
                    failed = attempt.failed | self._find_runners(future)
                    hosts = self._find_hosts(slot) - failed if failed else failed
                    submit(Attempt(attempt.unit, attempt.tries + 1, failed, hosts))
                    continue
                fill()
                yield result
        finally:
            if running:
                with suppress(Exception):
                    self._client.cancel(list(running))

    def broadcast(self, function: Callable[..., Value], *arguments: object) -> Mapping[str, Value]:
        """Run a function in every worker at once, beside its tasks; what it gave, by the worker's address.

        ClusterLost.
        """
        with _lost_errors(self.address):
            found: Mapping[str, Value] = self._client.run(function, *arguments)
        return found

    def _find_runners(self, future: Any) -> frozenset[str]:
        """The machine that ran a task, unless it has gone since."""
        with _lost_errors(self.address):
            addresses = {address for found in self._client.who_has([future]).values() for address in found}
        workers = self._read_workers()
        return frozenset(workers[address]["host"] for address in addresses if address in workers)

    def _wait(self, ended: queue.SimpleQueue[Any], slot: Slot, look: Callable[[], None]) -> Any:
        """The next future that has ended; ClusterLost when none can end any more.

        `look` is called from time to time.
        """
        idle = 0.0
        while True:
            with suppress(queue.Empty):
                return ended.get(timeout=LOOK_SECONDS)
            if self._client.status != "running":
                raise ClusterLost(_gone(self.address))
            idle = 0.0 if self.count_slots(slot) else idle + LOOK_SECONDS
            if idle >= LOST_SECONDS:
                raise ClusterLost(f"{self.address} has no worker left")
            look()

    def _read(self, future: Any, unit: Unit) -> Result[Unit, Any]:
        from distributed.scheduler import KilledWorker

        if future.status == "cancelled":
            raise ClusterLost(_gone(self.address))
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                return Result(unit=unit, fault=f"every worker that ran it has died: {error.last_worker}")
            return Result(unit=unit, fault=f"{type(error).__name__}: {error}")
        with _lost_errors(self.address):
            kind, packed = future.result()
        found = pickle.loads(packed)  # noqa: S301 # from a worker, which runs what it is told
        return Result(
            unit=unit,
            value=found if kind == "value" else None,
            error=found if kind == "error" else None,
            fault=found if kind == "fault" else "",
        )


@contextmanager
def open_engine(address: str) -> Iterator[Engine]:
    """The cluster at this address, or this process without one."""
    if not address:
        yield LocalEngine()
        return
    with connect(address) as engine:
        yield engine


@contextmanager
def connect(address: str) -> Iterator[ClusterEngine]:
    """The engine of the cluster whose scheduler is at `address`, such as `tcp://head:8786`.

    ClusterLost if nobody answers, if no worker takes tasks, or if one has other versions than this process.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterLost(f"--on {address} needs Dask: pip install 'newscrawl[cluster]'") from error
    # Dask says on its own log what is said here in an error.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        new_client: Callable[..., Any] = Client
        client = new_client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterLost(f"no scheduler answers at {address}: {error}") from error
    try:
        engine = ClusterEngine(client, address)
        _check_versions(client, address)
        if not engine.count_slots("unit"):
            raise ClusterLost(
                f"{address} has no worker that takes units: `newscrawl cluster join {address}` starts some"
            )
        yield engine
    finally:
        # The scheduler may be gone, which would not be news.
        with suppress(Exception):
            client.close(timeout=LOOK_SECONDS)


def _check_versions(client: Any, address: str) -> None:
    find = partial(client.run, find_versions)
    try:
        found = {f"the scheduler at {address}": client.run_on_scheduler(find_versions)}
        found |= {f"worker {name}": versions for name, versions in find().items()}
    except Exception as error:
        raise ClusterLost(
            f"{address}: newscrawl does not run there: {type(error).__name__}: {error}"
        ) from error
    differing = {name: compare_versions(find_versions(), versions) for name, versions in found.items()}
    if texts := [f"{name} has {text}" for name, text in differing.items() if text]:
        raise ClusterLost("; ".join(texts))


def _gone(address: str) -> str:
    return f"the scheduler at {address} has gone"


@contextmanager
def _lost_errors(address: str) -> Iterator[None]:
    """Turn whatever Dask raises into ClusterLost."""
    from concurrent.futures import CancelledError

    try:
        yield
    except CancelledError as error:
        # Dask cancels all futures when the scheduler ends, also one that is being read.
        raise ClusterLost(_gone(address)) from error
    except Exception as error:
        raise ClusterLost(f"{address}: {type(error).__name__}: {error}") from error
