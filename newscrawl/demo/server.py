"""The demo HTTP server: a loopback port for each outlet, and a log of the exact bytes exchanged."""

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

from newscrawl.demo.http import BadRequest, Request, Response, parse_request, serialize_response
from newscrawl.demo.site import Site
from newscrawl.errors import NewscrawlError


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
    """A request and its response, as the server saw them."""

    outlet: str
    received: bytes
    "The request, byte for byte."
    sent: bytes
    "The response, byte for byte."
    status: int


def log_line(entry: LogEntry) -> str:
    """The entry as a JSON line, its bytes in Base64."""
    record = {
        "outlet": entry.outlet,
        "status": entry.status,
        "received": base64.b64encode(entry.received).decode("ascii"),
        "sent": base64.b64encode(entry.sent).decode("ascii"),
    }
    return json.dumps(record) + "\n"


logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_HEAD_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024
IDLE_SECONDS = 30.0
"How long a connection may stay silent before it is closed."
LINGER_SECONDS = 1.0
"How long the server reads from a refused client, so that it gets the response before the reset."
MAX_TARGETS = 100_000
"Targets whose requests are counted; every request of a later target counts as the first."
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]{0,20}([0-9]{1,10})[ \t]{0,20}\r\n", re.IGNORECASE)


class Newsroom:
    """Serves sites until it is stopped; `bases` has their URLs, `log` the exchanges."""

    def __init__(
        self,
        sites: Sequence[Site],
        *,
        first_port: int = 0,
        log_file: Path | None = None,
        remember: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.bases: dict[str, str] = {}
        "Base URL by outlet id, without a final slash; filled by `start`."
        self.log: list[LogEntry] = []
        "Every exchange in order; empty when `remember` is off."
        self._sites = list(sites)
        self._first_port = first_port
        self._log_file = log_file
        self._remember = remember
        self._clock = clock
        self._requests: Counter[tuple[str, str]] = Counter()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._log_stream: TextIOWrapper | None = None

    async def start(self) -> None:
        """Listen for every site; NewscrawlError when a port or the log file cannot be opened."""
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
        def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._serve_connection(site, reader, writer))
            self._connections[task] = writer
            task.add_done_callback(self._connections.pop)

        server = await asyncio.start_server(on_connection, HOST, port, limit=MAX_HEAD_BYTES)
        self._servers.append(server)
        self.bases[site.id] = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close every port and connection, and the log file."""
        for server in self._servers:
            server.close()
        for task, writer in self._connections.items():
            task.cancel()
            writer.transport.abort()  # a task that has not started yet would leave it open
        await asyncio.gather(*self._connections, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        if self._log_stream:
            self._log_stream.close()
            self._log_stream = None

    async def _serve_connection(
        self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a connection until either side closes it."""
        try:
            while await self._exchange(site, reader, writer):
                pass
            writer.close()
            async with asyncio.timeout(IDLE_SECONDS):
                await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            logger.debug("%s: connection ended: %r", site.id, error)
        finally:
            writer.transport.abort()  # no effect if it is closed already

    async def _exchange(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; False when the connection must end."""
        raw, problem = await _receive_request(reader)
        if not raw:
            return False
        request, response = self._answer(site, raw, problem)
        alive = request is not None and request.keeps_alive
        status, sent = serialize_response(response, request or _NO_REQUEST, self._clock(), close=not alive)
        # Logged before it is sent, so that a client with a response finds the exchange in the log.
        self._log(LogEntry(outlet=site.id, received=raw, sent=sent, status=status))
        writer.write(sent)
        async with asyncio.timeout(IDLE_SECONDS):  # do not wait for a client that never reads
            await writer.drain()
        if request is None:
            await _drain_request(reader, writer)
        return alive

    def _answer(self, site: Site, raw: bytes, problem: str | None) -> tuple[Request | None, Response]:
        """The request (None if it is invalid) and the response of the site."""
        try:
            if problem:
                raise BadRequest(problem)
            request = parse_request(raw, self.bases[site.id])
        except BadRequest as error:
            return None, _text_response(400, str(error))
        if not _is_ours(request):
            return request, _text_response(404, "this host is not served here")
        if request.method not in {"GET", "HEAD"}:
            return request, _text_response(405, "only GET and HEAD", ("Allow", "GET, HEAD"))
        request = replace(request, earlier=self._count(site.id, request.target))
        try:
            return request, site.respond(request)
        except Exception:
            logger.exception("%s: no answer to %s", site.id, request.target)
            return request, _text_response(500, "the newsroom failed")

    def _count(self, outlet: str, target: str) -> int:
        """Count a request, and return the number of earlier requests for the target."""
        key = (outlet, target)
        earlier = self._requests[key]
        if earlier or len(self._requests) < MAX_TARGETS:
            self._requests[key] += 1
        return earlier

    def _log(self, entry: LogEntry) -> None:
        if self._remember:
            self.log.append(entry)
        if self._log_stream:
            self._log_stream.write(log_line(entry))
            self._log_stream.flush()


_NO_REQUEST = Request(method="GET", target="/", headers={})
"Takes the place of an invalid request where the form of a response depends on the request."


async def _receive_request(reader: asyncio.StreamReader) -> tuple[bytes, str | None]:
    """The bytes of the next request and what is wrong with them; no bytes when the client has gone."""
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


def _text_response(status: int, text: str, *headers: tuple[str, str]) -> Response:
    return Response(
        status=status, body=f"{text}\n".encode(), content_type="text/plain; charset=utf-8", headers=headers
    )


async def _drain_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read what a refused client still sends: closing with unread bytes would reset the connection."""
    writer.write_eof()
    left = MAX_BODY_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and (data := await reader.read(MAX_HEAD_BYTES)):
                left -= len(data)


@contextmanager
def serve_in_thread(newsroom: Newsroom) -> Iterator[Newsroom]:
    """Serve the newsroom in a thread with its own event loop while the block runs."""
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
    """Serve until cancelled; `ready` gets the base URLs once every port listens."""
    await newsroom.start()
    try:
        ready(newsroom.bases)
        await asyncio.Event().wait()
    finally:
        await newsroom.stop()
