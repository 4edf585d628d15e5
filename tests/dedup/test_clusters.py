"""Who is whose copy and which of them is the original; the same event reported in two languages."""

from __future__ import annotations

import random
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from dedup.made import NOW, text
from dedup.planted import EVENTS, drawn, originals

from newscrawl.dedup.clusters import (
    LINK_SECONDS,
    Candidate,
    base_language,
    choose_original,
    find_copies,
    is_linkable,
    may_translate,
    one_per_cluster,
    score_link,
)
from newscrawl.dedup.fingerprints import SKETCH_FIGURE as FIGURE
from newscrawl.dedup.fingerprints import Document, Tokens, sketch_names, tokenize
from newscrawl.dedup.translations import find_links


class Row(NamedTuple):
    id: int
    url: str
    published: int
    agency: str | None = None
    agency_of_outlet: str | None = None
    original_url: str | None = None


def own_tokens(candidate: Candidate) -> Tokens:
    return candidate.tokens


def candidate(number: int, tokens: Tokens, cluster: str | None = None) -> Candidate:
    return Candidate(number, f"article {number}", f"outlet {number}", cluster, NOW, tokens)


def test_the_earliest_is_the_original_whichever_was_found_first() -> None:
    assert choose_original([Row(1, "a", 20), Row(2, "b", 10), Row(3, "c", 10)]).id == 2


def test_the_text_of_the_agency_is_the_original_though_it_came_later() -> None:
    members = [
        Row(1, "a", 10, agency="AFP"),
        Row(2, "b", 30, agency_of_outlet="AFP"),
        Row(3, "c", 20, agency_of_outlet="PTI"),
    ]
    assert choose_original(members).id == 2


def test_an_agency_that_nobody_credits_is_a_member_like_any_other() -> None:
    assert choose_original([Row(1, "a", 10), Row(2, "b", 30, agency_of_outlet="AFP")]).id == 1


def test_the_page_that_others_point_at_is_the_original() -> None:
    members = [
        Row(1, "a", 10, agency="AFP", original_url="c"),
        Row(2, "b", 5, agency_of_outlet="AFP"),
        Row(3, "c", 20),
    ]
    assert choose_original(members).id == 3


def test_a_text_joins_the_nearest_copy_and_those_that_overlap_with_it() -> None:
    dice = random.Random(5)
    story = [drawn(dice, 40) for _ in range(6)]
    whole, start, most = (tokenize("\n".join(part)) for part in (story, story[:2], story[:5]))
    near = [candidate(1, start, "one"), candidate(2, most, "two")]
    found = find_copies(whole, "c", near)
    assert [copy.id for copy in found] == [2, 1]
    assert [chosen.id for chosen in one_per_cluster(found, own_tokens)] == [2, 1]


def test_a_digest_of_two_stories_does_not_make_them_one() -> None:
    dice = random.Random(6)
    first, second = drawn(dice, 120), drawn(dice, 100)
    found = find_copies(
        tokenize(f"{first} {second}"),
        "digest",
        [candidate(1, tokenize(first)), candidate(2, tokenize(second))],
    )
    assert [copy.id for copy in found] == [1, 2]
    assert [chosen.id for chosen in one_per_cluster(found, own_tokens)] == [1]


def test_a_cluster_is_chosen_once() -> None:
    tokens = tokenize(drawn(random.Random(7), 100))
    found = find_copies(tokens, "new", [candidate(1, tokens, "same"), candidate(2, tokens, "same")])
    assert [chosen.id for chosen in one_per_cluster(found, own_tokens)] == [1]
    assert one_per_cluster([], own_tokens) == []


def event_documents() -> list[tuple[str, Document]]:
    """Every text with its event, among the stories of the demo outlets in both languages."""
    found = []
    for number, event in enumerate(EVENTS):
        found += [(f"{number}", text(event[lang], f"{number}/{lang}", lang=lang)) for lang in ("en", "fr")]
        found += [(f"{number}+", text(each, f"{number}/other", lang="fr")) for each in event["others"]]
    for name, body in originals().items():
        lang = "en" if "deccan" in name or "fundy" in name else "fr"
        found.append((name, text("\n".join(body), name, lang=lang)))
    return found


def test_translations_are_linked_and_other_stories_of_the_same_people_are_not() -> None:
    events, texts = zip(*event_documents(), strict=True)
    links = list(find_links(texts))
    right = [link for link in links if events[link.first] == events[link.second]]
    print(f"{len(right)} of {len(EVENTS)} linked, {len(links) - len(right)} wrong")
    assert len(right) == len(links), "precision"
    assert len(right) >= 0.9 * len(EVENTS), "recall"


def test_the_same_people_without_the_same_figures_are_not_enough() -> None:
    spread = Counter(name for _, each in event_documents() for name in each.names.tolist())
    texts = len(event_documents())
    for event in EVENTS:
        here, there = sketch_names(event["en"]), sketch_names(event["others"][0])
        assert len(np.intersect1d(here, there)) >= 3, "it would be no test"
        assert score_link(here, there, spread, texts) == 0
        assert score_link(here, sketch_names(event["fr"]), spread, texts) > 0.5


def test_a_translation_that_comes_days_later_is_another_story() -> None:
    english = text(EVENTS[0]["en"], "a", lang="en", published=NOW)
    soon = text(EVENTS[0]["fr"], "b", lang="fr", published=NOW + LINK_SECONDS)
    late = text(EVENTS[0]["fr"], "b", lang="fr", published=NOW + LINK_SECONDS + 1)
    assert len(list(find_links([english, soon]))) == 1
    assert not list(find_links([english, late]))


@pytest.mark.parametrize(
    ("lang", "other_lang", "may"),
    [("fr", "en", True), ("fr-CA", "fr", False), ("fr", None, False), ("mixed", "en", False)],
)
def test_languages_must_be_certain_and_differ(lang: str | None, other_lang: str | None, may: bool) -> None:
    assert may_translate(text("", "a", lang=lang), text("", "b", lang=other_lang)) is may


def test_a_text_without_figures_is_not_looked_for() -> None:
    assert not is_linkable("en", sketch_names("So said Anna Lund, Per Berg and Eva Holm of Bergen, in Oslo."))
    assert base_language("und") is None


def test_names_and_figures_are_spelled_alike_in_both_languages() -> None:
    english = sketch_names(
        "In a report on Cameroon, the firm Voxara of Algiers counted 1,200 sites and 2.4 million users."
    )
    french = sketch_names(
        "Au Cameroun, selon la société Voxara, à Alger, on compte 1 200 sites et 2,4 millions de clients."
    )
    assert set(english.tolist()) >= set(french.tolist())
    assert np.count_nonzero(french & FIGURE) == 2
    assert len(french) == 5


def test_the_first_word_of_a_sentence_is_no_name() -> None:
    assert not len(sketch_names("Nobody came. Everybody left! Why? “Rain.”"))
    assert len(sketch_names("The mayor of Kolvik left.")) == 1
