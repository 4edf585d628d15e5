"""Starts crawls as forks of a process that is ready for them: Python need not start for each of them."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, Self

from newscrawl.cli.fork_server import MESSAGE_BYTES, REACTOR, fork_server
from newscrawl.errors import NewscrawlError

RENEWED_AFTER = 2000
"Crawls after which a new process takes over, whatever its libraries have left in memory."
ANSWER_SECONDS = 300.0
"For an answer that a crawl has been started. The first takes as long as Python takes to load everything."
GROWTH_BYTES = 64 * 1024 * 1024
"Memory that the process may take beyond what it had when its first crawl ended."
# Not with -m: each process for extraction would import the main module that it finds in its crawl.
_PROGRAM = "from newscrawl.cli.fork_server import serve_forks; serve_forks()"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ServerLost(Exception):
    """The server cannot be asked, or has not answered."""


class ForkedCrawl:
    """A crawl that a server has forked, with the methods of a process of one's own."""

    def __init__(self) -> None:
        self.pid = 0
        self.returncode: int | None = None
        "None as well when the server has died, which alone could have learnt it."
        self._descriptor = -1
        self._has_started, self._has_ended = threading.Event(), threading.Event()
        self._error = ""

    def set_process(self, pid: int, descriptor: int) -> None:
        self.pid, self._descriptor = pid, descriptor
        self._has_started.set()

    def set_error(self, error: str) -> None:
        """It could not be started."""
        self._error = error
        self.set_end(None)

    def set_end(self, code: int | None) -> None:
        self.returncode = code
        self._has_ended.set()
        self._has_started.set()

    def wait_for_start(self) -> None:
        """ServerLost if nobody can say whether there is a process; NewscrawlError if there can be none."""
        self._has_started.wait(ANSWER_SECONDS)
        if self._error:
            raise NewscrawlError(f"no process could be started: {self._error}")
        if not self.pid:
            raise ServerLost("the process that forks crawls does not answer")

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, negative for a signal; None if nobody can say it. TimeoutExpired if it goes on."""
        if not self._has_ended.wait(timeout):
            raise subprocess.TimeoutExpired("crawl", timeout or 0)
        if self.returncode is None and not self._wait_alone(timeout):
            raise subprocess.TimeoutExpired("crawl", timeout or 0)
        return self.returncode

    def _wait_alone(self, timeout: float | None) -> bool:
        """Wait for a crawl that has outlived its server; whether it has ended."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


class ServerProcess(Protocol):
    """The process of a server: a `Popen`, or a fork."""

    pid: int

    def wait(self) -> object: ...


def start_python(requests: socket.socket, environment: Mapping[str, str]) -> ServerProcess:
    """A server for the socket as a new Python."""
    return subprocess.Popen(  # noqa: S603 # our own command, no shell
        [sys.executable, "-c", _PROGRAM, str(requests.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment,
        pass_fds=[requests.fileno()],
        # Ctrl-C is for whoever started the crawls: it ends each of them once.
        process_group=0,
    )


class ForkedServer:
    """A server that is a fork of this process, which has loaded a part of what it needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


class ForkServer:
    """A server's process and the socket to it; for several threads."""

    def __init__(self, environment: Mapping[str, str], *, is_fork: bool = False) -> None:
        """`is_fork`: as a fork of this process, which must have no threads; else as a new Python."""
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process: ServerProcess = (
                ForkedServer(fork_server(other, environment)) if is_fork else start_python(other, environment)
            )
        self._crawls: dict[int, ForkedCrawl] = {}
        self._lock = threading.Lock()
        self._is_lost = False
        self.count = 0
        "Crawls that were started."
        self._first_bytes = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, arguments: Sequence[str], output: IO[bytes]) -> ForkedCrawl:
        """Start `scrapy` with these arguments; ServerLost if the server does not answer."""
        crawl = ForkedCrawl()
        with self._lock:
            self.count += 1
            number = self.count
            self._crawls[number] = crawl
        message = json.dumps({"id": number, "arguments": list(arguments)}).encode()
        try:
            if len(message) > MESSAGE_BYTES:
                raise ServerLost("the command line is too long for a fork")
            socket.send_fds(self._socket, [message], [output.fileno()])
            crawl.wait_for_start()
        except OSError as error:
            self._forget(number)
            raise ServerLost(f"the process that forks crawls has died: {error.strerror}") from error
        except ServerLost:
            self._forget(number)
            raise
        return crawl

    def _forget(self, number: int) -> None:
        with self._lock:
            self._crawls.pop(number, None)

    @property
    def is_worn(self) -> bool:
        """Whether another server should take over."""
        with self._lock:
            return self._is_lost or self.count >= RENEWED_AFTER or self._has_grown()

    def _has_grown(self) -> bool:
        try:
            resident = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        except (OSError, IndexError):
            return False
        size = int(resident) * _PAGE_BYTES
        if self.count and not self._first_bytes:
            self._first_bytes = size
        return bool(self._first_bytes) and size > self._first_bytes + GROWTH_BYTES

    def close(self) -> None:
        """Start no more crawls; the process ends with the last of those that are running."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> None:
        """Until its process has ended."""
        self._reader.join()

    def _read(self) -> None:
        """Pass on the answers until the server has ended."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, MESSAGE_BYTES, 1)
            except OSError:
                data, descriptors = b"", []
            if not data:
                break
            self._take(json.loads(data), descriptors)
        self._process.wait()
        with self._lock:
            self._is_lost = True
            left = list(self._crawls.values())
            self._crawls.clear()
        for crawl in left:
            crawl.set_end(None)
        self._socket.close()

    def _take(self, answer: Mapping[str, object], descriptors: Sequence[int]) -> None:
        number = int(str(answer["id"]))
        with self._lock:
            crawl = self._crawls.get(number) if "pid" in answer else self._crawls.pop(number, None)
        if crawl is None:
            # Nobody waits for it: an answer that came too late. The crawl goes on under its lease.
            for descriptor in descriptors:
                os.close(descriptor)
        elif "pid" in answer:
            crawl.set_process(int(str(answer["pid"])), descriptors[0])
        elif "error" in answer:
            crawl.set_error(str(answer["error"]))
        else:
            crawl.set_end(int(str(answer["code"])))


class CrawlForker:
    """Forks crawls from a server, started with the first of them if not before, and renewed in time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self.server: ForkServer | None = None
        "None before the first crawl."

    def fork_early(self) -> None:
        """Let a fork of this process be the first server, where it has neither threads nor a reactor."""
        if threading.active_count() == 1 and REACTOR not in sys.modules:
            # Where it cannot be forked now, the first crawl starts it.
            with suppress(OSError):
                self.server = ForkServer(self._environment, is_fork=True)

    def start(self, arguments: Sequence[str], output: IO[bytes]) -> ForkedCrawl:
        """ServerLost if no server answers."""
        return self._ready_server().start(arguments, output)

    def _ready_server(self) -> ForkServer:
        with self._lock:
            if self.server is not None and self.server.is_worn:
                # It ends with the last of its crawls.
                self.server.close()
                self.server = None
            self.server = self.server or ForkServer(self._environment)
            return self.server

    def close(self) -> None:
        """Start no more crawls; wait for those that are running."""
        if self.server:
            self.server.close()
            self.server.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
