"""The standfirst apart from the story."""

from blocks_made import blocks_of
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import read_head
from newscrawl.extraction.platforms import compile_patterns
from newscrawl.extraction.standfirst import find_described_lede, find_marked_lede

LEDE = "Le pont suspendu rouvre après deux ans de travaux difficiles."
STORY = "".join(f"<p>Le paragraphe {number} raconte la suite des travaux du pont.</p>" for number in range(6))
NO_MARKS = compile_patterns([])


def tree(body: str, description: str = LEDE) -> HtmlElement:
    head = f'<head><meta property="og:description" content="{description}"></head>'
    return document_fromstring(f"<html>{head}<body><h1>Le pont rouvre</h1>{body}</body></html>")


def described(body: str, description: str = LEDE, *, inside: bool = False) -> str | None:
    page = tree(body, description)
    lines = blocks_of(page)
    story: list[TextBlock] = [line for line in lines if line.kind != "h" and (inside or line.text != LEDE)]
    return find_described_lede(
        read_head(page, "https://echo.example/a", {}), lines, story, {"le pont rouvre"}
    )


def test_a_description_that_stands_outside_the_story_is_the_standfirst() -> None:
    assert described(f"<div>{LEDE}</div>{STORY}") == LEDE


def test_a_description_that_nobody_sees_is_none() -> None:
    assert described(STORY) is None


def test_the_storys_first_paragraph_is_no_standfirst() -> None:
    assert described(f"<p>{LEDE}</p>{STORY}", inside=True) is None


def test_markup_marks_a_standfirst_inside_the_story() -> None:
    assert described(f"<h2>{LEDE}</h2>{STORY}", inside=True) == LEDE
    assert described(f'<p class="article-standfirst">{LEDE}</p>{STORY}', inside=True) == LEDE
    assert described(f'<div class="chapo"><p>{LEDE}</p></div>{STORY}', inside=True) == LEDE


def test_a_box_that_holds_more_than_the_line_marks_nothing() -> None:
    assert described(f'<div class="intro"><p>{LEDE}</p>{STORY}</div>', inside=True) is None


def test_a_description_that_repeats_the_headline_is_none() -> None:
    assert described(STORY, "Le pont rouvre") is None


def test_the_outlets_selector_and_the_platforms_marks_need_no_description() -> None:
    page = tree(f"<p class=deck>Un mot.</p><div class=chapo>{LEDE}</div>{STORY}", "")
    lines = blocks_of(page)
    assert find_marked_lede(page, lines, selector="p.deck", marks=NO_MARKS) == "Un mot."
    assert find_marked_lede(page, lines, selector=None, marks=compile_patterns([(".chapo", "lede")])) == LEDE
    assert find_marked_lede(page, lines, selector=None, marks=NO_MARKS) is None
