"""Which cluster a text belongs to, and which of its members is the original."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from newscrawl.copies.likeness import Likeness, is_copy, likeness
from newscrawl.copies.words import Words

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
