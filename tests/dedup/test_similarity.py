"""Copies are distinguished from texts that only look like them, and what a desk changed is measured."""

from __future__ import annotations

import itertools
import random

import pytest
from dedup.planted import CHANGES, copies, drawn, filled_forms, originals, with_a_common_quote

from newscrawl.dedup.fingerprints import tokenize
from newscrawl.dedup.similarity import (
    MAX_SENTENCES,
    Overlap,
    SentencePair,
    align_sentences,
    is_copy,
    measure_changes,
    measure_overlap,
)

STORY = "The bridge opened on Monday. Ten people came. “It rained,” said the mayor.\n\nNobody was hurt."


def shared_by_hand(first: str, second: str) -> set[tuple[str, ...]]:
    rows = [
        {tuple(words[at : at + 4]) for at in range(len(words) - 3)}
        for words in (first.casefold().split(), second.casefold().split())
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
        if not is_copy(
            measure_overlap(tokenize(first[each.story].text), tokenize(each.text)), same_outlet=False
        )
    ]
    assert missed == []


def test_reports_filled_into_one_form_are_not_copies() -> None:
    forms = [(each, tokenize(each.text)) for each in filled_forms(random.Random(12), 12)]
    alike = [
        (one.story, other.story)
        for (one, mine), (other, yours) in itertools.combinations(forms, 2)
        if is_copy(measure_overlap(mine, yours), same_outlet=False)
    ]
    assert alike == []


def test_the_same_report_in_two_papers_is_a_copy() -> None:
    for each in filled_forms(random.Random(13), 2):
        assert is_copy(
            measure_overlap(tokenize(each.text), tokenize(f"{each.text} Our own.")), same_outlet=False
        )


def test_a_common_quote_makes_no_copy() -> None:
    quoting = list(with_a_common_quote(random.Random(14)))
    stories = {name: "\n\n".join(text) for name, text in originals().items()}
    for one, other in zip(quoting[::2], quoting[1::2], strict=True):
        assert shared_by_hand(one.text, other.text)
        assert not is_copy(measure_overlap(tokenize(one.text), tokenize(other.text)), same_outlet=False)
        story = stories[one.story.split()[1]]
        assert not is_copy(measure_overlap(tokenize(one.text), tokenize(story)), same_outlet=False)


def test_a_digest_of_many_stories_is_a_copy_of_none() -> None:
    texts = ["\n\n".join(text) for text in list(originals().values())[:8]]
    digest = tokenize("\n\n".join(texts))
    for text in texts:
        alike = measure_overlap(digest, tokenize(text))
        assert alike.share > 0.95
        assert not is_copy(alike, same_outlet=False)


def test_which_is_named_first_makes_no_difference() -> None:
    made = list(copies(random.Random(15)))[:90]
    for one, other in itertools.combinations(made, 2):
        mine, yours = tokenize(one.text), tokenize(other.text)
        assert measure_overlap(mine, yours) == measure_overlap(yours, mine)


def test_the_share_is_that_of_the_shorter_text() -> None:
    dice = random.Random(16)
    passage, own = drawn(dice, 60), drawn(dice, 40)
    found = measure_overlap(tokenize(f"{passage} {own}"), tokenize(f"{passage} {drawn(dice, 400)}"))
    assert (found.shorter, found.longer, found.swaps) == (100, 460, 0)
    assert found.share == pytest.approx(0.6, abs=0.02)


def test_texts_of_no_words_are_no_copies() -> None:
    assert measure_overlap(tokenize(""), tokenize("")) == Overlap(0, 0, 0, 0)
    assert not is_copy(measure_overlap(tokenize(""), tokenize("one two three four five")), same_outlet=False)


def test_within_one_outlet_more_must_be_shared() -> None:
    found = Overlap(shared=70, shorter=100, longer=100, swaps=0)
    assert is_copy(found, same_outlet=False)
    assert not is_copy(found, same_outlet=True)


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
        assert is_copy(
            measure_overlap(tokenize(" ".join(words)), tokenize(" ".join(made))), same_outlet=False
        )


def test_a_verbatim_copy_keeps_all_and_adds_nothing() -> None:
    assert measure_changes(STORY, STORY.upper()) == (1.0, 0.0)
    assert all(side.is_same for side in align_sentences(STORY, STORY))


def test_what_is_left_out_and_added_is_measured_separately() -> None:
    found = measure_changes("one two three four", "three four five six seven eight")
    assert found == (0.5, pytest.approx(4 / 6))
    assert measure_changes("", "") == (0.0, 1.0)


def test_sentences_are_aligned() -> None:
    copy = "The bridge opened on Monday. Twelve people came. “It rained,” said the mayor. See our gallery."
    assert [side for side in align_sentences(STORY, copy) if not side.is_same] == [
        SentencePair("Ten people came.", "Twelve people came."),
        SentencePair("Nobody was hurt.", "See our gallery."),
    ]


def test_a_text_of_a_single_word_does_not_take_hours() -> None:
    many = "yes no. " * 4_000
    assert measure_changes("yes. " * 8_000, many).added > 0
    assert measure_changes(many, many) == (1.0, 0.0)
    assert len(list(align_sentences("Yes.\n" * 4_000, "No.\nYes.\n" * 4_000))) <= 2 * MAX_SENTENCES
