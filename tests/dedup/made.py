"""Documents for tests, with defaults for everything that does not matter."""

from __future__ import annotations

from hashlib import sha256

from newscrawl.dedup.fingerprints import Document, sketch_names, tokenize
from newscrawl.state.encoding import page_key

NOW = 1_780_000_000


def text(
    body: str,
    url: str,
    *,
    outlet: str = "paper",
    lang: str | None = None,
    published: int = NOW,
    fetched_at: int | None = None,
    agency: str | None = None,
    agency_of_outlet: str | None = None,
    original_url: str | None = None,
) -> Document:
    return Document(
        key=page_key(outlet, url),
        article_id=sha256(f"{outlet}{url}{body}".encode()).hexdigest()[:32],
        outlet=outlet,
        url=url,
        title=None,
        lang=lang,
        published=published,
        fetched_at=published if fetched_at is None else fetched_at,
        agency=agency,
        agency_of_outlet=agency_of_outlet,
        original_url=original_url,
        tokens=tokenize(body),
        names=sketch_names(body),
    )
