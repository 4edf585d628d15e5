"""One event told in two languages, against other stories of the same people and days."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from dedup.made import NOW, text
from dedup.planted import originals

from newscrawl.dedup.bulk import links_of
from newscrawl.dedup.clusters import SECONDS, can_cross, language_of, may_be_one, story_score
from newscrawl.dedup.fingerprints import FIGURE_OF_NAMES as FIGURE
from newscrawl.dedup.fingerprints import Text, names_of

EVENTS = tomllib.loads((Path(__file__).parent / "stories.toml").read_text(encoding="utf-8"))["event"]


def told() -> list[tuple[str, Text]]:
    """Every text, and the event it is of; the demo outlets' stories around them, in both languages."""
    found = []
    for number, event in enumerate(EVENTS):
        found += [(f"{number}", text(event[lang], f"{number}/{lang}", lang=lang)) for lang in ("en", "fr")]
        found += [(f"{number}+", text(each, f"{number}/other", lang="fr")) for each in event["others"]]
    for name, body in originals().items():
        lang = "en" if "deccan" in name or "fundy" in name else "fr"
        found.append((name, text("\n".join(body), name, lang=lang)))
    return found


def test_translations_are_linked_and_other_stories_of_the_same_people_are_not() -> None:
    events, texts = zip(*told(), strict=True)
    links = list(links_of(texts))
    right = [link for link in links if events[link.one] == events[link.other]]
    print(f"{len(right)} of {len(EVENTS)} linked, {len(links) - len(right)} wrong")
    assert len(right) == len(links), "precision"
    assert len(right) >= 0.9 * len(EVENTS), "recall"


def test_the_same_people_without_the_same_figures_are_not_enough() -> None:
    spread = Counter(name for _, each in told() for name in each.names.tolist())
    texts = len(told())
    for event in EVENTS:
        here, there = names_of(event["en"]), names_of(event["others"][0])
        assert len(np.intersect1d(here, there)) >= 3, "it would be no test"
        assert story_score(here, there, spread, texts) == 0
        assert story_score(here, names_of(event["fr"]), spread, texts) > 0.5


def test_a_translation_that_comes_days_later_is_another_story() -> None:
    one = text(EVENTS[0]["en"], "a", lang="en", published=NOW)
    soon = text(EVENTS[0]["fr"], "b", lang="fr", published=NOW + SECONDS)
    late = text(EVENTS[0]["fr"], "b", lang="fr", published=NOW + SECONDS + 1)
    assert len(list(links_of([one, soon]))) == 1
    assert not list(links_of([one, late]))


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [("fr", "en", True), ("fr-CA", "fr", False), ("fr", None, False), ("mixed", "en", False)],
)
def test_languages_must_be_known_and_differ(one: str | None, other: str | None, may: bool) -> None:
    assert may_be_one(one, NOW, other, NOW) is may


def test_a_text_without_figures_is_not_looked_for() -> None:
    assert not can_cross("en", names_of("So said Anna Lund, Per Berg and Eva Holm of Bergen, in Oslo."))
    assert language_of("und") is None


def test_names_and_figures_are_spelled_alike_in_both_languages() -> None:
    english = names_of(
        "In a report on Cameroon, the firm Voxara of Algiers counted 1,200 sites and 2.4 million users."
    )
    french = names_of(
        "Au Cameroun, selon la société Voxara, à Alger, on compte 1 200 sites et 2,4 millions de clients."
    )
    assert set(english.tolist()) >= set(french.tolist())
    assert np.count_nonzero(french & FIGURE) == 2
    assert len(french) == 5


def test_the_first_word_of_a_sentence_is_no_name() -> None:
    assert not len(names_of("Nobody came. Everybody left! Why? “Rain.”"))
    assert len(names_of("The mayor of Kolvik left.")) == 1
