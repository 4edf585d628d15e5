"""Properties of language detection that hold for any text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.languages import Languages, detect_block_languages, detect_label, detect_languages

WORDS = st.sampled_from(
    [
        "le",
        "la",
        "conseil",
        "the",
        "council",
        "said",
        "a",
        "voté",
        "d’une",
        "l'eau",
        "Paris",
        "AFP",
        "12",
        "COP28",
        "Straße",
        "dey",
        "bato",
        "мир",
        "市",
        "«",
        "»",
        ":",
        ".",
        ",",
        "—",
        "á",
        "mai\xadrie",
        "https://a.example/b",
        "@echo",
        "Jong-un",
        "🙂",
        "\u202e",
        "�",
        "שלום",
    ]
)
ANY = st.text(st.characters(exclude_categories=[]), max_size=300)
WORDY = st.lists(st.one_of(WORDS, st.just("\n"), ANY.map(lambda text: text[:6])), max_size=80).map(" ".join)


def check(text: str, found: Languages) -> None:
    at = 0
    for block in found.blocks:
        assert not text[at : block.start].strip()
        assert block.start < block.end
        assert 0 <= block.confidence <= 1
        at = block.end
    assert not text[at:].strip()
    spans = iter(found.spans)
    for block in found.blocks:
        end = block.start
        while end < block.end:
            span = next(spans)
            assert span.start == end < span.end
            end = span.end
        assert end == block.end
    assert next(spans, None) is None
    if found.mix:
        assert sum(found.shares.values()) == pytest.approx(1.0)
    assert 0 <= found.score <= 1
    assert found.label in {"fr", "en", "mixed", "other", "und"}


@given(st.one_of(ANY, WORDY))
def test_offsets_tile_the_text_and_shares_sum_to_one(text: str) -> None:
    check(text, detect_languages(text))


@given(st.lists(WORDY, max_size=5))
def test_there_is_one_block_for_each_text(texts: list[str]) -> None:
    found = detect_block_languages(texts)
    joined = "\n\n".join(texts)
    assert [joined[block.start : block.end] for block in found.blocks] == texts


@given(st.lists(WORDY, max_size=5))
def test_the_label_alone_is_that_of_the_whole_result(texts: list[str]) -> None:
    assert detect_label(texts) == detect_block_languages(texts).label


@given(WORDY)
def test_the_same_text_has_the_same_label(text: str) -> None:
    assert detect_languages(text) == detect_languages(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000_000,
        "é " * 5_000_000,
        "l'" * 5_000_000,
        "a-" * 5_000_000,
        "\U0001f642" * 2_000_000,
        "e\u0301" * 2_000_000,
        "Привет " * 500_000,
        "مرحبا " * 500_000,
        "Le conseil a voté, the council said. " * 300_000,
        "\ud800" * 1_000_000,
        "\n" * 5_000_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_a_monstrous_line_takes_seconds(text: str) -> None:
    began = time.process_time()
    check(text, detect_languages(text))
    assert time.process_time() - began < 20


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "\r\n", "\x00", "\ufeff", "🙂🙃", "؟", "\u2028"])
def test_texts_without_words_have_no_language(text: str) -> None:
    found = detect_languages(text)
    assert (found.label, found.mix, found.score) == ("und", [], 0.0)
    check(text, found)
