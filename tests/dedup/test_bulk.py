"""Many texts at once come out as they do one by one."""

from __future__ import annotations

import random

import numpy as np
from dedup.made import NOW, text
from dedup.planted import copies, drawn, filled_forms, with_a_common_quote

from newscrawl.dedup.bulk import candidates, clusters_of, rebuild
from newscrawl.dedup.fingerprints import Text, prints_of
from newscrawl.dedup.incremental import DAY, cluster_texts
from newscrawl.state.database import Database
from newscrawl.state.duplicates import CopyTable

RECALL = 0.97


def planted() -> tuple[list[str], list[Text]]:
    """Copies and what only looks like them, in any order: the story of each, and the texts."""
    dice = random.Random(21)
    made = [*copies(dice), *filled_forms(dice, 25), *with_a_common_quote(dice)]
    dice.shuffle(made)
    texts = [
        text(each.text, f"https://x.example/{at}", outlet=each.outlet, published=NOW + at)
        for at, each in enumerate(made)
    ]
    return [each.story for each in made], texts


def pairs(stories: list[str], clusters: list[str | None]) -> tuple[int, int, int]:
    """Pairs of one story found and missed, and pairs of different stories found."""
    found = missed = wrong = 0
    for at, story in enumerate(stories):
        for before in range(at):
            is_one = clusters[at] is not None and clusters[at] == clusters[before]
            found += is_one and story == stories[before]
            wrong += is_one and story != stories[before]
            missed += not is_one and story == stories[before]
    return found, missed, wrong


def test_copies_are_found_and_strangers_are_not_both_ways() -> None:
    stories, texts = planted()
    table = CopyTable(Database.open("sqlite://"))
    outcomes = []
    for way in (cluster_texts, rebuild):
        way(table, texts, NOW + DAY)
        known = table.of_pages(each.key for each in texts)
        outcomes.append([known[each.key] for each in texts])
        found, missed, wrong = pairs(stories, [one.cluster for one in outcomes[-1]])
        print(f"{way.__name__}: {found} pairs found, {missed} missed, {wrong} wrong")
        assert wrong == 0, "precision"
        assert found / (found + missed) >= RECALL
    assert outcomes[0] == outcomes[1]


def test_no_copy_escapes_the_fingerprints() -> None:
    """What all pairs would show, the texts that share fingerprints show."""
    _, texts = planted()
    prints = [prints_of(each.words) for each in texts]
    near = dict(candidates(prints))
    sets = [set(each.tolist()) for each in prints]
    for at in range(0, len(texts), 7):
        sharing = {before for before in range(at) if len(sets[at] & sets[before]) >= 2}
        assert bool(sharing) == bool(near.get(at))
        assert set(near.get(at, ())) <= sharing


def test_nothing_is_near_nothing() -> None:
    assert list(candidates([])) == []
    assert list(candidates([np.empty(0, np.uint64)])) == []


def test_texts_days_apart_are_not_compared() -> None:
    body = drawn(random.Random(1), 100)
    texts = [text(body, f"{day}", published=NOW + day * DAY) for day in (0, 6, 14)]
    book = clusters_of(texts, 7 * DAY)
    assert [one is not None for one in book.cluster] == [True, True, False]
