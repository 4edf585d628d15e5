"""An HTTP/2 server on loopback, each connection in a thread; its log holds what the streams carried."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset, WindowUpdated
from h2.exceptions import ProtocolError

from wire.archived import story

Pairs = list[tuple[bytes, bytes]]
STORY = story("harbour")
LONG = b"".join(b"%d words, " % n for n in range(40_000))
"More than a stream may send before the other side has made room."


@dataclass(frozen=True)
class H2Answer:
    """What a stream is answered with."""

    body: bytes = STORY
    status: int = 200
    extra: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"text/html"),)
    interim: Pairs = field(default_factory=list)
    reset: bool = False
    "The stream is given up after half of the body."
    unchanged: bool = False
    "A conditional request is answered with 304."


H2_ANSWERS = {
    "/robots.txt": H2Answer(b"", 404),
    "/story": H2Answer(),
    "/zipped": H2Answer(gzip.compress(STORY, mtime=0), extra=((b"content-encoding", b"gzip"),)),
    "/long": H2Answer(LONG),
    "/gone": H2Answer(b"gone", 410),
    "/nothing": H2Answer(b"", 204),
    "/moved": H2Answer(b"", 302, ((b"location", b"/story?moved"),)),
    "/cookies": H2Answer(extra=((b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))),
    "/hints": H2Answer(interim=[(b":status", b"103"), (b"link", b"</a.css>")]),
    "/wrong-length": H2Answer(b"five!", extra=((b"content-length", b"500"),)),
    "/reset": H2Answer(reset=True),
    "/etag": H2Answer(extra=((b"etag", b'"a"'),), unchanged=True),
}
H2_MISSING = H2Answer(b"", 404)
"All else, such as what a site might say of its use by machines."


@dataclass
class Stream:
    """One request as it came, and what of its answer is still to be sent."""

    headers: Pairs
    body: bytes = b""
    waiting: bytes = b""
    answer: H2Answer | None = None


@dataclass
class H2Server:
    """Answers by path over TLS; `log` holds the streams in the order in which they came."""

    pem: Path
    log: list[Stream] = field(default_factory=list)
    connections: int = 0
    scheme: str = "https"

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.pem)
        self._context.set_alpn_protocols(["h2"])

    @property
    def base(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        # Closing alone would leave the thread that waits for a connection waiting, and let one more in.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _connection(self, connection: socket.socket) -> None:
        try:
            with self._context.wrap_socket(connection, server_side=True) as wire:
                Streams(wire.sendall, self.log).run(wire.recv)
        except (OSError, ProtocolError):
            return


class Streams:
    """The streams of one connection."""

    def __init__(self, send: Callable[[bytes], None], log: list[Stream]) -> None:
        self.send = send
        self.log = log
        self.connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        # A wrong length is what some answers are there to show.
        self.connection.config.validate_outbound_headers = False
        self.open: dict[int, Stream] = {}

    def run(self, receive: Callable[[int], bytes]) -> None:
        self.connection.initiate_connection()
        self.send(self.connection.data_to_send())
        while data := receive(65536):
            for event in self.connection.receive_data(data):
                self.on(event)
            self.send(self.connection.data_to_send())

    def on(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self.open[event.stream_id] = Stream(list(event.headers))
            self.log.append(self.open[event.stream_id])
        elif isinstance(event, DataReceived):
            self.open[event.stream_id].body += event.data
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.answer(event.stream_id)
        elif isinstance(event, StreamReset):
            self.open.pop(event.stream_id, None)
        elif isinstance(event, WindowUpdated):
            for number in [event.stream_id] if event.stream_id else list(self.open):
                self.go_on(number)

    def answer(self, number: int) -> None:
        stream = self.open[number]
        asked = dict(stream.headers)
        answer = H2_ANSWERS.get(asked[b":path"].decode().partition("?")[0], H2_MISSING)
        if answer.interim:
            self.connection.send_headers(number, answer.interim)
        status = 304 if answer.unchanged and b"if-none-match" in asked else answer.status
        self.connection.send_headers(number, [(b":status", b"%d" % status), *answer.extra])
        stream.answer = answer
        without = status == 304 or asked[b":method"] == b"HEAD"
        stream.waiting = b"" if without else answer.body
        self.go_on(number)

    def go_on(self, number: int) -> None:
        """Send as much of the body as there is room for."""
        stream = self.open.get(number)
        if stream is None or stream.answer is None:
            return
        connection = self.connection
        while stream.waiting and (room := connection.local_flow_control_window(number)):
            size = min(room, connection.max_outbound_frame_size)
            if stream.answer.reset:
                connection.send_data(number, stream.waiting[: size // 2])
                connection.reset_stream(number, ErrorCodes.INTERNAL_ERROR)
                del self.open[number]
                return
            connection.send_data(number, stream.waiting[:size])
            stream.waiting = stream.waiting[size:]
        if not stream.waiting:
            connection.end_stream(number)
            del self.open[number]
