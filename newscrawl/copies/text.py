"""An article as far as copies of it are looked for."""

from __future__ import annotations

from dataclasses import dataclass

from newscrawl.copies.names import Names
from newscrawl.copies.words import Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """One text of one page."""

    key: bytes
    "Identity of the page."
    article: str
    "Id of the article."
    outlet: str
    url: str
    title: str | None
    lang: str | None
    published: int
    "When it says it was published, else when it was fetched, in seconds."
    seen: int
    "When it was fetched."
    agency: str | None
    "The agency it names as its source."
    own: str | None
    "The agency whose own outlet this is."
    original_url: str | None
    "Where it says it was taken from."
    words: Words
    names: Names
