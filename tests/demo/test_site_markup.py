"""The small markup of the stories."""

from __future__ import annotations

from newscrawl.demo.site import html_of, inline, plain, spaced
from newscrawl.demo.stories import Part


def part(kind: str, text: str) -> Part:
    return Part(kind=kind, text=text, lang="en")  # type: ignore[arg-type]


def test_markup_is_html_on_the_page_and_gone_from_the_words() -> None:
    text = "A **bold** [link](/there) & more <b>"
    assert inline(text) == 'A <strong>bold</strong> <a href="/there">link</a> &amp; more &lt;b&gt;'
    assert plain(text) == "A bold link & more <b>"


def test_list_items_stand_in_one_list() -> None:
    parts = [part("p", "One."), part("li", "a"), part("li", "b"), part("h", "Two"), part("quote", "Said.")]
    assert html_of(parts, "h4") == [
        "<p>One.</p>",
        "<ul><li>a</li><li>b</li></ul>",
        "<h4>Two</h4>",
        "<blockquote><p>Said.</p></blockquote>",
    ]


def test_french_punctuation_gets_no_break_spaces() -> None:
    assert spaced("Qui ? « Moi » : toi !") == "Qui&nbsp;? «&nbsp;Moi&nbsp;»&nbsp;: toi&nbsp;!"
