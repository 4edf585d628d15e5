"""Where the units of a large piece of work run: here one after the other, or on the workers of a cluster.

A unit is worth the way to a worker: a day of an outlet, tens of megabytes, a crawl. What it makes is in files
when its function returns, so that nothing is lost with a worker, with the scheduler or with whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from newscrawl.errors import NewscrawlError

Unit = TypeVar("Unit")
Value = TypeVar("Value")
Slot = Literal["unit", "crawl"]
"""What a task occupies: `unit` a core, of which a worker has one; `crawl` a place among crawls, which mostly
wait for answers."""


class ClusterLost(NewscrawlError):
    """The cluster cannot be reached, or cannot do the work: no fault of any unit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result(Generic[Unit, Value]):
    """How a unit ended: with a value, with an error of its own, or through a fault of the engine."""

    unit: Unit
    value: Value | None = None
    error: Exception | None = None
    "What its function raised."
    fault: str = ""
    "Why the engine could not run it; the unit is not to blame and may be tried again."

    def get(self) -> Value:
        """The value; raises the unit's error, or ClusterLost for a fault of the engine."""
        if self.error:
            raise self.error
        if self.fault:
            raise ClusterLost(self.fault)
        return self.value  # type: ignore[return-value] # a function may return None


class Engine(Protocol):
    """Runs a function on units."""

    def results(
        self, function: Callable[[Unit], Value], units: Iterable[Unit], *, slot: Slot = "unit"
    ) -> Iterator[Result[Unit, Value]]:
        """The result of each unit, in the order in which they end.

        The function is found by its name and the units are pickled. Only what the engine is to blame for is
        tried again. ClusterLost when no unit can be run any more.
        """
        ...


class LocalEngine:
    """Runs the units in this process, in their order, each when its result is asked for."""

    def results(
        self, function: Callable[[Unit], Value], units: Iterable[Unit], *, slot: Slot = "unit"
    ) -> Iterator[Result[Unit, Value]]:
        """The result of each unit."""
        del slot
        for unit in units:
            try:
                value = function(unit)
            except Exception as error:  # noqa: BLE001 # whoever asked decides, as on a cluster
                yield Result(unit=unit, error=error)
            else:
                yield Result(unit=unit, value=value)
