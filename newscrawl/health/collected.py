"""What the articles of a run say together, taken down one by one as they are written."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import Any, NamedTuple

from newscrawl.health.figures import thinned
from newscrawl.health.spam import speaks_as_spam
from newscrawl.items import Article

FIELDS = ("title", "published", "authors", "lede")
"Fields whose filling is watched."
ENOUGH_ARTICLES = 5
"With fewer articles, that two of them share a paragraph tells little."
SHARED_BY = 3
"Articles in which a paragraph has to stand to count as repeated."
MAX_ARTICLES = 5000
"What is noted of an article takes about a kilobyte; a run that goes on and on must not."


class Noted(NamedTuple):
    """One article, as far as it is counted."""

    is_new: bool
    filled: tuple[str, ...]
    chars: int
    removed: int
    letters: dict[str, int]
    wall: str
    is_spam: bool
    blocks: tuple[tuple[bytes, int], ...]
    "Digest and length of each paragraph."


class Collected:
    """The articles of one run. One that takes the line of its double takes its place here too."""

    def __init__(self) -> None:
        self._noted: dict[str, Noted] = {}

    def add(self, article: Article) -> None:
        if len(self._noted) < MAX_ARTICLES or article.id in self._noted:
            self._noted[article.id] = noted(article)

    def figures(self) -> dict[str, Any]:
        """Fields of `Figures` that articles tell."""
        all_noted = self._noted.values()
        letters: Counter[str] = Counter()
        for one in all_noted:
            letters.update(one.letters)
        compared, repeated = self._repeated()
        return {
            "new": sum(one.is_new for one in all_noted),
            "filled": dict(Counter(name for one in all_noted for name in one.filled)),
            "lengths": thinned(one.chars for one in all_noted),
            "kept": sum(one.chars for one in all_noted),
            "removed": sum(one.removed for one in all_noted),
            "compared": compared,
            "repeated": repeated,
            "letters": dict(letters),
            "walls": dict(Counter(one.wall for one in all_noted if one.wall != "none")),
            "spam": sum(one.is_spam for one in all_noted),
        }

    def _repeated(self) -> tuple[int, int]:
        """Characters of all paragraphs, and of those that several articles have."""
        if len(self._noted) < ENOUGH_ARTICLES:
            return 0, 0
        blocks = [one.blocks for one in self._noted.values()]
        holders = Counter(digest for those in blocks for digest in {digest for digest, _ in those})
        everything = [block for those in blocks for block in those]
        shared = sum(chars for digest, chars in everything if holders[digest] >= SHARED_BY)
        return sum(chars for _, chars in everything), shared


def noted(article: Article) -> Noted:
    return Noted(
        is_new=article.version == 1,
        filled=tuple(name for name in FIELDS if getattr(article, name)),
        chars=article.char_count,
        removed=sum(one.chars for one in article.removed),
        letters={share.lang: share.chars for share in article.lang_mix},
        wall=article.access.wall,
        is_spam=speaks_as_spam(article.title or ""),
        blocks=tuple((_digest(block.text), len(block.text)) for block in article.blocks),
    )


def _digest(text: str) -> bytes:
    return blake2b(" ".join(text.split()).encode("utf-8", "replace"), digest_size=8).digest()
