"""Texts for tests: whatever is not named is as good as any."""

from __future__ import annotations

from hashlib import sha256

from newscrawl.dedup.fingerprints import Text, names_of, words_of
from newscrawl.state.rows import key_of

NOW = 1_780_000_000


def text(
    body: str,
    url: str,
    *,
    outlet: str = "paper",
    lang: str | None = None,
    published: int = NOW,
    seen: int | None = None,
    agency: str | None = None,
    own: str | None = None,
    original_url: str | None = None,
) -> Text:
    return Text(
        key=key_of(outlet, url),
        article=sha256(f"{outlet}{url}{body}".encode()).hexdigest()[:32],
        outlet=outlet,
        url=url,
        title=None,
        lang=lang,
        published=published,
        seen=published if seen is None else seen,
        agency=agency,
        own=own,
        original_url=original_url,
        words=words_of(body),
        names=names_of(body),
    )
