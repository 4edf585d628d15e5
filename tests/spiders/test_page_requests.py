"""Pages are taken from the frontier several at a time, and the last of them are not forgotten."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from newscrawl.items import Link
from newscrawl.spiders.base import PAGES_IN_FLIGHT, ArchivingSpider
from newscrawl.spiders.run_context import PAGES_AT_ONCE
from newscrawl.state.frontier import MemoryFrontier


def test_pages_are_taken_together() -> None:
    links = PAGES_IN_FLIGHT + PAGES_AT_ONCE + 3
    spider: Any = ArchivingSpider.__new__(ArchivingSpider)
    spider.run, spider.unread_pages = SimpleNamespace(failure=None), {}
    spider.pages_left, spider.page_bytes = links + 9, 0
    spider.frontier = MemoryFrontier()
    spider.frontier.add(Link(url=f"https://paper.example/{n}", via="feed") for n in range(links))

    def take_after_a_page() -> int:
        spider.pages_in_flight -= 1
        return len(list(spider.page_requests()))

    assert len(list(spider.page_requests())) == PAGES_IN_FLIGHT
    taken = [take_after_a_page() for _ in range(2 * PAGES_AT_ONCE)]
    none = [0] * (PAGES_AT_ONCE - 1)
    assert taken == [*none, PAGES_AT_ONCE, *none, 3]
    # A run may take few pages: the last that comes brings what is left.
    spider.pages_in_flight = 1
    spider.frontier.add([Link(url="https://paper.example/last", via="feed")])
    assert take_after_a_page() == 1
