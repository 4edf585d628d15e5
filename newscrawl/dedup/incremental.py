"""New texts against those of the last days, a few at a time: what every run does when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from newscrawl.dedup.articles import NAME, numbers_of, values_of
from newscrawl.dedup.clusters import (
    LEAST_SHARED,
    MOST_OTHERS,
    SECONDS,
    Other,
    can_cross,
    joined,
    matches,
    may_be_one,
    original_among,
    rarest,
    story_score,
)
from newscrawl.dedup.fingerprints import LEAST_PRINTS, Text, Words, prints_of, restored, restored_names
from newscrawl.state.duplicates import CopyRows, CopyTable
from newscrawl.state.urls import batches

WINDOW_DAYS = 7
"A story is copied within days; an older text is compared no more."
DAY = 86_400
BATCH = 50
"Articles of one transaction: other crawls wait for no longer than these take."
FORGOTTEN = 200
"Old texts let go in one transaction."


class Found(NamedTuple):
    """What came of the articles that were looked at."""

    texts: int = 0
    copies: int = 0
    "Of them in a cluster."
    same_story: int = 0
    "Of them told of in another language too."

    def plus(self, other: Found) -> Found:
        return Found(*(one + two for one, two in zip(self, other, strict=True)))


def cluster_texts(table: CopyTable, texts: Iterable[Text], now: int, *, days: int = WINDOW_DAYS) -> Found:
    """Look for copies of each text, oldest first, among all of the last days; known texts are passed by."""
    found = Found()
    for batch in batches(texts, BATCH):
        with table.writing() as rows:
            for text in batch:
                row = rows.at(text.key)
                if row is None or (row.latest != text.article and row.seen <= text.seen):
                    found = found.plus(_cluster_text(rows, text, row))
    with table.writing() as rows:
        forget(rows, now - days * DAY)
    return found


def forget(rows: CopyRows, before: int, most: int = FORGOTTEN) -> int:
    """Let go of old texts; what was found of them stays. Gives how many there were."""
    old = rows.old(before, most)
    for row in old:
        rows.remove_prints(row.id, numbers_of(restored(row.words), restored_names(row.names)))
        rows.change(row.id, {"words": None, "names": None})
    return len(old)


def remove_pages(table: CopyTable, keys: Iterable[bytes]) -> None:
    """Nothing is known of these pages (`rows.key_of`) any more; what they were copies of stays."""
    with table.writing() as rows:
        for key in keys:
            if row := rows.at(key):
                if row.words is not None:
                    rows.remove_prints(row.id, numbers_of(restored(row.words), restored_names(row.names)))
                rows.remove(row.id)
                _settle(rows, row.cluster)


def _settle(rows: CopyRows, cluster: str | None) -> None:
    """Say of every member which is the original; one that is left alone is in no cluster."""
    members = rows.members(cluster) if cluster else []
    if len(members) == 1:
        rows.change(members[0].id, {"cluster": None, "duplicate_of": None})
    elif cluster and members:
        original = original_among(members)
        rows.name_original(cluster, original.id, original.latest)


def _cluster_text(rows: CopyRows, text: Text, row: Any) -> Found:
    """Keep one text; `row` holds the one its page had before."""
    prints, names = prints_of(text.words).tolist(), [NAME | name for name in text.names.tolist()]
    number = _kept(rows, text, row)
    rows.add_prints((each, number) for each in (*prints, *names))
    cluster = row.cluster if row is not None else None
    if cluster is None:
        cluster = _join(rows, text, number, prints)
    _settle(rows, cluster)
    crossed = can_cross(text.lang, text.names) and _cross(rows, text, number, names)
    return Found(1, int(cluster is not None), int(crossed))


def _kept(rows: CopyRows, text: Text, row: Any) -> int:
    """The number of the text's row, which says what the text says."""
    values = values_of(text)
    if row is None:
        return rows.add(values | {"article": text.article})
    if row.words is not None:
        rows.remove_prints(row.id, numbers_of(restored(row.words), restored_names(row.names)))
    rows.change(row.id, values)
    return int(row.id)


def _join(rows: CopyRows, text: Text, number: int, prints: list[int]) -> str | None:
    """The cluster of the text, begun or grown; None when it has no copy."""
    if not prints:
        return None
    least = min(LEAST_PRINTS, len(prints))
    near = {row.id: row for row in rows.rows(rows.sharing(prints, number, least, MOST_OTHERS))}
    others = [Other(row.id, row.outlet, row.cluster, restored(row.words)) for row in near.values()]
    taken = joined(matches(text.words, text.outlet, others), lambda other: _head(rows, other))
    if not taken:
        return None
    clusters = [other.cluster for other in taken if other.cluster]
    cluster = _eldest(rows, clusters) if clusters else _new_cluster(text, near[taken[0].id])
    if len(clusters) > 1:
        rows.merge(clusters, cluster)
    for member in (number, *(other.id for other in taken if not other.cluster)):
        rows.change(member, {"cluster": cluster})
    return cluster


def _head(rows: CopyRows, other: Other) -> Words:
    row = rows.head(other.cluster) if other.cluster else None
    return restored(row.words) if row else other.words


def _eldest(rows: CopyRows, clusters: list[str]) -> str:
    """The cluster that began first; its name is the id of an article, whose row tells."""
    return min(clusters, key=lambda cluster: min(row.id for row in rows.members(cluster)))


def _new_cluster(text: Text, other: Any) -> str:
    """Named for the earlier of two."""
    return other.article if other.published <= text.published else text.article


def _cross(rows: CopyRows, text: Text, number: int, names: list[int]) -> bool:
    """Link the text to the one of another language that tells the same; False when there is none."""
    since = rows.first_since(text.seen - SECONDS)
    few = rarest(names, rows.spread(names, since))
    near = rows.rows(rows.sharing(few, number, LEAST_SHARED, MOST_OTHERS, since))
    others = [
        (row, restored_names(row.names))
        for row in near
        if may_be_one(text.lang, text.published, row.lang, row.published)
    ]
    if not others:
        return False
    every = {int(name) for _, found in others for name in found} | {name - NAME for name in names}
    spread = {name - NAME: count for name, count in rows.spread([NAME | n for n in every], since).items()}
    count = rows.last() - since + 1
    score, row = max(
        ((story_score(text.names, found, spread, count), row) for row, found in others),
        key=lambda scored: (scored[0], -scored[1].id),
    )
    if score:
        rows.link(number, row.id, score)
    return bool(score)
