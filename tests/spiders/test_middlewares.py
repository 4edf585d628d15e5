"""What Scrapy would do with requests behind the spider's back."""

from __future__ import annotations

from pathlib import Path

import pytest
from wire.crawl import crawl_urls
from wire.server import WireServer, serving

from newscrawl.spiders.base import PAGES_IN_FLIGHT
from newscrawl.urls import MAX_URL_CHARS


@pytest.mark.crawl
def test_a_page_whose_address_is_long_once_it_is_encoded_ends_like_any_other(tmp_path: Path) -> None:
    """By the length of its encoded URL a request may be dropped, and no spider is told."""
    with serving(WireServer()) as server:
        urls = [f"{server.base}/missing/{number}/{'é' * 400}" for number in range(PAGES_IN_FLIGHT + 2)]
        done = crawl_urls(urls, tmp_path, NEWSCRAWL_FETCH_RIGHTS_FILES=0, ROBOTSTXT_OBEY=0)
    assert not any(b"\nReferer:" in one.received for one in server.log)
    assert max(map(len, urls)) < MAX_URL_CHARS < 6 * 400
    assert sum(done.report["rejected"].values()) == len(urls)
    assert done.report["frontier"]["fetching"] == 0
