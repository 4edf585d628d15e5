"""A process that has loaded what a crawl needs and forks each crawl; `forked_crawls` starts it and asks it.

It has a single thread and no reactor, because a fork of a process with either may hang. What a crawl does,
and how it ends, concerns nobody but its own process.
"""

from __future__ import annotations

import gc
import json
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import ModuleType

from newscrawl.logs import escape_default_log
from newscrawl.spiders.worker_parent import close_all_but, share_worker_parent, without_threads

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 1 << 17
"Longest message: a command line with its settings."
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SINGLE_COMPONENTS = (
    "DOWNLOADER",
    "DUPEFILTER_CLASS",
    "ITEM_PROCESSOR",
    "LOG_FORMATTER",
    "REQUEST_FINGERPRINTER_CLASS",
    "SCHEDULER",
    "SCHEDULER_DISK_QUEUE",
    "SCHEDULER_MEMORY_QUEUE",
    "SCHEDULER_PRIORITY_QUEUE",
    "SCHEDULER_START_DISK_QUEUE",
    "SCHEDULER_START_MEMORY_QUEUE",
    "SPIDER_LOADER_CLASS",
    "STATS_CLASS",
    "TWISTED_DNS_RESOLVER",
)
_COMPONENT_TABLES = (
    "ADDONS",
    "DOWNLOADER_MIDDLEWARES",
    "EXTENSIONS",
    "ITEM_PIPELINES",
    "SPIDER_MIDDLEWARES",
)
"Settings of Scrapy that name what every crawl loads."
_SWITCHED_OFF = "newscrawl.extensions.switched_off.SwitchedOffComponents"
"Add-on that changes those tables."
_LATE_MODULES = (
    "encodings.idna",
    "multiprocessing.forkserver",
    "multiprocessing.resource_tracker",
    "newscrawl.archive.reextract",
    "numpy.ma",
    "scrapy.contracts",
    "scrapy.core.engine",
    "sqlalchemy.dialects.sqlite",
    "twisted.internet.asyncioreactor",
)
"Modules that crawls import only when they need them. None of them may import Twisted's reactor."
REACTOR = "twisted.internet.reactor"


def serve_forks() -> None:
    """Serve the socket whose descriptor is the argument: the program of a server that is a new Python."""
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        serve_requests(requests)


def fork_server(requests: socket.socket, environment: Mapping[str, str]) -> int:
    """Fork a server for the socket from this process, which has no threads; the server's process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        # A Python of its own gets no more. A lock or a pipe that is held here would outlive the command.
        close_all_but(requests.fileno())
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(nothing, stream)
        if nothing > 1:
            os.close(nothing)
        os.environ.update(environment)
        # Each process for extraction would import the main module that it finds in its crawl.
        sys.modules["__main__"] = ModuleType("__main__")
        if not sys.flags.safe_path:
            # As in a Python of its own: an outlet's spider may be in the working folder.
            sys.path.insert(0, "")
        serve_requests(requests)
        code = 0
    except Exception:
        logger.exception("the process that forks crawls has failed")
    finally:
        os._exit(code)


def serve_requests(requests: socket.socket) -> None:
    """Load what crawls need when the first of them is asked for, and fork them."""
    escape_default_log()
    # A terminal and a service manager signal everybody. Whoever asked for the crawls ends each of them once.
    for number in _ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if not requests.recv(1, socket.MSG_PEEK):
        return  # there was nothing to crawl
    # What is loaded stays: to look for garbage in it meanwhile takes a seventh of the time.
    gc.disable()
    load_components()
    gc.freeze()
    gc.enable()
    share_worker_parent()
    CrawlForks(requests).serve()


def load_components() -> None:
    """Import what a crawl by the project's settings would import."""
    with without_threads():
        # First, because it looks through all modules that are loaded when it is.
        import_module("scrapy.core.downloader.contextfactory")

        from scrapy.utils.misc import load_object, walk_modules_iter
        from scrapy.utils.project import get_project_settings

        from newscrawl.spiders.run_context import versions
        from newscrawl.storage import load_filesystem

        settings = get_project_settings()
        load_object(_SWITCHED_OFF)().update_settings(settings)
        tables = [settings.getwithbase(name) for name in _COMPONENT_TABLES]
        tables.append(settings.getwithbase("DOWNLOAD_HANDLERS"))
        paths = [settings[name] for name in _SINGLE_COMPONENTS]
        paths += [path for table in tables[:-1] for path, order in table.items() if order is not None]
        paths += [path for path in tables[-1].values() if path is not None]
        for path in paths:
            load_object(path)
        for package in ("scrapy.commands", settings["COMMANDS_MODULE"]):
            list(walk_modules_iter(package))
        for module in _LATE_MODULES:
            import_module(module)
        if settings["NEWSCRAWL_STATE_URL"].startswith("postgresql"):
            with suppress(ImportError):
                import_module("psycopg")
        if "://" in settings["NEWSCRAWL_ARCHIVES"]:
            load_filesystem(settings["NEWSCRAWL_ARCHIVES"])
        # What is read once in a process is read once for all crawls.
        versions()
    assert REACTOR not in sys.modules, "a reactor cannot be forked"


class CrawlForks:
    """Forks a crawl for each request, and answers with its process and, later, its exit code."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._is_open = True
        self._crawls: dict[int, tuple[int, ForkProcess]] = {}
        "By the descriptor that shows their end: the number of the request, and the process."

    def serve(self) -> None:
        """Until the other side has gone and the last crawl has ended."""
        while self._is_open or self._crawls:
            for ready in wait([*([self._requests] if self._is_open else []), *self._crawls]):
                if isinstance(ready, int):
                    self._report_end(ready)
                else:
                    self._receive()

    def _receive(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._requests, MESSAGE_BYTES, 1)
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            self._is_open = False
            return
        request = json.loads(data)
        (output,) = descriptors
        try:
            self._start(request["id"], request["arguments"], output)
        except OSError as error:
            self._answer({"id": request["id"], "error": error.strerror or str(error)})
        finally:
            os.close(output)

    def _start(self, number: int, arguments: Sequence[str], output: int) -> None:
        process = multiprocessing.get_context("fork").Process(
            target=run_forked_crawl, args=(arguments, output, self._requests)
        )
        # A signal that comes at once waits until the crawl no longer ignores it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)
        assert process.pid
        self._crawls[process.sentinel] = number, process
        # It stays that process, whatever becomes of the number: nobody has waited for it yet.
        descriptor = os.pidfd_open(process.pid)
        try:
            self._answer({"id": number, "pid": process.pid}, descriptor)
        finally:
            os.close(descriptor)

    def _report_end(self, sentinel: int) -> None:
        number, process = self._crawls.pop(sentinel)
        process.join()
        code = process.exitcode
        process.close()
        self._answer({"id": number, "code": code})

    def _answer(self, answer: dict[str, object], *descriptors: int) -> None:
        # The other side may have gone; its crawls end as they would have.
        with suppress(ConnectionError):
            socket.send_fds(self._requests, [json.dumps(answer).encode()], descriptors)


def run_forked_crawl(arguments: Sequence[str], output: int, requests: socket.socket) -> None:
    """`scrapy` with these arguments, in the process that was forked for it; it prints to `output`."""
    requests.close()
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)
    from scrapy.cmdline import execute

    sys.argv = ["scrapy", *arguments]
    execute()
