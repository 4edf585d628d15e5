"""Which cluster a text belongs to, and which of its members is the original."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np

from newscrawl.dedup.fingerprints import FIGURE_OF_NAMES as FIGURE
from newscrawl.dedup.fingerprints import Names, Words
from newscrawl.dedup.similarity import Likeness, is_copy, likeness

MOST_OTHERS = 40
"Texts that one is compared with, those that share the most fingerprints first."
HEADS_SHARE = 0.25
"So much do the first texts of two clusters share that a text joins into one; a digest of both does not."


class Other(NamedTuple):
    """A text that may be of the same story."""

    id: int
    "Ascends with time."
    outlet: str
    cluster: str | None
    words: Words


class Match(NamedTuple):
    """Another text of the same story."""

    other: Other
    nearness: float
    "Shared words of all that both have."


def matches(words: Words, outlet: str, others: Iterable[Other]) -> list[Match]:
    """The copies among others, the nearest first, of equally near ones the first."""
    found = [(other, likeness(words, other.words)) for other in others]
    copies = [
        Match(other, nearness(alike, len(words) + len(other.words)))
        for other, alike in found
        if is_copy(alike, at_home=other.outlet == outlet)
    ]
    return sorted(copies, key=lambda match: (-match.nearness, match.other.id))


def nearness(alike: Likeness, words: int) -> float:
    return alike.shared / max(1, words - alike.shared)


def joined(found: Sequence[Match], head: Callable[[Other], Words]) -> list[Other]:
    """Of the matches, the nearest first, one of each cluster that the text belongs to.

    `head` gives the first text of another's cluster. Two clusters become one only if those share words.
    """
    if not found:
        return []
    nearest = found[0].other
    first, taken, clusters = head(nearest), [nearest], {nearest.cluster or nearest.id}
    for other, _ in found[1:]:
        if (other.cluster or other.id) in clusters:
            continue
        clusters.add(other.cluster or other.id)
        if likeness(first, head(other)).share >= HEADS_SHARE:
            taken.append(other)
    return taken


def original_among(members: Sequence[Any]) -> Any:
    """The one that others name as their source, else the agency's own, else the earliest.

    Members have the columns of `copies`: id, url, published, agency, own, original_url.
    """
    named = {member.original_url for member in members}
    agencies = {member.agency for member in members if member.agency}
    found = (
        [member for member in members if member.url in named]
        or [member for member in members if member.own in agencies]
        or members
    )
    return min(found, key=lambda member: (member.published, member.id))


HOURS = 48
SECONDS = HOURS * 3600
"Two texts further apart than this tell of two events."
LEAST_NAMES, LEAST_FIGURES = 3, 2
"Shared ones. Without figures a story cannot be told from the next one of the same people."
NAME_SHARE, FIGURE_SHARE = 0.3, 0.5
"Of the names and figures of the text that has fewer, by weight."
RAREST, LEAST_SHARED = 12, 3
"Names by which texts are looked up, those that few others have; so many must be shared."
_LANGUAGES = frozenset({"mixed", "other", "und"})


def language_of(lang: str | None) -> str | None:
    """The language without its region; None when a text has no one language."""
    base = (lang or "").partition("-")[0]
    return None if not base or base in _LANGUAGES else base


def can_cross(lang: str | None, names: Names) -> bool:
    """Whether a text says enough to be looked for in other languages."""
    figures = int(np.count_nonzero(names & FIGURE))
    return bool(language_of(lang)) and figures >= LEAST_FIGURES and len(names) - figures >= LEAST_NAMES


def may_be_one(lang: str | None, published: int, other_lang: str | None, other_published: int) -> bool:
    """Whether languages differ and dates do not."""
    one, other = language_of(lang), language_of(other_lang)
    return bool(one and other and one != other) and abs(published - other_published) <= SECONDS


def rarest(names: Iterable[int], spread: Mapping[int, int]) -> list[int]:
    """The names that the fewest texts have."""
    return sorted(names, key=lambda name: (spread.get(name, 0), name))[:RAREST]


def story_score(mine: Names, yours: Names, spread: Mapping[int, int], texts: int) -> float:
    """0 when the texts do not tell of one event, else how much of the shorter's names and figures is shared.

    `spread` says how many of so many texts have a name: what everybody writes of says little.
    """
    shared = np.intersect1d(mine, yours, assume_unique=True)
    figures = int(np.count_nonzero(shared & FIGURE))
    if figures < LEAST_FIGURES or len(shared) - figures < LEAST_NAMES:
        return 0.0
    weights = {
        int(name): log((texts + 1) / max(1, spread.get(int(name), 1))) for name in np.union1d(mine, yours)
    }
    shares = [_share(weights, mine, yours, kind) for kind in (0, FIGURE)]
    if shares[0] < NAME_SHARE or shares[1] < FIGURE_SHARE:
        return 0.0
    return round(sum(shares) / 2, 3)


def _share(weights: Mapping[int, float], mine: Names, yours: Names, kind: int) -> float:
    """The weight of what is shared of one kind, in that of the text that has less of the kind."""
    one, other = ({int(name) for name in names if name & FIGURE == kind} for names in (mine, yours))
    whole = min(sum(weights[name] for name in names) for names in (one, other))
    return sum(weights[name] for name in one & other) / max(whole, 1e-9)
