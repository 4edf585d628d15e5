"""Embedded posts, what is left of them, and placeholders."""

import pytest
from stories_made import paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article, Block

URL = "https://post.example/2025/wall"
BODY = paragraphs(3_000)
HALF = len(BODY) // 2


def blocks(inside: str) -> list[Block]:
    """The blocks of a page beside the paragraphs of its story, all of which must be there."""
    article = extract(story(f"<div class=text>{inside}</div>"), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks if block.text in BODY] == BODY
    return [block for block in article.blocks if block.text not in BODY]


def between_paragraphs(line: str, copies: int = 4) -> list[str]:
    inside = "".join(f"<p>{text}</p>{line * (at < copies)}" for at, text in enumerate(BODY))
    return [block.text for block in blocks(inside)]


def amid(inside: str) -> list[Block]:
    return blocks(tagged(BODY[:HALF]) + inside + tagged(BODY[HALF:]))


@pytest.mark.parametrize(
    "line",
    [
        "<div class=embed><p>External content not available</p></div>",
        "<div class=slot><p>Hier folgt gleich noch etwas</p></div>",
        "<div class=slot><h4>Tartalom betöltése</h4><p>Fogadja el a sütiket a weboldalon</p></div>",
        "<p>Deze inhoud kan niet worden getoond</p>",
    ],
)
def test_a_line_that_returns_between_paragraphs_is_a_placeholder(line: str) -> None:
    assert between_paragraphs(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "<p>And the sea came back.</p>",
        "<p>And the sea came back</p>",
        "<p class=speaker>Ada Brandt</p>",
        "<p class=speaker>Interviewer:</p>",
        "<p class=line>« Le mur tient encore »</p>",
        "<div class=slot><p>The north wall of the quay is still not where it was promised to be.</p></div>",
    ],
)
def test_a_refrain_and_the_name_of_a_speaker_may_return(line: str) -> None:
    assert len(between_paragraphs(line)) == 4


def test_a_line_that_stands_there_twice_is_no_placeholder() -> None:
    assert len(between_paragraphs("<div class=slot><p>Hier folgt gleich noch etwas</p></div>", copies=2)) == 2


def test_a_poem_keeps_its_refrain() -> None:
    lines = [
        "The wall is high",
        "the tide is low",
        "hold, hold, the quay",
        "the wind is cold",
        "the rain is slow",
    ]
    verses = "".join(
        f"<div class=verse><p>{line} {verse}</p></div><div class=refrain><p>hold, hold, the quay</p></div>"
        for verse in ("today", "tonight", "again", "for good")
        for line in lines[:2]
    )
    assert [block.text for block in amid(verses)].count("hold, hold, the quay") == 8


POST = (
    '<blockquote class="{}"><p>The wall has to go, and it has to go before winter comes to the quay.</p>'
    "&mdash; Ada Brandt (@adabrandt) <a href='https://twitter.com/adabrandt/status/1'>{}</a></blockquote>"
)


@pytest.mark.parametrize("name", ["twitter-tweet", "post"])
@pytest.mark.parametrize("day", ["July 18, 2026", "18 juillet 2026"])
def test_a_post_is_one_quote(name: str, day: str) -> None:
    quotes = amid(POST.format(name, day))
    assert [(quote.kind, quote.text.partition(" — ")[2]) for quote in quotes] == [
        ("quote", f"Ada Brandt (@adabrandt) {day}")
    ]


def test_the_paragraphs_of_another_quotation_stay_apart() -> None:
    said = (
        "<blockquote><p>We saw the wall fall in the night.</p><p>Nobody had warned us of it.</p></blockquote>"
    )
    assert [block.kind for block in amid(said)] == ["quote", "quote"]


@pytest.mark.parametrize(
    "remains",
    [
        "<p>pic.twitter.com/a1B2c3</p>",
        "<p><a href='https://x.com/a/status/1'>https://x.com/a/status/1</a></p>",
        '<div>{"type":"embed","id":"123","provider":"post"}</div>',
    ],
)
def test_what_is_left_of_an_embed_goes(remains: str) -> None:
    assert amid(remains) == []


def test_other_addresses_and_braces_stay() -> None:
    lines = [
        "https://wall.example/report",
        "{the rest of the note is torn}",
        "{Note: the name of the guard is another.}",
    ]
    assert [block.text for block in amid(tagged(lines))] == lines
