"""Articles of a page that are parts of its story, and articles that are not."""

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring
from stories_made import TITLE, paragraphs, tagged

from newscrawl.extraction.article_parts import find_second_articles
from newscrawl.extraction.normalize import match_key

URL = "https://post.example/live/wall"
FIRST = paragraphs(600)
LATER = [paragraphs(500, skip=100 * at) for at in range(1, 5)]


def second_texts(html: str) -> list[str]:
    """The texts of the blocks that are in other articles."""
    blocks = blocks_of(document_fromstring(f"<html><body><main>{html}</main></body></html>"))
    second = find_second_articles(blocks, {match_key(TITLE)}, URL)
    return [block.text for block in blocks if id(block) in second]


def article(lines: list[str], *, head: str = "", classes: str = "part", times: str = "") -> str:
    return f"<article class='{classes}'>{times}{head}{tagged(lines)}</article>"


def stamp(at: int) -> str:
    return f"<time datetime=2025-06-18T10:0{at}:00Z>10:0{at}</time>"


def test_a_story_in_several_articles_is_one_story() -> None:
    assert second_texts(article(FIRST) + "".join(article(lines) for lines in LATER)) == []


def test_sections_with_headings_of_their_own_are_parts_below_the_headline() -> None:
    parts = "".join(article(lines, head=f"<h3>Part {at}</h3>") for at, lines in enumerate(LATER))
    assert second_texts(article(FIRST, head=f"<h1>{TITLE}</h1>") + parts) == []


def test_entries_in_items_of_a_list_and_with_numbers_in_their_names_are_parts() -> None:
    entries = "".join(
        f"<li>{article(lines, classes=f'post post-{at}', times=stamp(at), head=f'<h3>News {at}</h3>')}</li>"
        for at, lines in enumerate([FIRST, *LATER])
    )
    assert second_texts(f"<ol>{entries}</ol>") == []


def test_an_entry_may_link_to_itself_and_hold_a_quoted_post() -> None:
    post = "<div><article class=quoted><p>Nobody told us about the wall, wrote a reader.</p></article></div>"
    entries = "".join(
        article(
            lines, times=stamp(at), head=f"<h3><a href='{URL}?entry={at}#e{at}'>News {at}</a></h3>"
        ).replace("</article>", f"{post}</article>")
        for at, lines in enumerate([FIRST, *LATER])
    )
    assert second_texts(entries) == []


def test_entries_by_a_few_authors_are_parts() -> None:
    entries = "".join(
        article(
            lines, times=stamp(at), head=f"<span class=author>{'Ines Halder' if at % 2 else 'Tom Rye'}</span>"
        )
        for at, lines in enumerate([FIRST, *LATER])
    )
    assert second_texts(entries) == []


@pytest.mark.parametrize(
    "head",
    [
        "<h2>Another story begins</h2><time datetime=2025-06-18>18 June</time>",
        "<h1>Another story begins</h1>",
    ],
)
def test_stories_with_headlines_of_their_own_are_second(head: str) -> None:
    others = "".join(article(lines, head=head) for lines in LATER)
    found = second_texts(article(FIRST, head=f"<h1>{TITLE}</h1>") + others)
    assert {line for lines in LATER for line in lines} <= set(found)
    assert not set(found) & set(FIRST)


def test_teasers_are_second() -> None:
    teasers = "".join(
        article(lines[:1], times=stamp(at), head=f"<h3><a href=/news/{at}>A headline</a></h3>")
        for at, lines in enumerate(LATER)
    )
    assert all(lines[0] in second_texts(article(FIRST) + teasers) for lines in LATER)


@pytest.mark.parametrize("name", ["<b>{}</b>", "<h4 class=comment-author>{}</h4>", "<a rel=author>{}</a>"])
def test_comments_are_second_inside_the_article_and_below_it(name: str) -> None:
    names = ("Anna Bell", "Tom Rye", "Kit Moss", "Jo Lane")
    comments = "".join(
        article(lines[:1], classes="item", times=stamp(at), head=name.format(names[at]))
        for at, lines in enumerate(LATER)
    )
    below = second_texts(article(FIRST) + comments)
    inside = second_texts(article(FIRST).replace("</article>", f"{comments}</article>"))
    assert all(lines[0] in below and lines[0] in inside for lines in LATER)


def test_comments_under_names_in_headings_are_none_of_the_story() -> None:
    names = ("Awa Diallo", "Peer Halv", "Marta Ellings", "Jean Dupont", "Tom de Vries")
    lines = paragraphs(2_000, skip=300)[: len(names)]
    comments = "".join(
        f"<article class=box><h4>{name}</h4><time>10:0{at}</time><p>{line}</p></article>"
        for at, (name, line) in enumerate(zip(names, lines, strict=True))
    )
    html = f"<article><h1>{TITLE}</h1>{tagged(FIRST)}</article><section>{comments}</section>"
    assert set(lines) <= set(second_texts(html))
