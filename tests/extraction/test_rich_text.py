"""Texts in JSON as HTML."""

from time import process_time
from typing import Any

import pytest

from newscrawl.extraction.jsonld import Json
from newscrawl.extraction.rich_text import RichTextReader, is_other_story, mark_paragraphs

FIRST, SECOND = "The wall has fallen.", "It will be built again."


def render(value: Json) -> str:
    return RichTextReader().render(value, {"the wall"})


@pytest.mark.parametrize(
    ("value", "html"),
    [
        (f"{FIRST}\n\n{SECOND}", f"<p>{FIRST}</p><p>{SECOND}</p>"),
        ([FIRST, SECOND], f"<p>{FIRST}</p><p>{SECOND}</p>"),
        (["a < b & c &amp; d"], "<p>a &lt; b &amp; c &amp; d</p>"),
        ([{"type": "h3", "text": "Why it fell"}, {"text": FIRST}], f"<h2>Why it fell</h2><p>{FIRST}</p>"),
        (
            [{"type": "list", "items": [FIRST, {"content": SECOND}]}],
            f"<ul><li>{FIRST}</li><li>{SECOND}</li></ul>",
        ),
        (
            [{"type": "blockquote", "content": [{"type": "paragraph", "text": FIRST}]}],
            f"<blockquote><p>{FIRST}</p></blockquote>",
        ),
        (
            [
                {
                    "style": "h2",
                    "_type": "block",
                    "children": [{"_type": "span", "text": "Why "}, {"text": "it fell"}],
                }
            ],
            "<h2>Why it fell</h2>",
        ),
        (
            [{"type": "paragraph", "children": [{"text": "The wall"}, {"type": "br"}, {"text": "fell."}]}],
            "<p>The wall<br>fell.</p>",
        ),
        (
            [
                {"type": "image", "text": "The wall"},
                {"type": "ad", "text": "Buy walls"},
                {"type": "text", "content": FIRST},
            ],
            f"<p>{FIRST}</p>",
        ),
        (
            [
                {"title": "The mill", "url": "/mill", "text": SECOND},
                {"title": "The wall", "url": "/wall", "text": FIRST},
            ],
            f"<p>{FIRST}</p>",
        ),
        ({"text": FIRST}, ""),
        (7, ""),
    ],
)
def test_a_value_is_rendered_as_what_it_is(value: Any, html: str) -> None:
    assert render(value) == html


def test_markup_stays_and_escaped_markup_is_resolved() -> None:
    html = f"<p>{FIRST}</p>"
    assert mark_paragraphs(html) == html
    assert mark_paragraphs(f"&lt;p&gt;{FIRST}&lt;/p&gt;") == html


def test_a_section_with_a_heading_is_no_other_story() -> None:
    assert not is_other_story({"title": "Why it fell", "text": FIRST}, {"the wall"})
    assert not is_other_story([FIRST], {"the wall"})


def test_parts_in_circles_and_without_end_are_left() -> None:
    circle: list[Json] = [FIRST]
    circle += [{"children": circle}] * 50
    start = process_time()
    assert render(circle).startswith(f"<p>{FIRST}</p>")
    assert process_time() - start < 5


def test_a_long_text_in_many_places_is_rendered_in_few() -> None:
    assert len(render([[FIRST * 5_000] * 10_000])) < 30_000_000
