"""What the classifier left out, by kind."""

import pytest
from blocks_made import blocks_of
from lxml.html import fromstring
from stories_made import paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.extraction.extract import trace_extraction
from newscrawl.extraction.removal_kinds import find_removal_kinds
from newscrawl.items import Article

URL = "https://post.example/2025/wall"
BODY = paragraphs(3_000)
LONG = (
    "The parents wrote to the council to ask when the buckets will leave the school, who pays for the "
    "roof, and why nobody answered the letter that they sent in January."
)


def find_kinds(html: str, text: str) -> list[str | None]:
    """The kinds of the blocks with a text that the classifier left out."""
    trace = trace_extraction(html.encode(), URL)
    assert trace.view is not None
    assert trace.body is not None
    return [
        trace.body.kinds.get(at)
        for at, (block, verdict) in enumerate(zip(trace.view.blocks, trace.body.verdicts, strict=True))
        if block.text == text and verdict == "unlikely"
    ]


@pytest.mark.parametrize(
    ("html", "text", "kind"),
    [
        ("<nav><ul><li><a href=/sport>Sport</a></ul></nav>", "Sport", "boilerplate"),
        ("<div class=mainMenu><ul><li><a href=/sport>Sport</a></ul></div>", "Sport", "boilerplate"),
        ("<div class=share-bar><a href=/m>Send this by mail</a></div>", "Send this by mail", "boilerplate"),
        ("<div><p>Anzeige</p></div>", "Anzeige", "boilerplate"),
        (
            "<footer><p>The Quay Post, 4 Harbour Street</p></footer>",
            "The Quay Post, 4 Harbour Street",
            "boilerplate",
        ),
        (
            "<ul class=latest><li><a href=/2025/roof>School roof: parents ask for a date</a></ul>",
            "School roof: parents ask for a date",
            "related",
        ),
        (
            "<div><h4><a href=/2025/roof>School roof: parents ask for a date</a></h4></div>",
            "School roof: parents ask for a date",
            "related",
        ),
        (
            "<div class=newsletterBox><p>The quay in your letter box</p></div>",
            "The quay in your letter box",
            "promo",
        ),
        ("<div class=author-bio><p>Ada Brandt, reporter</p></div>", "Ada Brandt, reporter", "people"),
        ("<div class=comments><p>Rosa, 4 March</p></div>", "Rosa, 4 March", "comment"),
        ("<div class=fact-box><a href=/1>1953</a> <a href=/2>1987</a></div>", "1953 1987", "box"),
    ],
)
def test_the_place_of_a_block_below_the_story_shows_what_it_is(html: str, text: str, kind: str) -> None:
    page = story(f"<div class=text>{tagged(BODY)}</div>") + html
    assert find_kinds(page, text) == [kind]


def test_a_paragraph_in_another_article_is_another_story() -> None:
    page = fromstring(
        f"<div><article><p>{LONG}</p><p>{LONG}</p></article><article><p>{LONG}</p></article></div>"
    )
    blocks = blocks_of(page)
    assert find_removal_kinds(blocks, [1, 2], [0]) == {2: "other_story"}


def test_only_what_the_classifier_left_out_has_a_kind() -> None:
    link = "<a href=/2025/roof>School roof: parents ask for a date</a>"
    box = f"<aside class=related><h4>Lire aussi</h4>{link}</aside>"
    article = extract(story(f"<div class=text>{tagged(BODY)}</div>{box}"), URL)
    assert isinstance(article, Article)
    assert {part.reason for part in article.removed}
    assert all(part.kind is None for part in article.removed if part.reason != "unlikely")


def test_neighbours_of_a_kind_are_removed_together() -> None:
    menu = "".join(f"<li><a href=/{name}>{name}</a></li>" for name in ("Sport", "Culture", "Weather"))
    titles = "".join(
        f"<li><a href=/2025/{at}>Story {at} of the harbour and its wall</a></li>" for at in range(3)
    )
    page = story(f"<div class=text>{tagged(BODY)}</div>") + (
        f"<ul class=latest>{titles}</ul><nav><ul>{menu}</ul></nav>"
    )
    article = extract(page, URL)
    assert isinstance(article, Article)
    kinds = [part.kind for part in article.removed if part.reason == "unlikely"]
    assert kinds[-2:] == ["related", "boilerplate"]
    assert article.removed[-1].sample == "Sport Culture Weather"


def test_where_kinds_alternate_often_those_of_a_kind_are_together() -> None:
    items = "".join(
        f"<div class=latest><a href=/2025/{at}>Story {at} of the harbour</a></div>"
        f"<nav><a href=/{at}>{at}th</a></nav>"
        for at in range(60)
    )
    article = extract(story(f"<div class=text>{tagged(BODY)}</div>") + items, URL)
    assert isinstance(article, Article)
    kinds = [part.kind for part in article.removed if part.reason == "unlikely"]
    assert {"related", "boilerplate"} <= {*kinds}
    assert len(kinds) == len({*kinds})


def test_names_of_wrappers_around_the_story_say_nothing() -> None:
    page = f"<body class='has-menu navigation'>{story(f'<div class=menu-page>{tagged(BODY)}</div>')}</body>"
    page += "<ul class=latest><li><a href=/2025/roof>School roof: parents ask for a date</a></ul>"
    assert find_kinds(page, "School roof: parents ask for a date") == ["related"]
