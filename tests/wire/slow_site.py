"""An outlet of four hundred pages that come one by one, so that a crawl can be stopped in the middle."""

from __future__ import annotations

import threading
from pathlib import Path

from newscrawl.demo.http import Request, Response


class SlowSite:
    """Pages that come one by one, so that a crawl can be stopped in the middle."""

    id = "slow"

    def __init__(self) -> None:
        self.served = 0
        self.enough = threading.Event()

    def respond(self, request: Request) -> Response:
        if request.path == "/robots.txt":
            return Response(status=404, body=b"")
        if request.path == "/":
            links = "".join(f'<p><a href="/story/{n}">Story number {n}</a></p>' for n in range(400))
            return Response(body=f"<html><body>{links}</body></html>".encode())
        self.served += 1
        if self.served == 25:
            self.enough.set()
        text = "".join(
            f"<p>Paragraph {n} of the story at {request.path} says something new.</p>" for n in range(9)
        )
        return Response(
            body=f"<html><head><title>{request.path}</title></head><body><h1>{request.path}</h1>{text}</body></html>".encode()
        )


OUTLET = """
title = "Slow"
home = "{base}/"
country = "CM"
languages = ["en"]
timezone = "Africa/Douala"
kind = "regional"
sections = ["{base}/"]
article_urls = ["/story/[0-9]+$"]
"""


def write_slow_outlet(base: str, folder: Path, name: str = "slow") -> None:
    """Its outlet file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(OUTLET.replace("{base}", base))
