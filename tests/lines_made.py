"""Lines of articles as runs leave them, made without a crawl."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from newscrawl.archive.lines import json_line
from newscrawl.items import Article, WarcPointer
from newscrawl.schema import ARTICLE


def article(page: int = 0, text: str = "Le conseil s'est réuni.", **fields: Any) -> Article:
    """The example's article at a page of its own; fields as they are given."""
    url = f"https://www.example.org/{page}"
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    plain: dict[str, Any] = {
        "id": hashlib.sha256(f"{url} {digest}".encode()).hexdigest()[:32],
        "url": url,
        "url_norm": url,
        "text": text,
        "text_sha256": digest,
        "char_count": len(text),
        "duplicate_of": None,
        "warc": WarcPointer(file="a.warc.gz", offset=page, length=1, record_id=f"<urn:uuid:{page:036d}>"),
    }
    return ARTICLE.model_copy(update=plain | fields)


def write_run(
    archives: Path,
    items: Iterable[Article | bytes],
    *,
    outlet: str = "example",
    day: str = "20260304",
    pid: int = 1,
) -> Path:
    """The file of a run's articles; bytes stand in it as they are."""
    path = archives / outlet / f"{outlet}-{day}050607891-{pid}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(item if isinstance(item, bytes) else json_line(item) for item in items))
    return path
