"""The figures of a run: sums and counts, so that those of several runs add up to those of a longer one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
