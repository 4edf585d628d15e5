"""Rules that are offered for a new site: each has been tried, and none takes a story's own line."""

from __future__ import annotations

import pytest
from stories_made import TITLE, page, paragraphs, tagged

from newscrawl.extraction.rule_offers import SavedStory, offer_rules

BOAST = (
    "Selby Post has covered the harbour since 1911, and its reporters live in the streets they write about."
)
TITLES = [f"The {line} ferry gets a new boat" for line in ("north", "south", "west", "east")]

_ROUNDS = (f"<li><a href=/r/{at}>Round {at}: Harbour beats Mill {at + 3}</a></li>" for at in range(14))
ROUNDS = f"<ul>{''.join(_ROUNDS)}</ul>"


def saved(number: int, title: str, inside: str) -> SavedStory:
    made = page(f"<div class=story-text><h1>{title}</h1>{inside}</div>").replace(TITLE, title)
    return SavedStory(made.encode(), f"https://selby.example/news/{number}.html")


def texts(after: str = "") -> list[SavedStory]:
    """Four stories of the site, each ending with the same."""
    return [
        saved(number, title, tagged(paragraphs(1_500, skip=40 * number)) + after)
        for number, title in enumerate(TITLES)
    ]


def test_what_all_stories_end_with_is_excluded_by_the_box_it_stands_in() -> None:
    (offer,) = offer_rules(texts(f"<div class=house-note><p>{BOAST}</p></div>"))
    assert (offer.key, offer.selector) == ("exclude", "div.house-note")
    assert offer.why.startswith("4 of 4 stories end up with “Selby Post has covered")


def test_a_box_that_holds_a_story_s_own_line_too_is_not_excluded() -> None:
    stories = [
        saved(
            number,
            title,
            tagged(lines[:-1]) + f"<div class=last><p>{lines[-1]}</p><p>{BOAST}</p></div>",
        )
        for number, title in enumerate(TITLES)
        if (lines := paragraphs(1_500, skip=40 * number))
    ]
    assert offer_rules(stories) == []


@pytest.mark.parametrize("tag", ["o:p", "fb:like"])
def test_elements_with_a_prefix_are_named_by_their_class(tag: str) -> None:
    """A colon in a selector begins something else: neither an outlet's rules nor the pages take it."""
    (offer,) = offer_rules(texts(f"<div><p><{tag} class=house-note>{BOAST}</{tag}></p></div>"))
    assert (offer.key, offer.selector) == ("exclude", ".house-note")


@pytest.mark.parametrize("tag", ["o:section", "fb:story"])
def test_so_is_such_a_place_of_all_stories(tag: str) -> None:
    results = saved(9, "All results of the weekend", ROUNDS)
    stories = [
        story._replace(
            body=story.body.replace(b"<div class=story-text>", f"<div><{tag} class=story-text>".encode())
        )
        for story in [*texts(), results]
    ]
    (offer,) = offer_rules(stories)
    assert (offer.key, offer.selector) == ("body", ".story-text")


def test_sound_stories_need_no_rule_and_neither_does_the_same_story_twice() -> None:
    stories = texts()
    assert offer_rules(stories) == []
    assert offer_rules([stories[0], stories[0]._replace(url="https://selby.example/amp/0.html")]) == []


def test_a_place_that_all_stories_share_is_offered_where_it_finds_one_more() -> None:
    results = saved(9, "All results of the weekend", ROUNDS)
    (offer,) = offer_rules([*texts(), results])
    assert offer == ("body", "div.story-text", f"{results.url} is no article without it")


def test_what_is_no_page_counts_for_nothing() -> None:
    assert offer_rules([SavedStory(b"%PDF-1.7", "https://selby.example/paper.pdf")]) == []
    assert offer_rules([]) == []
