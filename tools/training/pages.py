"""Annotated pages to learn from: folders with `truth.jsonl` and the pages it names."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TRUTH = "truth.jsonl"
FOLDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    id: str
    url: str
    html: bytes
    dataset: str
    page_type: str
    body: str | None
    "The whole story; None where only some segments of it are known."
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    "Segments that are, and are not, in the story."

    @property
    def site(self) -> str:
        """The registered name, roughly: pages of one site stay on one side of every split."""
        parts = (urlsplit(self.url).hostname or self.url).split(".")
        return ".".join(parts[-3:] if len(parts) > 2 and len(parts[-2]) <= 3 else parts[-2:])

    @property
    def lot(self) -> int:
        """A number drawn for its site: what splits are made by."""
        return int(hashlib.sha256(self.site.encode()).hexdigest(), 16)

    @property
    def fold(self) -> int:
        return self.lot % FOLDS


def pages_of(folder: Path) -> Iterator[Page]:
    """The pages of a corpus in the order of its truth."""
    with (folder / TRUTH).open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            whole = row["kind"] == "full"
            yield Page(
                id=row["id"],
                url=row["url"],
                html=gzip.decompress((folder / row["html"]).read_bytes()),
                dataset=row["dataset"],
                page_type=row.get("page_type", "article"),
                body=(row.get("text") or "\n".join(row["paragraphs"])) if whole else None,
                inside=tuple(row.get("with") or ()),
                outside=tuple(row.get("without") or ()),
            )


def listed(pages: Iterator[Page]) -> Iterator[str]:
    """A line for each page: corpus, id, digest of its bytes, address."""
    for page in pages:
        yield f"{page.dataset}\t{page.id}\t{hashlib.sha256(page.html).hexdigest()[:16]}\t{page.url}"
