"""All copies found anew, among millions of texts at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from newscrawl.clustering.texts import numbers_of, values_of
from newscrawl.clustering.window import DAY, WINDOW_DAYS, Found
from newscrawl.copies.bulk import TEXT_BITS, Book, clusters_of, links_of
from newscrawl.copies.joining import original_among
from newscrawl.copies.text import Text
from newscrawl.state.copies import CopyTable
from newscrawl.state.pages import BATCH

_SHIFT = np.uint64(TEXT_BITS - 1)
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
    packed = np.concatenate(numbers) << _SHIFT
    packed |= np.repeat(np.array(places, np.uint64) + np.uint64(1), [len(each) for each in numbers])
    packed.sort()
    for part in np.array_split(packed, len(packed) // BATCH + 1):
        yield from zip((part >> _SHIFT).tolist(), (part & _ROW).tolist(), strict=True)


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
