"""Text features find what a plain search finds; hints come from the metadata."""

import json
import random
import re
from dataclasses import replace

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.classifier.text_features import (
    _BYLINE_STARTS,
    _SIGNS,
    MAX_BODY_CHARS,
    TEXT_COLUMNS,
    PageHints,
    find_signs,
    read_page_hints,
    split_words,
    text_columns,
)
from newscrawl.extraction.head import read_head

LINES = (
    "Read more on this", "LIRE AUSSI : le pont rouvre", "© 2024 Écho", "By Awa Ndiaye", "Le pont a rouvert.",
    "Photo: (AFP", "Read", "more on", "İstanbul'da join us", "À lire", "橋が開通 newsletter", "Topi", "cs",
    "Read more, " * 60,
)  # fmt: skip


def test_signs_of_all_blocks_are_those_of_each() -> None:
    blocks = blocks_of(document_fromstring("".join(f"<p>{line}</p>" for line in LINES)))
    low = [block.text.lower() if len(block.text) < 400 else "" for block in blocks]
    plainly = [
        [*(any(sign in text for sign in signs) for signs in _SIGNS.values()), text.startswith(_BYLINE_STARTS)]
        for text in low
    ]
    assert len(blocks) == len(LINES)
    assert find_signs(blocks).tolist() == plainly
    assert any(map(any, plainly))


def test_no_block_has_no_signs() -> None:
    assert find_signs([]).shape == (0, len(_SIGNS) + 1)


def test_no_sign_goes_over_lines_or_is_in_capitals() -> None:
    assert all("\n" not in sign and sign == sign.lower() for signs in _SIGNS.values() for sign in signs)


@pytest.mark.parametrize("text", ["", "A b-C_d, e9!", "".join(map(chr, range(128))), "x\x1cy\x7fz", "  "])
def test_words_of_ascii_are_those_of_the_pattern(text: str) -> None:
    assert split_words(text) == re.findall(r"\w+", text.lower())


PIECES = (
    "pont", "Le", "ÉCOLE", "ǅ", "ǆ", "İ", "ΟΔΟΣ", "ß", "²", "٣", "7", "\U0001d7d8", "\U00020000",
    "\U0001f600", "橋", "สะพาน", "한국", "e\u0301", "x_y", " ", " ", " ", "  ", " | ", "\n", ".", "!",
    "…", "。", ",", "、", "，", ":", "»", "›", "”", '"', "©", "@", "http", "\ud800", "\x1c",
)  # fmt: skip


def test_columns_of_all_blocks_are_those_of_each() -> None:
    """Texts are counted as one; each column is checked against the plain form of what it counts."""
    choices = random.Random(1)
    made = ["".join(choices.choices(PIECES, k=choices.choice((1, 3, 12, 150, 900)))) for _ in range(400)]
    (block,) = blocks_of(document_fromstring("<p>x</p>"))
    blocks = [replace(block, text=text) for text in made]
    columns = dict(zip(TEXT_COLUMNS, text_columns(blocks, PageHints(), ()).T.tolist(), strict=True))
    capitals = [text.split(" ", 60)[:60] for text in made]
    plain = {
        "words": [max(1, len(split_words(text[:2000]))) for text in made],
        "sentences": [sum(map(text.count, ".!?…。")) for text in made],
        "commas": [sum(map(text.count, ",、，")) for text in made],
        "digits": [sum(map(str.isdigit, text[:120])) / min(120, len(text)) for text in made],
        "capitals": [sum(word[:1].isupper() for word in words) / len(words) for words in capitals],
        "upper": list(map(str.isupper, made)),
        "seen": [made[:at].count(text) for at, text in enumerate(made)],
        "divided": ["|" in text or "›" in text or "»" in text[:-1] for text in made],
        "copyright": ["©" in text for text in made],
        "address": ["@" in text or "http" in text for text in made],
        "labelled": [":" in text[:30] for text in made],
        "lower": [text[0].islower() for text in made],
        "quotes": ["”" in text or "»" in text or '"' in text for text in made],
    }
    assert {name: columns[name] for name in plain} == plain
    assert all(len(set(values)) > 1 for values in plain.values())


def hints(body: str) -> PageHints:
    story = json.dumps({"@type": "NewsArticle", "articleBody": body})
    script = f'<script type="application/ld+json">{story}</script>'
    tree = document_fromstring(f"<html><head><title>Le pont neuf</title>{script}</head><body>x</body></html>")
    return read_page_hints(read_head(tree, "https://echo.example/a", {}))


def test_the_declared_body_is_letters_without_anything_between() -> None:
    found = hints("Le pont, <b>dit-on</b>, est neuf.")
    assert found.body == "lepontditonestneuf"
    assert found.title == {"le", "pont", "neuf"}


def test_of_a_body_without_end_the_beginning_is_compared() -> None:
    assert len(hints("mot" * (MAX_BODY_CHARS // 2)).body) == MAX_BODY_CHARS
