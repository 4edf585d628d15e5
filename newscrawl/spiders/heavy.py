"""Large sources are read in a process of their own, so that none can hold up the downloads."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from newscrawl.discovery.found import Found
from newscrawl.discovery.reading import Kind, links_of_source
from newscrawl.discovery.unzip import is_gzip
from newscrawl.outlet import Outlet
from newscrawl.workers import Fault, WorkerFault, done_within, stop_pool, worker_pool

if TYPE_CHECKING:
    from pebble import ProcessPool

INLINE_BYTES = 256 * 1024
"Read at once where they come: less than it takes to hand them over."
SOURCES_PER_PROCESS = 50
_OUTCOMES: dict[Fault, Found] = {
    "timeout": Found(outcome="read_timeout"),
    "crash": Found(outcome="reader_crash"),
}


class SourceReader:
    """Reads sources of one outlet; its process begins with the first that is large."""

    def __init__(self, outlet: Outlet, seconds: float) -> None:
        self._outlet = outlet
        self._seconds = seconds
        self._pool: ProcessPool | None = None

    async def read(self, kind: Kind, body: bytes, url: str, content_type: str) -> Found:
        """What the source gives; `read_timeout` or `reader_crash` when it was not to be read."""
        task = partial(links_of_source, kind, body, url, content_type, self._outlet)
        if len(body) <= INLINE_BYTES and not is_gzip(body):
            return task()
        self._pool = self._pool or worker_pool(1, SOURCES_PER_PROCESS)
        try:
            return await done_within(self._pool, task, self._seconds)
        except WorkerFault as error:
            if error.fault == "crash":
                # Whatever ended it may have left the pool without workers.
                self.close()
            found = _OUTCOMES[error.fault]
            return Found(outcome=found.outcome, note=str(error))

    def close(self) -> None:
        if self._pool:
            stop_pool(self._pool)
            self._pool = None
