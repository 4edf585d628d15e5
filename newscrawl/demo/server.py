"""The newsroom's HTTP server: one loopback port per outlet, and a log of the exact bytes exchanged."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from newscrawl.demo.http import BadRequest, Request, Response, request_of, response_bytes
from newscrawl.demo.site import Site
from newscrawl.errors import NewscrawlError


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and its answer, seen from the server."""

    outlet: str
    received: bytes
    "The request, byte for byte."
    sent: bytes
    "The response, byte for byte."
    status: int


def line_of(exchange: Exchange) -> str:
    """The exchange as one JSON line, its bytes in Base64."""
    record = {
        "outlet": exchange.outlet,
        "status": exchange.status,
        "received": base64.b64encode(exchange.received).decode("ascii"),
        "sent": base64.b64encode(exchange.sent).decode("ascii"),
    }
    return json.dumps(record) + "\n"


logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_HEAD_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024
IDLE_SECONDS = 30.0
"How long a connection may stay silent before it is closed."
LINGER_SECONDS = 1.0
"How long a refused client is still listened to, so that it reads the answer before the reset."
MAX_TARGETS = 100_000
"Targets whose requests are counted; later ones always count as asked for the first time."
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]{0,20}([0-9]{1,10})[ \t]{0,20}\r\n", re.IGNORECASE)


def _now() -> datetime:
    return datetime.now(UTC)


class Newsroom:
    """Serves sites until stopped; `bases` tells where, `log` what was exchanged."""

    def __init__(
        self,
        sites: Sequence[Site],
        *,
        first_port: int = 0,
        log_file: Path | None = None,
        remember: bool = True,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.bases: dict[str, str] = {}
        "Outlet id to base URL, without a slash at the end; filled by `start`."
        self.log: list[Exchange] = []
        "Every exchange in order; empty when `remember` is off."
        self._sites = list(sites)
        self._first_port = first_port
        self._log_file = log_file
        self._remember = remember
        self._clock = clock
        self._asked: Counter[tuple[str, str]] = Counter()
        self._servers: list[asyncio.Server] = []
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._log_stream: TextIOWrapper | None = None

    async def start(self) -> None:
        """Listen for every site; NewscrawlError when a port or the log file cannot be had."""
        try:
            if self._log_file:
                self._log_stream = self._log_file.open("w", encoding="ascii")
            for number, site in enumerate(self._sites):
                await self._listen(site, self._first_port + number if self._first_port else 0)
        except (OSError, OverflowError) as error:
            await self.stop()
            raise NewscrawlError(f"the newsroom cannot start: {error}") from error

    async def _listen(self, site: Site, port: int) -> None:
        # Not a coroutine: Python 3.11 reports those as failures when `stop` cancels them.
        def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._talk(site, reader, writer))
            self._talks[task] = writer
            task.add_done_callback(self._talks.pop)

        server = await asyncio.start_server(talk, HOST, port, limit=MAX_HEAD_BYTES)
        self._servers.append(server)
        self.bases[site.id] = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close every port and connection, and the log file."""
        for server in self._servers:
            server.close()
        for task, writer in self._talks.items():
            task.cancel()
            writer.transport.abort()  # a task that has not begun yet would leave it open
        await asyncio.gather(*self._talks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        if self._log_stream:
            self._log_stream.close()
            self._log_stream = None

    async def _talk(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: exchange after exchange, until a side has had enough."""
        try:
            while await self._exchange(site, reader, writer):
                pass
            writer.close()
            async with asyncio.timeout(IDLE_SECONDS):
                await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            logger.debug("%s: connection ended: %r", site.id, error)
        finally:
            writer.transport.abort()  # nothing happens where it is closed already

    async def _exchange(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection is to end."""
        raw, problem = await _read_request(reader)
        if not raw:
            return False
        request, response = self._answer(site, raw, problem)
        alive = request is not None and request.keeps_alive
        status, sent = response_bytes(response, request or _NOBODY, self._clock(), close=not alive)
        # Logged before it is sent: a client that has its answer finds the exchange in the log.
        self._note(Exchange(outlet=site.id, received=raw, sent=sent, status=status))
        writer.write(sent)
        async with asyncio.timeout(IDLE_SECONDS):  # a client that never reads is not waited for
            await writer.drain()
        if request is None:
            await _linger(reader, writer)
        return alive

    def _answer(self, site: Site, raw: bytes, problem: str | None) -> tuple[Request | None, Response]:
        """The request, None where it is none, and the site's answer to it."""
        try:
            if problem:
                raise BadRequest(problem)
            request = request_of(raw, self.bases[site.id])
        except BadRequest as error:
            return None, _plain(400, str(error))
        if not _is_ours(request):
            return request, _plain(404, "this host is not served here")
        if request.method not in {"GET", "HEAD"}:
            return request, _plain(405, "only GET and HEAD", ("Allow", "GET, HEAD"))
        request = replace(request, earlier=self._count(site.id, request.target))
        try:
            return request, site.respond(request)
        except Exception:
            logger.exception("%s: no answer to %s", site.id, request.target)
            return request, _plain(500, "the newsroom failed")

    def _count(self, outlet: str, target: str) -> int:
        """How often the target was asked for before."""
        key = (outlet, target)
        earlier = self._asked[key]
        if earlier or len(self._asked) < MAX_TARGETS:
            self._asked[key] += 1
        return earlier

    def _note(self, exchange: Exchange) -> None:
        if self._remember:
            self.log.append(exchange)
        if self._log_stream:
            self._log_stream.write(line_of(exchange))
            self._log_stream.flush()


_NOBODY = Request(method="GET", target="/", headers={})
"Stands for a request that could not be read, where an answer's form asks about one."


async def _read_request(reader: asyncio.StreamReader) -> tuple[bytes, str | None]:
    """Exact bytes of the next request and what is wrong with them; no bytes when the client has left."""
    async with asyncio.timeout(IDLE_SECONDS):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            return error.partial, "the request ends early"
        except asyncio.LimitOverrunError:
            return await reader.read(MAX_HEAD_BYTES), f"a request head over {MAX_HEAD_BYTES} bytes"
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if size > MAX_BODY_BYTES:
            return head, f"a request body over {MAX_BODY_BYTES} bytes"
        try:
            return head + await reader.readexactly(size), None
        except asyncio.IncompleteReadError as error:
            return head + error.partial, "the request's body ends early"


def _is_ours(request: Request) -> bool:
    host = request.headers.get("host", "").lower()
    ours = request.base.removeprefix("http://")
    return host in {ours, ours.replace(HOST, "localhost")} or (not host and not request.http11)


def _plain(status: int, text: str, *headers: tuple[str, str]) -> Response:
    return Response(
        status=status, body=f"{text}\n".encode(), content_type="text/plain; charset=utf-8", headers=headers
    )


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read off what a refused client still sends: closing over unread bytes would reset its answer away."""
    writer.write_eof()
    left = MAX_BODY_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and (data := await reader.read(MAX_HEAD_BYTES)):
                left -= len(data)


@contextmanager
def running(newsroom: Newsroom) -> Iterator[Newsroom]:
    """The newsroom, served from a thread with a loop of its own as long as the block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="newsroom", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(newsroom.start(), loop).result()
        yield newsroom
    finally:
        asyncio.run_coroutine_threadsafe(newsroom.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def serve(newsroom: Newsroom, ready: Callable[[dict[str, str]], None]) -> None:
    """Serve until cancelled; `ready` is told the base URLs once every port listens."""
    await newsroom.start()
    try:
        ready(newsroom.bases)
        await asyncio.Event().wait()
    finally:
        await newsroom.stop()
