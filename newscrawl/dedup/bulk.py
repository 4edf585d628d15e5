"""Copies among millions of texts at once, in memory: fingerprints are sorted, not looked up one by one."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newscrawl.dedup.articles import numbers_of, values_of
from newscrawl.dedup.clusters import (
    LEAST_SHARED,
    MOST_OTHERS,
    SECONDS,
    Match,
    Other,
    can_cross,
    joined,
    matches,
    may_be_one,
    original_among,
    rarest,
    story_score,
)
from newscrawl.dedup.fingerprints import LEAST_PRINTS, Text, Words, prints_of
from newscrawl.dedup.incremental import DAY, WINDOW_DAYS, Found
from newscrawl.state.duplicates import CopyTable
from newscrawl.state.urls import BATCH as BATCH_ANEW

TEXT_BITS = 24
"Beside the bits of a fingerprint in one number of 64: so many texts fit at most."
COMMON = 300
"A name that so many texts have finds none."
BATCH, PART = 10_000, 2_000_000
"Texts, and fingerprints, that are worked on at a time."
_TEXT = np.uint64((1 << TEXT_BITS) - 1)
_SHIFT = np.uint64(TEXT_BITS)


class Link(NamedTuple):
    """Two texts, by their places, that tell of one event in two languages."""

    one: int
    other: int
    score: float


class Book:
    """Clusters as they grow; texts are numbered by their places."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts
        self.cluster: list[str | None] = [None] * len(texts)
        self.members: dict[str, list[int]] = {}
        "The first text first."

    def other(self, at: int) -> Other:
        text = self._texts[at]
        return Other(at, text.outlet, self.cluster[at], text.words)

    def head(self, other: Other) -> Words:
        return self._texts[self.members[other.cluster][0]].words if other.cluster else other.words

    def join(self, at: int, found: Sequence[Match]) -> None:
        """The text goes where its matches are; clusters that turn out to be one become the eldest of them."""
        taken = joined(found, self.head)
        if not taken:
            return
        clusters = {other.cluster for other in taken if other.cluster}
        into = min(clusters, key=lambda name: self.members[name][0], default=None)
        into = into or self._begun(at, taken[0].id)
        moved = [at, *(other.id for other in taken if not other.cluster)]
        for name in clusters - {into}:
            moved += self.members.pop(name)
        self.members[into] = sorted({*self.members.get(into, ()), *moved})
        for member in moved:
            self.cluster[member] = into

    def _begun(self, at: int, other: int) -> str:
        earlier = min((self._texts[other], self._texts[at]), key=lambda text: text.published)
        return earlier.article


def clusters_of(texts: Sequence[Text], seconds: int) -> Book:
    """The clusters of texts, which stand in the order they were seen in; so many seconds apart at most."""
    book = Book(texts)
    for at, others in candidates(prints_of(text.words) for text in texts):
        text = texts[at]
        near = [book.other(other) for other in others if text.seen - texts[other].seen <= seconds]
        book.join(at, matches(text.words, text.outlet, near))
    return book


def candidates(prints: Iterable[NDArray[np.uint64]]) -> Iterator[tuple[int, list[int]]]:
    """Texts, ascending, and earlier ones that share fingerprints with them, the most first."""
    packed, counts = _packed(prints)
    packed.sort()
    pairs = np.concatenate([np.empty(0, np.uint64), *(_pairs(part) for part in _parts(packed))])
    del packed
    codes, shared = np.unique(pairs, return_counts=True)
    later = (codes >> _SHIFT).astype(np.int64)
    earlier = (codes & _TEXT).astype(np.int64)
    wanted = shared >= np.minimum(LEAST_PRINTS, np.minimum(counts[later], counts[earlier]))
    later, earlier, shared = later[wanted], earlier[wanted], shared[wanted]
    order = np.lexsort((earlier, -shared, later))
    later, earlier = later[order], earlier[order]
    ends = np.flatnonzero(np.diff(later, append=-1)) + 1
    for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=False):
        if end > start:
            yield int(later[start]), earlier[start : min(end, start + MOST_OTHERS)].tolist()


def _packed(prints: Iterable[NDArray[np.uint64]]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Every fingerprint with its text in its low bits, and how many each text has."""
    packed, counts = [np.empty(0, np.uint64)], list[NDArray[np.int64]]()
    for start, batch in enumerate(_batches(prints)):
        lengths = np.array([len(each) for each in batch], np.int64)
        places = np.arange(len(batch), dtype=np.uint64) + np.uint64(start * BATCH)
        packed.append(np.concatenate(batch) << _SHIFT | np.repeat(places, lengths))
        counts.append(lengths)
    return np.concatenate(packed), np.concatenate([np.empty(0, np.int64), *counts])


def _batches(prints: Iterable[NDArray[np.uint64]]) -> Iterator[list[NDArray[np.uint64]]]:
    rest = iter(prints)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _parts(packed: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    """Sorted fingerprints in pieces that memory has room to work on; none is divided from its like."""
    start = 0
    while start < len(packed):
        last = packed[min(start + PART, len(packed)) - 1]
        end = int(np.searchsorted(packed, last | _TEXT, side="right"))
        yield packed[start:end]
        start = end


def _pairs(packed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Of the texts with a fingerprint, each with the one before it and with the first: later, then earlier.

    All pairs would be too many of a phrase that thousands share; copies meet in other fingerprints as well.
    """
    is_same = np.concatenate(([False], packed[1:] >> _SHIFT == packed[:-1] >> _SHIFT))
    here = np.flatnonzero(is_same)
    first = np.maximum.accumulate(np.where(is_same, 0, np.arange(len(packed), dtype=np.int64)))[here]
    is_third = first < here - 1
    text = packed[here] & _TEXT
    before, begun = packed[here - 1] & _TEXT, packed[first[is_third]] & _TEXT
    return np.concatenate((text << _SHIFT | before, text[is_third] << _SHIFT | begun))


def links_of(texts: Sequence[Text]) -> Iterator[Link]:
    """Texts of one event in two languages, each with the best of those before it."""
    holders: dict[int, deque[int]] = defaultdict(deque)
    for at, text in enumerate(texts):
        if not can_cross(text.lang, text.names):
            continue
        names = text.names.tolist()
        since = text.seen - SECONDS
        for name in names:
            _let_go(holders[name], texts, since)
        if link := _best(at, texts, holders):
            yield link
        for name in names:
            holders[name].append(at)


def _let_go(places: deque[int], texts: Sequence[Text], since: int) -> None:
    while places and texts[places[0]].seen < since:
        places.popleft()


def _best(at: int, texts: Sequence[Text], holders: dict[int, deque[int]]) -> Link | None:
    text = texts[at]
    spread = {name: len(holders[name]) for name in text.names.tolist()}
    few = [name for name in rarest(spread, spread) if 0 < spread[name] <= COMMON]
    shared = Counter(other for name in few for other in holders[name])
    near = [other for other, count in shared.most_common(MOST_OTHERS) if count >= LEAST_SHARED]
    links = (_scored(at, other, texts, holders) for other in near)
    return max((link for link in links if link.score), key=lambda link: link.score, default=None)


def _scored(at: int, other: int, texts: Sequence[Text], holders: dict[int, deque[int]]) -> Link:
    text, found = texts[at], texts[other]
    if not may_be_one(text.lang, text.published, found.lang, found.published):
        return Link(other, at, 0.0)
    spread = _spread((*text.names.tolist(), *found.names.tolist()), holders)
    return Link(other, at, story_score(text.names, found.names, spread, at + 1))


def _spread(names: Iterable[int], holders: dict[int, deque[int]]) -> dict[int, int]:
    return {name: len(holders[name]) for name in names if name in holders}


_SHIFT_OF_ANEW = np.uint64(TEXT_BITS - 1)
"One bit less for rows than for texts: what is looked up has one more than a fingerprint, for names."
_ROW = np.uint64((1 << TEXT_BITS - 1) - 1)


def rebuild(table: CopyTable, texts: Sequence[Text], now: int, *, days: int = WINDOW_DAYS) -> Found:
    """Find all copies anew among texts in the order in which they were fetched; what was known goes."""
    book, links = clusters_of(texts, days * DAY), list(links_of(texts))
    repeats = dict(_repeats(book, texts))
    since = now - days * DAY
    with table.writing() as rows:
        rows.clear()
        rows.add_all(
            values_of(text)
            | {"id": at + 1, "article": text.article}
            | {"cluster": book.cluster[at], "duplicate_of": repeats.get(at)}
            | ({} if text.seen >= since else {"words": None, "names": None})
            for at, text in enumerate(texts)
        )
        rows.add_prints(_looked_up(texts, since))
        for one, other, score in links:
            rows.link(one + 1, other + 1, score)
    return Found(len(texts), sum(map(len, book.members.values())), len(links))


def _looked_up(texts: Sequence[Text], since: int) -> Iterator[tuple[int, int]]:
    """What texts of the last days are looked up by, in the order of the table, which is the fastest."""
    places = [at for at, text in enumerate(texts) if text.seen >= since]
    numbers = [np.array(numbers_of(texts[at].words, texts[at].names), np.uint64) for at in places]
    if not numbers:
        return
    packed = np.concatenate(numbers) << _SHIFT_OF_ANEW
    packed |= np.repeat(np.array(places, np.uint64) + np.uint64(1), [len(each) for each in numbers])
    packed.sort()
    for part in np.array_split(packed, len(packed) // BATCH_ANEW + 1):
        yield from zip((part >> _SHIFT_OF_ANEW).tolist(), (part & _ROW).tolist(), strict=True)


class _Placed(NamedTuple):
    """A text as a member of a cluster."""

    id: int
    url: str
    published: int
    agency: str | None
    own: str | None
    original_url: str | None


def _repeats(book: Book, texts: Sequence[Text]) -> Iterator[tuple[int, str]]:
    """Places of texts that repeat another, and its id."""
    for members in book.members.values():
        original = original_among([_placed(at, texts[at]) for at in members]).id
        yield from ((at, texts[original].article) for at in members if at != original)


def _placed(at: int, text: Text) -> _Placed:
    return _Placed(at, text.url, text.published, text.agency, text.own, text.original_url)
