"""Links between documents of a rebuild that report the same event in two languages."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from newscrawl.dedup.clusters import (
    LINK_SECONDS,
    MAX_CANDIDATES,
    MIN_SHARED_LOOKUPS,
    LinkText,
    best_link,
    is_linkable,
    may_translate,
    rarest_names,
)

MAX_NAME_FREQUENCY = 300
"Names that more documents have are not looked up."
HISTORY_SECONDS = 2 * LINK_SECONDS
"Earlier documents of this span decide a link: those within reach, and those within reach of these."


class CrossLink(NamedTuple):
    """Two documents, by number, that report the same event in two languages."""

    first: int
    second: int
    score: float


def find_links(texts: Sequence[LinkText], *, first: int = 0, start: int = 0) -> Iterator[CrossLink]:
    """Link each document to the best earlier document that reports the same event in another language.

    Documents before the index `start` are only linked to; they must reach back HISTORY_SECONDS. `first` is
    the number of the first document.
    """
    holders: dict[int, list[int]] = defaultdict(list)
    oldest = 0
    for index, text in enumerate(texts):
        if not is_linkable(text.lang, text.names):
            continue
        while texts[oldest].fetched_at < text.fetched_at - LINK_SECONDS:
            oldest += 1
        names = text.names.tolist()
        for name in names:
            held = holders[name]
            if held and held[0] < oldest:
                del held[: bisect_left(held, oldest)]
        if index >= start and (best := _best_earlier(index, texts, holders, first + index + 1)):
            yield CrossLink(first + best[0], first + index, best[1])
        for name in names:
            holders[name].append(index)


def _best_earlier(
    index: int, texts: Sequence[LinkText], holders: Mapping[int, Sequence[int]], documents: int
) -> tuple[int, float] | None:
    text = texts[index]
    frequencies = {name: len(holders[name]) for name in text.names.tolist()}
    rare = [
        name for name in rarest_names(frequencies, frequencies) if 0 < frequencies[name] <= MAX_NAME_FREQUENCY
    ]
    shared = Counter(other for name in rare for other in holders[name])
    near = [other for other, count in shared.most_common(MAX_CANDIDATES) if count >= MIN_SHARED_LOOKUPS]
    candidates = [(other, texts[other].names) for other in near if may_translate(text, texts[other])]
    every_name = chain.from_iterable(names.tolist() for _, names in candidates)
    frequencies |= {name: len(holders[name]) for name in every_name if name in holders}
    return best_link(text.names, candidates, frequencies, documents)
