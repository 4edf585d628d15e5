"""Annotated pages: folders with `truth.jsonl` and the pages that it names."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TRUTH = "truth.jsonl"
FOLDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    id: str
    url: str
    html: bytes
    charset: str | None = None
    "What the server's header said."
    dataset: str
    page_type: str
    body: str | None
    "The whole story; None if only some segments are annotated."
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    "Segments that are in the story, and segments that are not."
    uncertain: frozenset[str] = frozenset()
    "Texts of blocks that a feed or an API lacks, which does not say that they are no part of the story."

    @property
    def site(self) -> str:
        """The registered domain, roughly: pages of a site are never on both sides of a split."""
        parts = (urlsplit(self.url).hostname or self.url).split(".")
        return ".".join(parts[-3:] if len(parts) > 2 and len(parts[-2]) <= 3 else parts[-2:])

    @property
    def lot(self) -> int:
        """A number drawn for its site, by which pages are split."""
        return int(hashlib.sha256(self.site.encode()).hexdigest(), 16)

    @property
    def draw(self) -> int:
        """A number drawn for the page."""
        return int(hashlib.sha256(self.id.encode()).hexdigest()[:8], 16)

    @property
    def fold(self) -> int:
        return self.lot % FOLDS


def iter_pages(folder: Path) -> Iterator[Page]:
    """Yield the pages of a corpus in the order of `truth.jsonl`."""
    with (folder / TRUTH).open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            whole = row["kind"] == "full"
            yield Page(
                id=row["id"],
                url=row["url"],
                html=gzip.decompress((folder / row["html"]).read_bytes()),
                charset=row.get("charset"),
                dataset=row["dataset"],
                page_type=row.get("page_type", "article"),
                body=(row.get("text") or "\n".join(row["paragraphs"])) if whole else None,
                inside=tuple(row.get("with") or ()),
                outside=tuple(row.get("without") or ()),
                uncertain=frozenset(_optional_texts(row)) if "witness" in row else frozenset(),
            )


def _optional_texts(row: dict[str, Any]) -> Iterator[str]:
    for number in row.get("optional") or ():
        yield row["paragraphs"][number]


def page_list(pages: Iterator[Page]) -> Iterator[str]:
    """Yield a line for each page: corpus, id, digest of its bytes, URL."""
    for page in pages:
        yield f"{page.dataset}\t{page.id}\t{hashlib.sha256(page.html).hexdigest()[:16]}\t{page.url}"
