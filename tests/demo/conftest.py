"""A newsroom on loopback, and a client that hides nothing of an answer."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from newscrawl.demo.catalogue import demo_sites
from newscrawl.demo.server import Newsroom, serve_in_thread


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


Fetch = Callable[..., Answer]


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with serve_in_thread(Newsroom(demo_sites(), clock=lambda: datetime(2026, 6, 20, tzinfo=UTC))) as room:
        yield room


@pytest.fixture
def fetch() -> Fetch:
    """GET (or another method) of a URL: status, headers as sent, body without transfer coding."""

    def fetch(url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request(method, target, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    return fetch


@pytest.fixture
def settled(fetch: Fetch) -> Fetch:
    """Like `fetch`, asking once more where the first answer is 503."""

    def settled(url: str, headers: Mapping[str, str] | None = None) -> Answer:
        answer = fetch(url, headers)
        return fetch(url, headers) if answer.status == 503 else answer

    return settled
