"""`newscrawl view`: the archive in a browser, on this machine alone unless you say otherwise."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from pebble import ProcessExpired, ProcessPool

from newscrawl import settings
from newscrawl.cli import ui
from newscrawl.cli.stored_files import bring_files
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import WarcPointer
from newscrawl.state.database import STATE_FILE, Database, database_url
from newscrawl.storage import read_bucket_url
from newscrawl.workers import stop_pool, worker_pool

NEEDED = ("starlette", "jinja2", "uvicorn", "babel")
"Modules of the extra `view`."
DEFAULT_PORT = 8700
TASKS_OF_WORKER = 50
WAITING_MAX = 4
"Explanations that wait for their turn; another is refused."
BUCKET_SECONDS = 300
"Between two looks at a bucket for files of other machines."


@ui.app.command("view")
def view_archive(  # noqa: PLR0917 # options, handed in by name
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any other than loopback shows the archive to others.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0: any free port.")] = DEFAULT_PORT,
    originals_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the archived originals; 0: any free port.")
    ] = DEFAULT_PORT + 1,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Name under which others reach this machine, as in a URL. Can be repeated."),
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="File of the search index. Default: .view.sqlite in the archives.")
    ] = None,
) -> None:
    """Show the archive in a browser: search, articles beside their originals, outlets.

    The search index is made and kept up to date by itself. Stop it with Ctrl-C. There is no login: everybody
    who reaches the ports can read the archive.
    """
    if missing := [module for module in NEEDED if find_spec(module) is None]:
        raise NewscrawlError(f"view needs {', '.join(missing)}: pip install 'newscrawl[view]'")
    from newscrawl.view.server import is_loopback

    if not is_loopback(host):
        ui.warn(f"newscrawl: whoever reaches {host} can read the whole archive: there is no login")
    explainer, state = Explainer(), LazyState(archives, state_url)
    try:
        asyncio.run(
            _serve(
                archives,
                catalogue,
                open_state=state.open,
                explain=explainer.explain,
                address=(host, port, originals_port),
                names=name or [],
            )
        )
    finally:
        explainer.close()
        state.close()


async def _serve(
    archives: Path,
    catalogue_file: Path | None,
    *,
    open_state: Callable[[], Database | None],
    explain: Callable[[Path, WarcPointer], dict[str, Any]],
    address: tuple[str, int, int],
    names: list[str],
) -> None:
    """Serve both ports until a signal."""
    from newscrawl.view.catalogue import Catalogue
    from newscrawl.view.follower import CatalogueFollower
    from newscrawl.view.server import bind, guard_apps, serve_apps
    from newscrawl.view.site import Sources

    host, port, originals_port = address
    # Before the catalogue is made, which a port in use would leave behind for nothing.
    site_socket, originals_socket = bind(host, port), bind(host, originals_port)
    try:
        catalogue = Catalogue.open(archives, catalogue_file)
    except NewscrawlError:
        site_socket.close()
        originals_socket.close()
        raise
    port, originals_port = site_socket.getsockname()[1], originals_socket.getsockname()[1]
    follower = CatalogueFollower(catalogue, bucket_fetcher(archives))
    sources = Sources(
        catalogue=catalogue,
        follower=follower,
        open_database=open_state,
        explain=explain,
        now=time.time,
        originals_port=originals_port,
    )
    site, originals = guard_apps(sources, host, port, names)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def ready() -> None:
        shown = f"[{host}]" if ":" in host else host
        ui.print_line(f"http://{shown}:{port}/")

    follower.start()
    try:
        await serve_apps([(site, site_socket), (originals, originals_socket)], stop, ready)
    finally:
        await asyncio.to_thread(follower.stop)
        catalogue.close()


def bucket_fetcher(archives: Path) -> Callable[[], None]:
    """Brings the lines of an archive in a bucket now and then; does nothing for others."""
    if read_bucket_url(archives) is None:
        return lambda: None
    last: float | None = None

    def fetch() -> None:
        nonlocal last
        now = time.monotonic()
        if last is None or now - last >= BUCKET_SECONDS:
            last = now
            bring_files(archives)

    return fetch


class LazyState:
    """The state database, opened once it exists: looking at an archive does not create it."""

    def __init__(self, archives: Path, state_url: str) -> None:
        self._archives = archives
        self._url = state_url
        self._lock = threading.Lock()
        self._database: Database | None = None
        # A wrong URL ends the command rather than each page that needs the database.
        self.open()

    def open(self) -> Database | None:
        """None without a database; StateError if it cannot be opened."""
        with self._lock:
            if self._database is None and (self._url or (self._archives / STATE_FILE).exists()):
                self._database = Database.open(database_url(self._url, self._archives.resolve()))
            return self._database

    def close(self) -> None:
        if self._database is not None:
            self._database.close()


class Explainer:
    """Explains pages in a process of its own, which is killed where a page takes too long."""

    def __init__(self) -> None:
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(WAITING_MAX)

    def explain(self, folder: Path, pointer: WarcPointer) -> dict[str, Any]:
        """The decision on each block of a page; ArchiveError if it takes too long or cannot be read."""
        if not self._waiting.acquire(blocking=False):
            raise ArchiveError("other pages are being explained: try again in a moment")
        try:
            seconds = float(settings.NEWSCRAWL_EXTRACT_SECONDS)
            task = self._started_pool().schedule(
                explain_record, args=(folder, pointer.model_dump()), timeout=seconds
            )
            result: dict[str, Any] = task.result()
            return result
        except FutureTimeout as error:
            raise ArchiveError(f"the page took longer than {seconds:g} seconds") from error
        except ProcessExpired as error:
            raise ArchiveError("the process that reads the page has ended") from error
        finally:
            self._waiting.release()

    def _started_pool(self) -> ProcessPool:
        with self._lock:
            if self._pool is None:
                self._pool = worker_pool(1, TASKS_OF_WORKER)
            return self._pool

    def close(self) -> None:
        if self._pool is not None:
            stop_pool(self._pool)


def explain_record(folder: Path, pointer: dict[str, Any]) -> dict[str, Any]:
    """What `newscrawl explain --json` says of the page at a pointer; ArchiveError if it cannot be read."""
    # Here, in the worker: the viewer itself starts in half the time without extraction.
    from newscrawl.archive.pages import read_any_page
    from newscrawl.cli.explain import explanation_data, trace_target
    from newscrawl.cli.target import ArchivedTarget

    try:
        page = read_any_page(folder, WarcPointer.model_validate(pointer))
        return explanation_data(trace_target(ArchivedTarget(page=page, folder=folder), None, None, None))
    except NewscrawlError as error:
        # Other errors of the tree may not cross the boundary of the process.
        raise ArchiveError(str(error)) from error
