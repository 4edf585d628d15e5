"""Stories and live blogs of any length come out whole, in time that grows with their length."""

from __future__ import annotations

from time import process_time

import pytest
from stories_made import TITLE, page, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article

URL = "https://post.example/2025/wall"
WHOLE = 0.99
SECONDS = 5


def read(html: str) -> Article:
    article = extract(html, URL)
    assert isinstance(article, Article)
    return article


def found_share(article: Article, lines: list[str]) -> float:
    """Characters of the lines that are in the text, as a share of all."""
    text = {block.text for block in article.blocks}
    return sum(len(line) for line in lines if line in text) / sum(map(len, lines))


@pytest.mark.parametrize("tag", ["p", "div", "li", "section", "blockquote"])
@pytest.mark.parametrize("chars", [1_000, 10_000, 44_000, 60_000, 150_000])
def test_a_story_of_any_length_is_whole(chars: int, tag: str) -> None:
    lines = paragraphs(chars)
    article = read(story(f"<div>{tagged(lines, tag)}</div>"))
    assert found_share(article, lines) >= WHOLE
    assert len(article.text) <= 1.05 * sum(map(len, lines)) + 200


@pytest.mark.parametrize("chars", [60_000, 200_000, 500_000])
def test_a_long_story_divided_by_line_breaks_is_whole(chars: int) -> None:
    lines = paragraphs(chars)
    assert found_share(read(story(f"<div>{'<br><br>'.join(lines)}</div>")), lines) >= WHOLE


def test_a_long_story_with_headings_in_sections_is_whole() -> None:
    lines = paragraphs(200_000)
    chapters = [
        f"<section><h2>Chapter {at}</h2>{tagged(lines[at : at + 9])}</section>"
        for at in range(0, len(lines), 9)
    ]
    assert found_share(read(story("".join(chapters))), lines) >= WHOLE


def live_page(
    entries: int, tag: str, *, headed: bool = True, intro: str = "<p>We follow the storm.</p>"
) -> tuple[str, list[str]]:
    """A live blog that declares nothing, and its lines."""
    lines = paragraphs(entries * 450)
    each = len(lines) // entries
    made = "".join(
        f"<{tag} class=update><time datetime=2025-06-18T{at // 60:02}:{at % 60:02}:00Z>"
        f"{at // 60:02}:{at % 60:02}</time>"
        f"{f'<h3>Update {at} from the wall</h3>' if headed else ''}"
        f"{tagged(lines[at * each : (at + 1) * each])}</{tag}>"
        for at in range(entries)
    )
    container = "ul" if tag == "li" else "div"
    html = page(f"<h1>{TITLE}</h1>{intro}<{container} class=stream>{made}</{container}>")
    return html, lines[: entries * each]


@pytest.mark.parametrize("tag", ["div", "article", "li"])
@pytest.mark.parametrize("entries", [5, 12, 60, 300])
@pytest.mark.parametrize("headed", [True, False])
def test_a_live_blog_is_whole_whatever_its_entries_are(entries: int, tag: str, *, headed: bool) -> None:
    html, lines = live_page(entries, tag, headed=headed)
    assert found_share(read(html), lines) >= WHOLE
    without_intro, lines = live_page(entries, tag, headed=headed, intro="")
    assert found_share(read(without_intro), lines) >= WHOLE


def test_entries_below_an_introduction_in_an_article_of_its_own_are_whole() -> None:
    intro = f"<article class=top>{tagged(paragraphs(600, skip=1_000))}</article>"
    html, lines = live_page(12, "article", intro=intro)
    assert found_share(read(html), lines) >= WHOLE


def test_entries_inside_the_article_are_whole() -> None:
    html, lines = live_page(12, "article", intro=tagged(paragraphs(600, skip=1_000)))
    nested = html.replace("<main>", "<main><article>").replace("</main>", "</article></main>")
    assert found_share(read(nested), lines) >= WHOLE


def test_time_grows_with_length_and_not_with_its_square() -> None:
    pages = [story(tagged(paragraphs(chars))) for chars in (100_000, 400_000)]
    read(pages[0])
    seconds = []
    for html in pages:
        start = process_time()
        read(html)
        seconds.append(process_time() - start)
    assert seconds[1] <= 8 * seconds[0] + 0.2
    assert seconds[1] < SECONDS
