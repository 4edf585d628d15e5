"""Run the extractor alone over saved pages: `extractor.py PAGES LIMIT`, in a process of its own."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from newscrawl.demo.saved_pages import saved_pages
from newscrawl.extraction import extract

FETCHED = datetime(2026, 1, 1, tzinfo=UTC)


def run(folder: Path, limit: int) -> None:
    for page in saved_pages(folder)[:limit]:
        extract(page.read(), page.url, headers={"content-type": "text/html"}, fetched=FETCHED)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
