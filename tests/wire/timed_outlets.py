"""Demo outlets that answer like far servers, and keep by their own clock when each request came and ended."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from newscrawl.demo.catalogue import OUTLET_FILES, demo_site, expected_pages
from newscrawl.demo.http import Request, serialize_response
from newscrawl.urls import normalize_url

LATENCY = 0.1
"Seconds between a request and its answer."


class Exchange(NamedTuple):
    """A request and its answer, by the server's clock."""

    begun: float
    ended: float
    target: str


class TimedOutlet:
    """A copy of a demo outlet under another name and address."""

    def __init__(self, name: str, original: str, host: str) -> None:
        self.name = name
        self.original = original
        self.exchanges: list[Exchange] = []
        self._site = demo_site(original)
        self._requests: Counter[str] = Counter()
        outlet = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outlet.answer(self)

            def log_message(self, *_: object) -> None:
                """The exchanges are the log."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that was killed is no error of the server."""

        self._server = Server((host, 0), Handler)
        self.base = f"http://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        begun, target = time.monotonic(), handler.path
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(
            method="GET", target=target, headers=headers, base=self.base, earlier=self._requests[target]
        )
        self._requests[target] += 1
        _, sent = serialize_response(self._site.respond(request), request, datetime.now(UTC), close=False)
        time.sleep(LATENCY)
        try:
            handler.wfile.write(sent)
        finally:
            self.exchanges.append(Exchange(begun, time.monotonic(), target))

    def write_file(self, folder: Path) -> None:
        """Its outlet file, which appears whole."""
        text = (OUTLET_FILES / f"{self.original}.toml").read_text(encoding="utf-8")
        draft = folder / f"{self.name}.draft"
        draft.write_text(text.replace("{base}", self.base), encoding="utf-8")
        draft.rename(folder / f"{self.name}.toml")

    def stories(self) -> set[str]:
        """Normalised URLs of the articles that crawls must find."""
        pages = expected_pages(self.original).items()
        return {normalize_url(self.base + path) for path, page in pages if page.kind == "article"}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Politeness(NamedTuple):
    """What an outlet's server says of its visitors."""

    requests: int
    overlaps: int
    "Requests that came before the answer to the one before."
    shortest: float
    "Seconds between the beginnings of two requests."


def measure_politeness(exchanges: Sequence[Exchange]) -> Politeness:
    ordered = sorted(exchanges)
    pairs = list(pairwise(ordered))
    return Politeness(
        len(ordered),
        sum(after.begun < before.ended for before, after in pairs),
        min((after.begun - before.begun for before, after in pairs), default=float("inf")),
    )
