"""The figures of a run: sums and counts, so that those of several runs add up to those of a longer one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from newscrawl.items import Article

MAX_LENGTHS = 64
"Text lengths kept of one run; of more, as many quantiles."


class Figures(BaseModel):
    """What one run, or several together, brought."""

    # A later version may say more.
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    pages: int = 0
    "Pages with a fate of their own: articles and refused pages, without those whose text was known."
    read: int = 0
    "Of these, pages that came and were read."
    articles: int = 0
    new: int = 0
    "Articles that are the first text of their page."
    rejected: dict[str, int] = Field(default_factory=dict)
    "Refused pages by reason, those whose text was known too."
    filled: dict[str, int] = Field(default_factory=dict)
    "Articles in which a field says something, by field."
    lengths: list[int] = Field(default_factory=list)
    "Characters of the texts, ascending; quantiles of them where there are many."
    kept: int = 0
    "Characters of all texts."
    removed: int = 0
    "Characters of what was taken for chrome on their pages."
    compared: int = 0
    "Characters of texts of runs with enough articles to tell what they share."
    repeated: int = 0
    "Of these, characters of paragraphs that stand in several articles of a run."
    languages: dict[str, int] = Field(default_factory=dict)
    "Articles by language."
    letters: dict[str, int] = Field(default_factory=dict)
    "Letters of the texts by language."
    walls: dict[str, int] = Field(default_factory=dict)
    "Articles before which a wall stands, by its kind."
    spam: int = 0
    "Articles whose title speaks as spam does."
    statuses: dict[str, int] = Field(default_factory=dict)
    "Answers by HTTP status."
    lost: int = 0
    "Pages that no answer came for."
    listed: int = 0
    "Entries of the feeds that were read."
    own: int = 0
    "Of these, entries that are stories of the outlet by their address."
    offered: int = 0
    "Links from any source that were not known before."
    newest: int | None = None
    "The latest date of an entry, in seconds since the epoch; None where none was dated or nothing was read."
    sources: dict[str, int] = Field(default_factory=dict)
    "Sources asked, by outcome."
    left: int = 0
    "Links that waited when the run ended."
    bytes: int = 0
    "Bytes of the archive."


_COUNTED = tuple(name for name, field in Figures.model_fields.items() if field.annotation is int)
_BY_NAME = tuple(name for name, field in Figures.model_fields.items() if field.annotation == dict[str, int])


def pooled(several: Sequence[Figures]) -> Figures:
    """The figures of several runs as if they were one."""
    dated = [one.newest for one in several if one.newest is not None]
    values: dict[str, Any] = {name: sum(getattr(one, name) for one in several) for name in _COUNTED}
    values |= {name: added(getattr(one, name) for one in several) for name in _BY_NAME}
    lengths = sorted(length for one in several for length in one.lengths)
    return Figures(**values, lengths=lengths, newest=max(dated, default=None))


def added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts by name, added up."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def thinned(lengths: Iterable[int]) -> list[int]:
    """At most MAX_LENGTHS of them, ascending, at even distances, the shortest and the longest included."""
    ordered = sorted(lengths)
    if len(ordered) <= MAX_LENGTHS:
        return ordered
    step = (len(ordered) - 1) / (MAX_LENGTHS - 1)
    return [ordered[round(number * step)] for number in range(MAX_LENGTHS)]


def figures_text(figures: Figures) -> str:
    """As kept between runs: what is nothing is left out."""
    return figures.model_dump_json(exclude_defaults=True)


def figures_from(text: str | None) -> Figures:
    """Those kept; none where nothing was kept, or by a version that wrote something else."""
    try:
        return Figures.model_validate_json(text or "{}")
    except ValidationError:
        return Figures()


_LOUD = re.compile(
    r"\b(?:viagra|cialis|levitra|tramadol|slot(?:s)? gacor|situs (?:slot|judi)|judi online|togel|"
    r"toto macau|rtp live|bandar (?:bola|togel)|sv388|sabung ayam|pg slot|baccarat online|"
    r"payday loans?|essay writing service|buy (?:followers|backlinks)|porn(?:hub)?|xxx|escorts?)\b",
    re.IGNORECASE,
)
_QUIET = re.compile(
    r"\b(?:casinos?|bonus|free spins|no deposit|sans d[eé]p[oô]t|jackpot|slots?|betting|paris sportifs|"
    r"promo code|code promo|1xbet|melbet|mostbet|pin[- ]?up|aviator|crypto|bitcoin|forex|replica|"
    r"weight loss|cbd|gummies|keto|dating)\b",
    re.IGNORECASE,
)
TWICE = 2


def speaks_as_spam(title: str) -> bool:
    """One word that hardly any newsroom prints, or two different ones that few print together."""
    words = {found.group().lower() for found in _QUIET.finditer(title)}
    return bool(_LOUD.search(title)) or len(words) >= TWICE


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
