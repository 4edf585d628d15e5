"""What state knows of hosts, for crawls that have a state; an error of it stops the crawl."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from newscrawl.handlers.recording import utc_now
from newscrawl.state.rows import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.crawler import Crawler

    from newscrawl.state.hosts import HostTable, Robots


class KnownHosts:
    """The table of hosts, or nothing: a replay and the spider `urls` remember none."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    def robots(self, origin: str) -> Robots | None:
        with self._table() as table:
            return table.robots(origin, seconds_of(utc_now())) if table else None
        return None

    def tell_robots(
        self, origin: str, status: int | None, body: bytes = b"", crawl_delay: float | None = None
    ) -> None:
        with self._table() as table:
            if table:
                table.tell_robots(origin, seconds_of(utc_now()), status, body, crawl_delay)

    def paused(self, origin: str) -> int | None:
        with self._table() as table:
            return table.paused(origin, seconds_of(utc_now())) if table else None
        return None

    def pause(self, origin: str, until: int) -> None:
        with self._table() as table:
            if table:
                table.pause(origin, until)

    @contextmanager
    def _table(self) -> Iterator[HostTable | None]:
        spider = self._crawler.spider
        state = getattr(spider, "state", None)
        if not state:
            yield None
            return
        with spider.stopping():  # type: ignore[union-attr]
            yield state.hosts
