"""What is a copy and what only looks like one."""

from __future__ import annotations

import itertools
import random

import pytest
from dedup.planted import CHANGES, copies, drawn, filled_forms, originals, with_a_common_quote

from newscrawl.dedup.fingerprints import words_of
from newscrawl.dedup.similarity import Likeness, is_copy, likeness


def shared_by_hand(one: str, other: str) -> set[tuple[str, ...]]:
    rows = [
        {tuple(words[at : at + 4]) for at in range(len(words) - 3)}
        for words in (one.casefold().split(), other.casefold().split())
    ]
    return rows[0] & rows[1]


@pytest.mark.parametrize("how", CHANGES)
def test_what_desks_make_of_a_story_is_a_copy(how: str) -> None:
    made = list(copies(random.Random(11)))
    first = {each.story: each for each in made if each.how == "original"}
    found = [each for each in made if each.how == how]
    assert len(found) > 50
    missed = [
        each.story
        for each in found
        if not is_copy(likeness(words_of(first[each.story].text), words_of(each.text)), at_home=False)
    ]
    assert missed == []


def test_reports_filled_into_one_form_are_not_copies() -> None:
    forms = [(each, words_of(each.text)) for each in filled_forms(random.Random(12), 12)]
    alike = [
        (one.story, other.story)
        for (one, mine), (other, yours) in itertools.combinations(forms, 2)
        if is_copy(likeness(mine, yours), at_home=False)
    ]
    assert alike == []


def test_the_same_report_in_two_papers_is_a_copy() -> None:
    for each in filled_forms(random.Random(13), 2):
        assert is_copy(likeness(words_of(each.text), words_of(f"{each.text} Our own.")), at_home=False)


def test_a_common_quote_makes_no_copy() -> None:
    quoting = list(with_a_common_quote(random.Random(14)))
    stories = {name: "\n\n".join(text) for name, text in originals().items()}
    for one, other in zip(quoting[::2], quoting[1::2], strict=True):
        assert shared_by_hand(one.text, other.text)
        assert not is_copy(likeness(words_of(one.text), words_of(other.text)), at_home=False)
        story = stories[one.story.split()[1]]
        assert not is_copy(likeness(words_of(one.text), words_of(story)), at_home=False)


def test_a_digest_of_many_stories_is_a_copy_of_none() -> None:
    texts = ["\n\n".join(text) for text in list(originals().values())[:8]]
    digest = words_of("\n\n".join(texts))
    for text in texts:
        alike = likeness(digest, words_of(text))
        assert alike.share > 0.95
        assert not is_copy(alike, at_home=False)


def test_which_is_named_first_makes_no_difference() -> None:
    made = list(copies(random.Random(15)))[:90]
    for one, other in itertools.combinations(made, 2):
        mine, yours = words_of(one.text), words_of(other.text)
        assert likeness(mine, yours) == likeness(yours, mine)


def test_the_share_is_that_of_the_shorter_text() -> None:
    dice = random.Random(16)
    passage, own = drawn(dice, 60), drawn(dice, 40)
    found = likeness(words_of(f"{passage} {own}"), words_of(f"{passage} {drawn(dice, 400)}"))
    assert (found.shorter, found.longer, found.swaps) == (100, 460, 0)
    assert found.share == pytest.approx(0.6, abs=0.02)


def test_texts_of_no_words_are_no_copies() -> None:
    assert likeness(words_of(""), words_of("")) == Likeness(0, 0, 0, 0)
    assert not is_copy(likeness(words_of(""), words_of("one two three four five")), at_home=False)


def test_within_one_outlet_more_must_be_shared() -> None:
    found = Likeness(shared=70, shorter=100, longer=100, swaps=0)
    assert is_copy(found, at_home=False)
    assert not is_copy(found, at_home=True)


@pytest.mark.parametrize("how", ["one word in twelve", "a quarter", "four times its words"])
def test_how_far_a_copy_may_go(how: str) -> None:
    dice = random.Random(17)
    for paragraphs in originals().values():
        words = " ".join(paragraphs).split()
        made = {
            "one word in twelve": [
                drawn(dice, 1).lower() if dice.random() < 1 / 12 else word for word in words
            ],
            "a quarter": words[: len(words) // 4],
            "four times its words": [*words, drawn(dice, 39 * len(words) // 10)],
        }[how]
        assert is_copy(likeness(words_of(" ".join(words)), words_of(" ".join(made))), at_home=False)
