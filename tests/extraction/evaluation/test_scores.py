"""The comparison of a text with its annotation, on values worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from newscrawl.extraction.evaluation.scores import (
    SegmentScore,
    TextScore,
    compare_parts,
    parse_truth,
    score_text,
    visible_text,
)

STORY = "The ferry left the old harbour at dawn with nine goats aboard."
"Twelve words, so nine shingles."


def score(text: str, truth: str) -> TextScore:
    found = score_text(text, parse_truth({"kind": "full", "text": truth}))
    assert isinstance(found, TextScore)
    return found


def score_segments(text: str, **segments: list[str]) -> SegmentScore:
    found = score_text(text, parse_truth({"kind": "segments", **segments}))
    assert isinstance(found, SegmentScore)
    return found


def test_the_whole_text_scores_1_whatever_its_spaces_and_punctuation() -> None:
    assert score(STORY.replace(" ", "\n"), STORY.rstrip(".")).f1 == 1


def test_precision_and_recall_count_shingles() -> None:
    found = score(f"{STORY} Share this on your phone", STORY)
    # Seventeen words make fourteen shingles, of which nine are true.
    assert (found.precision, found.recall) == (9 / 14, 1)
    assert found.f1 == pytest.approx(2 * 9 / (14 + 9))


def test_a_second_copy_counts_as_false() -> None:
    assert score(f"{STORY} {STORY}", STORY).precision == pytest.approx(9 / 21)


def test_a_text_of_fewer_than_four_words_is_a_single_shingle() -> None:
    assert score("Nine goats", "Nine goats").f1 == 1
    assert score("Nine goats aboard", "Nine goats").f1 == 0


def test_letters_are_compared_in_form_c_and_without_soft_hyphens() -> None:
    assert score("La fe\u0301e s'en\u00adva au cafe\u0301", "La fée s'enva au café").f1 == 1


def test_case_counts() -> None:
    assert score(STORY.upper(), STORY).f1 == 0


def test_scripts_without_spaces_are_compared_character_by_character() -> None:
    truth = "港口的渡轮在黎明时分离开了"
    found = score(truth + "分享", truth)
    assert (found.precision, found.recall) == (10 / 12, 1)


def test_hangul_is_compared_word_by_word() -> None:
    assert score("새벽에 배가 항구를 떠났다", "새벽에 배가 항구를 떠났지").f1 == 0


@pytest.mark.parametrize(("text", "truth", "f1"), [("", "", 1), ("", STORY, 0), (STORY, "", 0), ("…", "", 1)])
def test_nothing_is_right_only_where_there_is_nothing(text: str, truth: str, f1: float) -> None:
    found = score(text, truth)
    assert found.f1 == f1
    assert (found.has_words, found.truth_has_words) == (text == STORY, truth == STORY)


PARAGRAPHS = [
    "Ada the ferrywoman counts the goats twice.",
    "Nine stand on deck this grey morning.",
    "The tenth is eating a map of the bay.",
    "Nobody in the harbour office has noticed yet.",
]


@pytest.mark.parametrize("left_out", [(), (0,), (2,), (0, 2)])
def test_of_optional_paragraphs_the_choice_that_suits_the_text_counts(left_out: tuple[int, ...]) -> None:
    truth = parse_truth({"kind": "full", "paragraphs": PARAGRAPHS, "optional": [0, 2]})
    text = "\n".join(line for at, line in enumerate(PARAGRAPHS) if at not in left_out)
    found = score_text(text, truth)
    assert isinstance(found, TextScore)
    assert found.f1 == 1
    assert list(truth.variants())[found.variant].split() == text.split()


def test_a_paragraph_that_is_not_optional_is_missed() -> None:
    truth = parse_truth({"kind": "full", "paragraphs": PARAGRAPHS, "optional": [0]})
    assert score_text("\n".join(PARAGRAPHS[:3]), truth).f1 < 0.9


def test_of_many_optional_paragraphs_all_or_none_may_be_missing() -> None:
    lines = [f"{line} {number}" for number in range(3) for line in PARAGRAPHS]
    truth = parse_truth({"kind": "full", "paragraphs": lines, "optional": [0, 1, 2, 3, 4]})
    assert [len(text.splitlines()) for text in truth.variants()] == [23, 13]


def test_segments_are_found_whatever_the_white_space() -> None:
    text = "Ada counts\n\nthe goats. Share\u00a0this."
    found = score_segments(
        text, **{"with": ["counts the goats", "nine goats"], "without": ["Share this", "Log in"]}
    )
    assert (found.found, found.missing, found.leaked, found.avoided) == (1, 1, 1, 1)
    assert found.f1 == 0.5
    assert found.has_words


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "kind: Field required"),
        ({"kind": "half"}, "kind: Input should be 'full' or 'segments'"),
        ({"kind": "full"}, "text: missing"),
        ({"kind": "full", "text": ["a"]}, "text: Input should be a valid string"),
        ({"kind": "full", "text": "a", "site": 3}, "site: Input should be a valid string"),
        ({"kind": "full", "paragraphs": ["a", 1]}, "paragraphs.1: Input should be a valid string"),
        ({"kind": "full", "paragraphs": ["a"], "optional": [1]}, "optional: there is no paragraph 1"),
        ({"kind": "full", "text": "a", "optional": [0]}, "optional: there is no paragraph 0"),
        ({"kind": "segments", "with": []}, "with: missing or empty"),
        ({"kind": "segments", "with": ["a", " "]}, "with: has an empty segment"),
        ({"kind": "segments", "with": "goats"}, "with: Input should be a valid list"),
    ],
)
def test_an_invalid_annotation_is_named_by_its_key(record: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")) as error:
        parse_truth(record)
    assert str(error.value).startswith(message)


def test_parts_are_cut_where_the_texts_differ_and_join_to_the_text() -> None:
    text = f"Menu Home. {STORY} Share this."
    parts = compare_parts(text, f"Before. {STORY}")
    assert [(part.text, part.is_common) for part in parts] == [
        ("Menu Home. ", False),
        (f"{STORY} ", True),
        ("Share this.", False),
    ]
    assert "".join(part.text for part in parts) == visible_text(text)


def test_the_second_copy_of_a_passage_is_no_common_part() -> None:
    parts = compare_parts(f"{STORY}\n{STORY}", STORY)
    assert [(part.text, part.is_common) for part in parts] == [(f"{STORY}\n", True), (STORY, False)]


@pytest.mark.parametrize("text", ["", "…", "Nine goats"])
def test_short_texts_have_parts_too(text: str) -> None:
    assert "".join(part.text for part in compare_parts(text, "Nine goats")) == text
    assert all(part.is_common for part in compare_parts(text, "Nine goats"))
