"""Titles as plain text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.text import TITLE_CHARS, clean_line, strip_title_markup


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Rice &amp; beans", "Rice & beans"),
        ("L&#8217;<b>été</b>\n  ici", "L’été ici"),
        ("5 < 6 & 7 > 6", "5 < 6 & 7 > 6"),
        ("R&D", "R&D"),
        ("\u200bZero\x00 width\ufeff", "Zero width"),
        ("  ", None),
        ("<img src=x>", None),
        (None, None),
        (7, None),
    ],
)
def test_markup_becomes_what_a_reader_sees(markup: object, text: str | None) -> None:
    assert strip_title_markup(markup) == text


def test_a_title_without_end_is_cut() -> None:
    assert len(strip_title_markup("<b>x</b>" * 100_000) or "") <= TITLE_CHARS


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_becomes_one_line_that_can_be_written(text: str) -> None:
    for line in (clean_line(text), strip_title_markup(text)):
        assert line is None or (line.encode() and line == " ".join(line.split()))
