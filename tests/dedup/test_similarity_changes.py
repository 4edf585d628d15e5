"""What a desk made of a story, in figures and side by side."""

from __future__ import annotations

import pytest

from newscrawl.dedup.similarity import MAX_SENTENCES, Side, changes, side_by_side

STORY = "The bridge opened on Monday. Ten people came. “It rained,” said the mayor.\n\nNobody was hurt."


def test_a_verbatim_copy_keeps_all_and_adds_nothing() -> None:
    assert changes(STORY, STORY.upper()) == (1.0, 0.0)
    assert all(side.is_same for side in side_by_side(STORY, STORY))


def test_what_is_left_out_and_added_is_told_apart() -> None:
    found = changes("one two three four", "three four five six seven eight")
    assert found == (0.5, pytest.approx(4 / 6))
    assert changes("", "") == (0.0, 1.0)


def test_sentences_stand_beside_each_other() -> None:
    copy = "The bridge opened on Monday. Twelve people came. “It rained,” said the mayor. See our gallery."
    assert [side for side in side_by_side(STORY, copy) if not side.is_same] == [
        Side("Ten people came.", "Twelve people came."),
        Side("Nobody was hurt.", "See our gallery."),
    ]


def test_a_text_of_one_word_takes_no_hours() -> None:
    many = "yes no. " * 4_000
    assert changes("yes. " * 8_000, many).own > 0
    assert changes(many, many) == (1.0, 0.0)
    assert len(list(side_by_side("Yes.\n" * 4_000, "No.\nYes.\n" * 4_000))) <= 2 * MAX_SENTENCES
