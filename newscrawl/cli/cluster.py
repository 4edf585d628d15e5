"""`newscrawl cluster`: starts the scheduler and the workers on which `--on` runs units and crawls."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Annotated, Any

import typer

from newscrawl.cli import ui
from newscrawl.engine import ClusterLost

SCHEMA = "newscrawl.cluster/1"
PORT = 8786
JOIN_SECONDS = 120
"For a scheduler that starts later than its workers, as in a container beside theirs."
_NO_DASHBOARD = "127.0.0.1:0"
"Dask serves its metrics at any rate: for this machine alone, at a port that is free."
_TICK = "500ms"
"Between two looks of Dask whether its event loop is late."

app = typer.Typer(no_args_is_help=True)
ui.app.add_typer(app, name="cluster")

WorkerCount = Annotated[int, typer.Option("--workers", min=0, help="Number of workers; each uses a core.")]
CrawlCount = Annotated[int, typer.Option("--crawls", min=0, help="Crawls that each worker runs at a time.")]


@app.command("start")
def start_cluster(
    *,
    workers: WorkerCount = 1,
    crawls: CrawlCount = 4,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Whoever can connect can run code here.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, help="Port of the scheduler; 0: any that is free.")] = PORT,
    as_json: ui.AsJson = False,
) -> None:
    """Start a scheduler and workers on this machine, until SIGTERM or Ctrl-C.

    Other commands use them with --on. With --workers 0 it is the scheduler alone, for workers elsewhere.
    """
    asyncio.run(serve_cluster(None, workers, crawls, host=host, port=port, as_json=as_json))


@app.command("join")
def add_workers(
    address: Annotated[str, typer.Argument(help="The scheduler, such as tcp://head:8786.")],
    *,
    workers: WorkerCount = 1,
    crawls: CrawlCount = 4,
    host: Annotated[
        str | None, typer.Option(help="Address at which the others reach these workers. Default: found out.")
    ] = None,
    as_json: ui.AsJson = False,
) -> None:
    """Start workers for a scheduler, on this machine or another, until SIGTERM or Ctrl-C.

    Exit code 1: the scheduler has gone. Start it again then, as service managers do.
    """
    asyncio.run(serve_cluster(address, workers, crawls, host=host, as_json=as_json))


async def serve_cluster(
    address: str | None, workers: int, crawls: int, *, host: str | None, port: int = 0, as_json: bool = False
) -> None:
    """Serve workers until SIGTERM, and a scheduler if no address of one is given; ClusterLost if it goes."""
    try:
        from distributed import Nanny, Scheduler
    except ImportError as error:
        raise ClusterLost("a cluster needs Dask: pip install 'newscrawl[cluster]'") from error
    is_over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, is_over.set)
    with _worker_settings():
        async with AsyncExitStack() as stack:
            try:
                scheduler = None
                if address is None:
                    scheduler = Scheduler(
                        host=host, port=port, dashboard=False, dashboard_address=_NO_DASHBOARD
                    )
                    await stack.enter_async_context(scheduler)
                    address = scheduler.address
                nannies: list[Any] = []
                for _ in range(workers):
                    nanny = Nanny(
                        address,
                        host=host,
                        # A thread for each slot: a task holds its thread until it ends.
                        nthreads=1 + crawls,
                        resources={"unit": 1, "crawl": crawls},
                        # Pages and crawls are in processes of their own, which Dask does not count.
                        memory_limit=0,
                        dashboard=False,
                        dashboard_address=_NO_DASHBOARD,
                        death_timeout=JOIN_SECONDS,
                    )
                    nannies.append(await stack.enter_async_context(nanny))
            # Dask says only that a nanny failed, and keeps the reason behind it.
            except (OSError, TimeoutError, ValueError, RuntimeError) as error:
                reason = error.__cause__ or error
                raise ClusterLost(f"cannot start at {address or f'{host}:{port}'}: {reason}") from error
            _show(address, [nanny.pid for nanny in nannies], as_json)
            ended = [asyncio.ensure_future(nanny.finished()) for nanny in nannies]
            over = asyncio.ensure_future(is_over.wait())
            await asyncio.wait([over, *ended], return_when=asyncio.FIRST_COMPLETED)
            was_asked = is_over.is_set()
            for future in (over, *ended):
                future.cancel()
    if not was_asked:
        raise ClusterLost(f"the scheduler at {address} has gone")


@contextmanager
def _worker_settings() -> Iterator[None]:
    """Settings of Dask for the workers, which read them from their environment."""
    import dask

    settings = {
        # A daemon may have no children, and workers extract and crawl in processes of their own.
        "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
        "DASK_LOGGING__DISTRIBUTED": "warning",
        # Dask looks at what each thread does a hundred times a second: 4 % of a core, for nobody.
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
        "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": _TICK,
        # A unit has a single core.
        "OPENBLAS_NUM_THREADS": "1",
    }
    logging.getLogger("distributed").setLevel(logging.WARNING)
    os.environ.update({name: value for name, value in settings.items() if name not in os.environ})
    here = {"distributed.worker.daemon": False, "distributed.admin.tick.interval": _TICK}
    with dask.config.set(here):
        yield


def _show(address: str, workers: list[int], as_json: bool) -> None:
    if as_json:
        ui.print_json({"schema": SCHEMA, "address": address, "workers": workers})
        # A program reads it while this goes on.
        sys.stdout.flush()
    else:
        ui.note(f"{len(workers)} workers at {address}, until SIGTERM: newscrawl extract … --on {address}")
