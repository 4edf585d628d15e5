"""Small newsrooms that publish between two ticks of a timer and note when they are asked."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from newscrawl.demo.http import Request, Response
from wire.crawl import FAST

DELAY = 0.4
SHARED = 4
"One of so many hosts has two outlets."


class TickingPaper:
    """A feed and its stories; one more with every call of `publish`."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.count = 2
        self.asked: list[float] = []

    def publish(self) -> None:
        self.count += 1

    def gaps(self) -> list[float]:
        """Seconds between two requests of one crawl or of two."""
        return [after - before for before, after in zip(self.asked, self.asked[1:], strict=False)]

    def respond(self, request: Request) -> Response:
        if request.path == "/robots.txt":
            return Response(status=404, body=b"")
        self.asked.append(time.monotonic())
        if not request.path.startswith("/feed"):
            return Response(body=_page(f"{self.id} {request.path}"))
        items = "".join(
            f"<item><title>Story {n}</title><link>{request.base}/story/{n}</link></item>"
            for n in range(self.count)
        )
        body = f'<rss version="2.0"><channel><title>Paper</title>{items}</channel></rss>'
        return Response(body=body.encode(), content_type="application/rss+xml")


def _page(title: str) -> bytes:
    text = "".join(f"<p>Paragraph {n} of {title} tells what nobody has told before it.</p>" for n in range(9))
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{text}</body></html>".encode()


OUTLET = """
title = "{name}"
home = "{base}/"
country = "CM"
languages = ["en"]
timezone = "Africa/Douala"
kind = "regional"
feeds = ["{base}/feed{suffix}"]
article_urls = ["/story/[0-9]+$"]
"""


def write_ticking_outlets(bases: Mapping[str, str], folder: Path) -> int:
    """Their outlet files, two for some; how many."""
    folder.mkdir(parents=True)
    count = 0
    for number, (name, base) in enumerate(bases.items()):
        for suffix in ("", "/too")[: 2 if number % SHARED == 0 else 1]:
            path = folder / f"{name}{suffix.replace('/', '_')}.toml"
            path.write_text(OUTLET.format(name=name, base=base, suffix=suffix))
            count += 1
    return count


def tick_command(folder: Path, jobs: int) -> list[str]:
    """`newscrawl run --due` as a timer has it."""
    settings = {**FAST, "NEWSCRAWL_OUTLETS": str(folder / "outlets"), "DOWNLOAD_DELAY": str(DELAY)}
    flags = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    command = str(Path(sys.executable).with_name("newscrawl"))
    return [command, "run", "--due", "--jobs", str(jobs), "--archives", str(folder / "a"), *flags]


def make_due(folder: Path) -> None:
    """As if the time between two ticks had passed."""
    with closing(sqlite3.connect(folder / "a" / "state.sqlite")) as state, state:
        state.execute("UPDATE sources SET next_due = 1")
        state.execute("UPDATE outlets SET outlet_digest = NULL")
