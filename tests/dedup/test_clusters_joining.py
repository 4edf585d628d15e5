"""Who is whose copy, and which of them is the original."""

from __future__ import annotations

import random
from typing import NamedTuple

from dedup.planted import drawn

from newscrawl.dedup.clusters import Other, joined, matches, original_among
from newscrawl.dedup.fingerprints import Words, words_of


class Row(NamedTuple):
    id: int
    url: str
    published: int
    agency: str | None = None
    own: str | None = None
    original_url: str | None = None


def of_itself(other: Other) -> Words:
    return other.words


def other(number: int, text: str, cluster: str | None = None) -> Other:
    return Other(number, f"outlet {number}", cluster, words_of(text))


def test_the_earliest_is_the_original_whichever_was_found_first() -> None:
    assert original_among([Row(1, "a", 20), Row(2, "b", 10), Row(3, "c", 10)]).id == 2


def test_the_agencys_own_text_is_the_original_though_it_came_later() -> None:
    members = [Row(1, "a", 10, agency="AFP"), Row(2, "b", 30, own="AFP"), Row(3, "c", 20, own="PTI")]
    assert original_among(members).id == 2


def test_an_agency_that_nobody_names_is_a_member_like_all() -> None:
    assert original_among([Row(1, "a", 10), Row(2, "b", 30, own="AFP")]).id == 1


def test_the_page_that_others_point_at_is_the_original() -> None:
    members = [
        Row(1, "a", 10, agency="AFP", original_url="c"),
        Row(2, "b", 5, own="AFP"),
        Row(3, "c", 20),
    ]
    assert original_among(members).id == 3


def test_a_text_joins_the_nearest_and_what_has_words_in_common_with_that() -> None:
    dice = random.Random(5)
    story = [drawn(dice, 40) for _ in range(6)]
    whole, start, most = (words_of("\n".join(part)) for part in (story, story[:2], story[:5]))
    near = [Other(1, "a", "one", start), Other(2, "b", "two", most)]
    found = matches(whole, "c", near)
    assert [match.other.id for match in found] == [2, 1]
    assert [each.id for each in joined(found, of_itself)] == [2, 1]


def test_a_digest_of_two_stories_does_not_make_them_one() -> None:
    dice = random.Random(6)
    one, two = drawn(dice, 120), drawn(dice, 100)
    found = matches(words_of(f"{one} {two}"), "digest", [other(1, one), other(2, two)])
    assert [match.other.id for match in found] == [1, 2]
    assert [each.id for each in joined(found, of_itself)] == [1]


def test_members_of_one_cluster_are_taken_once() -> None:
    text = drawn(random.Random(7), 100)
    found = matches(words_of(text), "new", [other(1, text, "same"), other(2, text, "same")])
    assert [each.id for each in joined(found, of_itself)] == [1]
    assert joined([], of_itself) == []
