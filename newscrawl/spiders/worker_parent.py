"""The process from which workers are forked: itself a fork, which has the extractor loaded.

Python would start such a process with the first page that is extracted, one for each crawl, and it would load
all of it again. Private names of Python's module are used here alone; where they may differ, or the process
has died, Python starts its own.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

_NEWEST_PYTHON = (3, 13)
"The last version whose module was read."
_IGNORED_BY_TRACKER = (signal.SIGINT, signal.SIGTERM)
_THREADS = "OPENBLAS_NUM_THREADS"
_PARAGRAPHS = "<p>It says that all is well with it today, as it has been for many years.</p>" * 9
_WARM_PAGE = f"<html><body><article><h1>A page</h1>{_PARAGRAPHS}</article></body></html>"
"To extract it loads the models and word lists."


def can_fork() -> bool:
    """Whether this system can do what forks of newscrawl need: Linux, and a kernel that names processes."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def close_all_but(*descriptors: int) -> None:
    """Close what a fork has inherited, but for the standard streams and these."""
    kept = [2, *sorted(descriptors), os.sysconf("SC_OPEN_MAX")]
    for before, after in pairwise(kept):
        os.closerange(before + 1, after)


@contextmanager
def without_threads() -> Iterator[None]:
    """Numpy's algebra would start a thread for each core when it is imported."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


def share_worker_parent() -> None:
    """Fork the parent of all workers, for this process and its forks; it ends with the last of them.

    A process that has such a parent already, or threads, which a fork would lack, does nothing. Where it
    cannot be forked now, Python starts its own once there is a page.
    """
    server: Any = getattr(forkserver, "_forkserver", None)
    if sys.version_info[:2] > _NEWEST_PYTHON or server is None or not can_fork():
        return
    if threading.active_count() > 1 or getattr(server, "_forkserver_address", None):
        return
    # For all workers at once; whoever only starts crawls needs nothing of it.
    from newscrawl.workers import PRELOADED

    with without_threads():
        for name in PRELOADED:
            import_module(name)
    try:
        _share_tracker()
        # Only this user may enter it.
        folder = Path(tempfile.mkdtemp(prefix="newscrawl-workers-"))
        try:
            address, hold_alive, end = _fork_parent(folder)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        logger.warning("each crawl starts its own processes for extraction: %s", error)
        return
    server._forkserver_address, server._forkserver_alive_fd = str(address), hold_alive
    start_own = server.ensure_running

    def ensure_running() -> None:
        """In place of Python's, which can only look after a child of the same process."""
        if server._forkserver_alive_fd == hold_alive and select.select([end], [], [], 0)[0]:
            os.close(hold_alive)
            server._forkserver_address = server._forkserver_alive_fd = None
        if server._forkserver_alive_fd != hold_alive:
            start_own()

    server.ensure_running = ensure_running


def _share_tracker() -> None:
    """Fork Python's process that removes what ended workers leave, for this process and its forks.

    Python would start one for each crawl with a page. It ends with the last of those that share it.
    """
    tracker: Any = resource_tracker
    if tracker._resource_tracker._fd is not None:
        return
    alive, hold_alive = os.pipe()
    # Python too blocks them until its process ignores them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED_BY_TRACKER)
    try:
        if os.fork() == 0:
            try:
                # What it says of the leavings of a crawl that was ended is nothing to whoever started the
                # crawls, and what they have not yet written it would write too when it closes their streams.
                null = os.open(os.devnull, os.O_RDWR)
                for stream in range(3):
                    os.dup2(null, stream)
                close_all_but(alive)
                tracker.main(alive)
            finally:
                os._exit(0)
    except OSError:
        os.close(hold_alive)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _IGNORED_BY_TRACKER)
        os.close(alive)
    tracker._resource_tracker._fd = hold_alive


def _fork_parent(folder: Path) -> tuple[Path, int, int]:
    """Its socket, what keeps it alive while it is open anywhere, and what shows its end; OSError."""
    address = folder / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        alive, hold_alive = os.pipe()
        try:
            pid = os.fork()
            if pid == 0:
                _serve_workers(listener, alive, folder)
            return address, hold_alive, os.pidfd_open(pid)
        except OSError:
            os.close(hold_alive)
            raise
        finally:
            os.close(alive)


def _serve_workers(listener: socket.socket, alive: int, folder: Path) -> NoReturn:
    """Fork workers for whoever connects, until nobody is left who could."""
    code = 1
    try:
        # A lock or a pipe that is held here would outlive whoever asked for the work.
        close_all_but(listener.fileno(), alive)
        # Workers inherit it: their pool ends them by this signal.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Ctrl-C is for whoever asked for the work.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Many a crawl finds no new page, and needs no worker.
        asked, _, _ = select.select([listener.fileno(), alive], [], [])
        if listener.fileno() in asked:
            from newscrawl import extract

            extract(_WARM_PAGE, "https://example.org/2026/01/01/a-page")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        forkserver.main(listener.detach(), alive, [])
    except SystemExit:
        code = 0
    except Exception:
        # It would end without a word. Crawls notice, and start their own.
        logger.exception("the parent of all workers has failed")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(code)
