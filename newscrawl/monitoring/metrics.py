"""What a run is measured by: sums and counts, so that several runs add up to a longer run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from newscrawl.digests import blake2b_digest
from newscrawl.items import Article
from newscrawl.monitoring.agreement import Agreement, read_agreement, sum_agreements

MAX_LENGTHS = 64
"Text lengths that a run stores; a run with more articles stores as many quantiles."
FIELDS = ("title", "published", "authors", "lede")
"Fields that articles are expected to have."
MIN_COMPARED = 5
"In a run with fewer articles, a shared paragraph proves little."
SHARED_BY = 3
"A paragraph counts as repeated once so many articles have it."
MAX_ARTICLES = 5000
"The measures of an article take about a kilobyte, and a run may go on for ever."
_SPAM = re.compile(
    r"\b(?:viagra|cialis|levitra|tramadol|slot(?:s)? gacor|situs (?:slot|judi)|judi online|togel|"
    r"toto macau|rtp live|bandar (?:bola|togel)|sv388|sabung ayam|pg slot|baccarat online|"
    r"payday loans?|essay writing service|buy (?:followers|backlinks)|porn(?:hub)?|xxx|escorts?)\b",
    re.IGNORECASE,
)
"Newsrooms hardly ever print these words in a title."
_SPAM_HINT = re.compile(
    r"\b(?:casinos?|bonus|free spins|no deposit|sans d[eé]p[oô]t|jackpot|slots?|betting|paris sportifs|"
    r"promo code|code promo|1xbet|melbet|mostbet|pin[- ]?up|aviator|crypto|bitcoin|forex|replica|"
    r"weight loss|cbd|gummies|keto|dating)\b",
    re.IGNORECASE,
)
MIN_HINTS = 2
"Newsrooms print any of these words, but rarely so many different ones together."


class RunMetrics(BaseModel):
    """The measures of a run, or of several runs together."""

    # A later version may have more fields.
    model_config = ConfigDict(frozen=True, extra="ignore")

    pages: int = 0
    "Articles and rejected pages, without pages whose text had not changed."
    read: int = 0
    "Pages among these that were fetched and read."
    articles: int = 0
    new: int = 0
    "Articles that are the first text of their page."
    rejected: dict[str, int] = Field(default_factory=dict)
    "Rejected pages by reason, including pages whose text had not changed."
    filled: dict[str, int] = Field(default_factory=dict)
    "Number of articles that have a field, by field."
    lengths: list[int] = Field(default_factory=list)
    "Characters of each text, ascending; quantiles if there are many."
    kept: int = 0
    "Characters of all texts."
    removed: int = 0
    "Characters removed from the pages as boilerplate."
    compared: int = 0
    "Characters of the texts of runs that had enough articles to be compared with each other."
    repeated: int = 0
    "Characters among these in paragraphs that several articles of a run have."
    languages: dict[str, int] = Field(default_factory=dict)
    "Articles by language."
    letters: dict[str, int] = Field(default_factory=dict)
    "Letters of the texts by language."
    walls: dict[str, int] = Field(default_factory=dict)
    "Articles behind a wall, by kind of wall."
    spam: int = 0
    "Articles whose title looks like spam."
    witness_whole: int = 0
    "Articles whose feed or API has the whole story."
    witness_close: int = 0
    "Articles among these on which the classifier agrees with the witness."
    witness_partial: int = 0
    "Articles whose feed or API has a part of the story."
    witness_common: int = 0
    "Characters of blocks that the classifier chose and whole witnesses have."
    witness_extra: dict[str, int] = Field(default_factory=dict)
    "Characters of blocks that only the classifier chose, by kind of block."
    witness_missed: dict[str, int] = Field(default_factory=dict)
    "Characters of blocks that only whole witnesses have, by kind of block."
    statuses: dict[str, int] = Field(default_factory=dict)
    "Responses by HTTP status."
    lost: int = 0
    "Pages without a response."
    listed: int = 0
    "Entries of the feeds that were read."
    own: int = 0
    "Entries among these whose address is that of a story of the outlet."
    offered: int = 0
    "New links from any source."
    newest: int | None = None
    "Latest date of an entry, in seconds since the epoch; None if no entry had a date or no feed was read."
    sources: dict[str, int] = Field(default_factory=dict)
    "Requested sources by outcome."
    left: int = 0
    "Links that were waiting when the run ended."
    bytes: int = 0
    "Bytes of WARC."

    @property
    def agreement(self) -> Agreement:
        """How well the classifier agrees with the outlet's feeds and APIs."""
        return Agreement(
            whole=self.witness_whole,
            partial=self.witness_partial,
            close=self.witness_close,
            common=self.witness_common,
            extra=self.witness_extra,
            missed=self.witness_missed,
        )


_SUMS = tuple(name for name, field in RunMetrics.model_fields.items() if field.annotation is int)
_COUNTERS = tuple(
    name for name, field in RunMetrics.model_fields.items() if field.annotation == dict[str, int]
)


def pool_metrics(runs: Sequence[RunMetrics]) -> RunMetrics:
    """Add up the metrics of several runs as if they were a single run."""
    dates = [run.newest for run in runs if run.newest is not None]
    values: dict[str, Any] = {name: sum(getattr(run, name) for run in runs) for name in _SUMS}
    values |= {name: sum_counts(getattr(run, name) for run in runs) for name in _COUNTERS}
    lengths = sorted(length for run in runs for length in run.lengths)
    return RunMetrics(**values, lengths=lengths, newest=max(dates, default=None))


def sum_counts(counters: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add up counts by name."""
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return dict(total)


def sample_lengths(lengths: Iterable[int]) -> list[int]:
    """At most MAX_LENGTHS of them, ascending and evenly spaced, with the shortest and the longest."""
    ordered = sorted(lengths)
    if len(ordered) <= MAX_LENGTHS:
        return ordered
    step = (len(ordered) - 1) / (MAX_LENGTHS - 1)
    return [ordered[round(number * step)] for number in range(MAX_LENGTHS)]


def dump_metrics(metrics: RunMetrics) -> str:
    """Write metrics for the database; fields with their default are omitted."""
    return metrics.model_dump_json(exclude_defaults=True)


def load_metrics(text: str | None) -> RunMetrics:
    """Read what `dump_metrics` wrote; empty metrics if there is none, or a version wrote another form."""
    try:
        return RunMetrics.model_validate_json(text or "{}")
    except ValidationError:
        return RunMetrics()


class ArticleMeasures(NamedTuple):
    """What an article adds to the metrics of its run."""

    is_new: bool
    filled: tuple[str, ...]
    chars: int
    removed: int
    letters: dict[str, int]
    wall: str
    is_spam: bool
    agreement: Agreement | None
    "None where no witness was compared."
    paragraphs: tuple[tuple[bytes, int], ...]
    "Digest and length of each paragraph."


class RunCollector:
    """Collects the articles of a run; a later article with the same id replaces the first."""

    def __init__(self) -> None:
        self._measures: dict[str, ArticleMeasures] = {}

    def add(self, article: Article) -> None:
        if len(self._measures) < MAX_ARTICLES or article.id in self._measures:
            self._measures[article.id] = measure_article(article)

    def metrics(self) -> dict[str, Any]:
        """The fields of `RunMetrics` that depend on articles."""
        articles = self._measures.values()
        compared, repeated = self._count_repeated()
        agreement = sum_agreements(article.agreement for article in articles if article.agreement)
        return {
            "new": sum(article.is_new for article in articles),
            "filled": dict(Counter(name for article in articles for name in article.filled)),
            "lengths": sample_lengths(article.chars for article in articles),
            "kept": sum(article.chars for article in articles),
            "removed": sum(article.removed for article in articles),
            "compared": compared,
            "repeated": repeated,
            "letters": sum_counts(article.letters for article in articles),
            "walls": dict(Counter(article.wall for article in articles if article.wall != "none")),
            "spam": sum(article.is_spam for article in articles),
            "witness_whole": agreement.whole,
            "witness_close": agreement.close,
            "witness_partial": agreement.partial,
            "witness_common": agreement.common,
            "witness_extra": agreement.extra,
            "witness_missed": agreement.missed,
        }

    def _count_repeated(self) -> tuple[int, int]:
        """Characters of all paragraphs, and of those that several articles have."""
        if len(self._measures) < MIN_COMPARED:
            return 0, 0
        articles = [article.paragraphs for article in self._measures.values()]
        holders = Counter(digest for paragraphs in articles for digest in dict(paragraphs))
        everything = [paragraph for paragraphs in articles for paragraph in paragraphs]
        shared = sum(chars for digest, chars in everything if holders[digest] >= SHARED_BY)
        return sum(chars for _, chars in everything), shared


def measure_article(article: Article) -> ArticleMeasures:
    return ArticleMeasures(
        is_new=article.version == 1,
        filled=tuple(name for name in FIELDS if getattr(article, name)),
        chars=article.char_count,
        removed=sum(block.chars for block in article.removed),
        letters={share.lang: share.chars for share in article.lang_mix},
        wall=article.access.wall,
        is_spam=looks_like_spam(article.title or ""),
        agreement=read_agreement(article.quality),
        paragraphs=tuple(
            (blake2b_digest(" ".join(block.text.split()), 8), len(block.text))
            for block in article.text_blocks
        ),
    )


def looks_like_spam(title: str) -> bool:
    hints = {match.group().lower() for match in _SPAM_HINT.finditer(title)}
    return bool(_SPAM.search(title)) or len(hints) >= MIN_HINTS
