"""Nothing a source names is fetched while it is read."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.sections import read_section_page
from newscrawl.discovery.sitemaps import read_sitemap


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def test_no_source_makes_a_connection(server: socket.socket) -> None:
    url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
    entities = f'<!ENTITY e SYSTEM "{url}"><!ENTITY % p SYSTEM "{url}"> %p;'
    doctype = f'<!DOCTYPE {{}} PUBLIC "-//X//Y" "{url}" [{entities}]>'
    rss = f'<rss xml:base="{url}"><channel><item><title>&e;</title><link>{url}</link></item></channel></rss>'
    sitemap = f"<urlset><url><loc>{url}</loc><news><title>&e;</title></news></url></urlset>"
    page = f'<link rel="stylesheet" href="{url}"><script src="{url}"></script><a href="{url}">A</a>'
    assert read_feed((doctype.format("rss") + rss).encode(), url).outcome == "ok"
    assert read_feed(url.encode(), url).outcome == "malformed"
    assert read_sitemap((doctype.format("urlset") + sitemap).encode(), url).outcome == "ok"
    assert read_section_page((doctype.format("html") + page).encode(), url, lambda _url: True).outcome == "ok"
    with pytest.raises(BlockingIOError):
        server.accept()
