"""Small archives as a crawl leaves them, made without one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newscrawl.archive.finished_runs import FinishedRun, find_run
from newscrawl.archive.reextract import extract_at
from newscrawl.archive.report import Report, write_report
from newscrawl.archive.run_files import Run, new_run
from newscrawl.items import Article
from newscrawl.outlet import Outlet
from newscrawl.warc.records import HttpExchange

STARTED = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
WORDS = (
    "The harbour council met on {subject} and heard from fishermen, shopkeepers and two engineers.",
    "Repairs to the {subject} wall will begin before the autumn storms, the chair of the council said.",
    "Nobody spoke against the plan, although several asked who would pay for the {subject} in the end.",
    "A second meeting about the {subject} is planned for next week in the old customs house.",
)


def story(subject: str) -> bytes:
    """A page with a headline and a few paragraphs."""
    text = "".join(f"<p>{line.format(subject=subject)}</p>" for line in WORDS)
    return (
        f"<!DOCTYPE html><html lang='en'><head><title>News of the {subject}</title></head>"
        f"<body><article><h1>News of the {subject}</h1>{text}</article></body></html>"
    ).encode()


def answer(body: bytes, status: str = "200 OK", kind: str = "text/html; charset=utf-8") -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        "X-Odd-CASE: kept",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*lines, "", ""]).encode() + body


def unopened_run(archives: Path, outlet: str, *, pid: int = 7) -> Run:
    """A run whose clock stands and whose records are numbered."""
    serial = itertools.count()
    return new_run(
        outlet=outlet,
        archives=archives,
        started=STARTED,
        pid=pid,
        host="testhost",
        info=(("software", "newscrawl/0 Scrapy/0"),),
        now=lambda: STARTED,
        new_id=lambda: f"<urn:uuid:00000000-0000-4000-8000-{pid:04d}{next(serial):08d}>",
    )


def archived_run(
    archives: Path,
    outlet: str,
    answers: Mapping[str, bytes],
    *,
    rules: Outlet | None = None,
    outcome: str = "ok",
    pid: int = 7,
) -> FinishedRun:
    """A run that asked for these URLs as pages: archive, lines of what is a story, report."""
    run = unopened_run(archives, outlet, pid=pid)
    run.open()
    for place, (url, received) in enumerate(answers.items()):
        exchange = HttpExchange(
            url=url,
            started=STARTED + timedelta(seconds=place),
            sent=b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
            received=received,
            metadata=(("outcome", outcome), ("discovery", json.dumps({"url": url, "via": "list"}))),
        )
        pointer = run.write_exchange(exchange)
        if b" 200 " in received[:20]:
            found = extract_at(run.folder, pointer, rules)
            if isinstance(found, Article):
                run.write_article(found)
    run.close()
    report = Report(
        run=run.id,
        outlet=outlet,
        started="2026-03-01T12:00:00.250000Z",
        finished="2026-03-01T12:05:00.000000Z",
        seconds=300,
        reason="finished",
        warcs=[file.name for file in run.warcs],
        articles=run.articles.count,
    )
    return find_run(str(write_report(run.folder, report)), archives)
