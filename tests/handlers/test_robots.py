"""A forbidden page is not fetched, however many requests wait for robots.txt at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from wire.crawl import crawl_urls

from newscrawl.demo.message import Request, Response
from newscrawl.demo.server import Newsroom, running


class Forbidding:
    """Forbids all but one page."""

    id = "forbidding"

    def respond(self, request: Request) -> Response:
        if request.path == "/robots.txt":
            return Response(body=b"User-agent: *\nDisallow: /closed", content_type="text/plain")
        return Response(body=b"<html><body>A page.</body></html>")


@pytest.mark.crawl
def test_every_request_that_waits_for_robots_txt_obeys_it(tmp_path: Path) -> None:
    with running(Newsroom([Forbidding()])) as served:
        base = served.bases["forbidding"]
        urls = [f"{base}/closed/{n}" for n in range(9)]
        done = crawl_urls([*urls, f"{base}/open"], tmp_path, CONCURRENT_REQUESTS_PER_DOMAIN=8)
        asked = [exchange.received.split(b" ")[1] for exchange in served.log]
    assert asked == [b"/robots.txt", b"/open"]
    assert done.report["rejected"]["robots_txt"] == 9
