"""Boxes of facts, summaries and galleries beside a story."""

import pytest
from blocks_made import blocks_of
from lxml.html import fromstring
from stories_made import paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.extraction.labelled_boxes import find_boxes_beside
from newscrawl.items import Article

URL = "https://post.example/2025/wall"
BODY = paragraphs(3_000)
HALF = len(BODY) // 2
POINTS = [
    "Built in 1920 by hand",
    "Twelve metres high and three metres wide",
    "Repaired twice, in 1953 and 1987",
]


def read(html: str) -> Article:
    article = extract(html, URL)
    assert isinstance(article, Article)
    return article


def amid(box: str) -> Article:
    return read(story(f"<div class=text>{tagged(BODY[:HALF])}{box}{tagged(BODY[HALF:])}</div>"))


def above(box: str, body: list[str] = BODY) -> Article:
    return read(story(f"<div class=text>{box}{tagged(body)}</div>"))


def texts(article: Article) -> list[str]:
    return [block.text for block in article.text_blocks]


def boxes_in(article: Article) -> list[str]:
    return [block.text for block in article.blocks if block.kind == "box"]


def box(label: str, open_tag: str, close: str, heading: str = "h3") -> str:
    return f"{open_tag}<{heading}>{label}</{heading}><ul>{tagged(POINTS, 'li')}</ul>{close}"


@pytest.mark.parametrize(
    ("label", "open_tag", "close"),
    [
        ("Fakta om muren", "<aside>", "</aside>"),
        ("FAKTEN: Die Mauer", "<div class=article-box>", "</div>"),
        ("Repères", "<section>", "</section>"),
        ("Lo que debes saber", "<div class='has-background'>", "</div>"),
        ("The wall of the quay", "<div class=factbox>", "</div>"),
    ],
)
def test_a_box_of_facts_amid_the_story_goes(label: str, open_tag: str, close: str) -> None:
    article = amid(box(label, open_tag, close))
    assert texts(article) == BODY
    assert "fact_box" in {removed.reason for removed in article.removed}
    # It is kept where it stands, beside the text.
    assert article.blocks[HALF].kind == "box"
    assert boxes_in(article) == ["\n".join([label, *POINTS])]


@pytest.mark.parametrize(
    ("label", "open_tag", "close"),
    [
        ("À savoir", "", ""),
        ("À savoir", "<div>", "</div>"),
        ("Facts matter to the people of the quay", "<section>", "</section>"),
        ("The wall of the quay", "<section>", "</section>"),
    ],
)
def test_a_section_of_the_story_stays(label: str, open_tag: str, close: str) -> None:
    assert set(texts(amid(box(label, open_tag, close)))) >= {label, *POINTS, *BODY}


@pytest.mark.parametrize(
    ("open_tag", "close", "headings"),
    [
        ("<section>", "</section>", ("Les faits", "Le procès", "Le verdict", "La suite")),
        ("<section>", "</section>", ("The facts", "The trial", "The verdict", "By the numbers")),
        ("<section>", "</section>", ("En chiffres", "Les acteurs", "À savoir", "Les réactions")),
        ("<div class=info-bloc>", "</div>", ("Le marché", "Les prix", "Le vote", "En chiffres")),
        ("<details>", "</details>", ("Good to know", "Where to go", "What it costs")),
    ],
)
def test_a_story_told_in_sections_keeps_all_of_them(
    open_tag: str, close: str, headings: tuple[str, ...]
) -> None:
    size = len(BODY) // len(headings)
    parts = [BODY[at * size : (at + 1) * size] for at in range(len(headings))]
    sections = (
        f"{open_tag}<h2>{heading}</h2>{tagged(part)}{close}"
        for heading, part in zip(headings, parts, strict=True)
    )
    found = texts(read(story(f"<div class=text>{''.join(sections)}</div>")))
    assert [text for text in found if text in BODY] == BODY[: size * len(headings)]


def test_a_box_of_facts_below_sections_without_headings_goes() -> None:
    parts = "".join(f"<section>{tagged(BODY[at : at + 3])}</section>" for at in range(0, len(BODY), 3))
    article = read(story(f"<div>{parts}{box('Fakten', '<section>', '</section>')}</div>"))
    assert texts(article) == BODY


@pytest.mark.parametrize("tag", ["section", "aside"])
def test_boxes_of_facts_in_number_go(tag: str) -> None:
    boxes = "".join(box(label, f"<{tag}>", f"</{tag}>") for label in ("Fakten", "Zur Person", "Repères"))
    article = amid(boxes)
    assert texts(article) == BODY
    assert [text.split("\n")[0] for text in boxes_in(article)] == ["Fakten", "Zur Person", "Repères"]


ROWS = "".join(
    f"<tr><th>{name}</th><td>{value}</td></tr>"
    for name, value in (("Built", "1920"), ("Height", "12 metres"), ("Owner", "Port of Selby"))
)


@pytest.mark.parametrize(
    "html",
    [
        f"<table class='infobox vcard'>{ROWS}</table>",
        f"<div class=info-box><table>{ROWS}</table></div>",
        f"<aside><h4>Steckbrief</h4><ul>{tagged(POINTS, 'li')}</ul></aside>",
    ],
)
def test_a_box_of_facts_that_the_classifier_left_out_is_found_beside_the_text(html: str) -> None:
    blocks = blocks_of(fromstring(f"<div>{tagged(BODY[:2])}{html}{tagged(BODY[2:4])}<p>Share</p></div>"))
    inside = [*range(2, len(blocks) - 3)]
    story = [0, 1, len(blocks) - 3, len(blocks) - 2]
    assert find_boxes_beside(blocks, story, [], [*inside, len(blocks) - 1]) == [inside]
    # One that stands apart from all paragraphs says nothing about the story.
    blocks = blocks_of(fromstring(f"<div><main>{tagged(BODY[:2])}</main><div>{html}</div></div>"))
    assert find_boxes_beside(blocks, [0, 1], [], [*range(2, len(blocks))]) == []


@pytest.mark.parametrize(
    "html",
    [
        "<div class=factbox><p>Sign up for our newsletter</p><p>Never miss what happens here.</p></div>",
        "<aside><h3>En bref</h3><p><a href=/1>School roof: parents ask for a date</a></p>"
        "<p><a href=/2>Ferry: two boats more from May</a></p></aside>",
        "<aside class=author-box><h3>Zur Person</h3><p>Ada Brandt has written for us for long.</p></aside>",
    ],
)
def test_offers_links_and_authors_in_such_boxes_are_no_facts(html: str) -> None:
    assert boxes_in(amid(html)) == []


def test_a_box_changes_nothing_about_text_and_languages() -> None:
    german = "Die Mauer wurde im Jahr 1920 von den Fischern des Dorfes gebaut."
    plain, boxed = amid(""), amid(f"<aside><h3>Fakten</h3><p>{german}</p></aside>")
    assert [block.lang for block in boxed.blocks if block.kind == "box"] == ["de"]
    for name in (
        "text",
        "text_sha256",
        "word_count",
        "char_count",
        "lang",
        "lang_score",
        "lang_mix",
        "is_mixed",
    ):
        assert getattr(boxed, name) == getattr(plain, name)


def test_a_story_that_is_in_such_a_box_stays() -> None:
    inside = f"<section><h2>What you need to know</h2>{tagged(BODY)}</section>"
    assert texts(read(story(inside)))[-len(BODY) :] == BODY


SUMMARY = ["The wall is to be rebuilt by spring.", "The council pays for the works on the quay."]


@pytest.mark.parametrize(
    "html",
    [
        f"<div class=top><h2>Kort fortalt</h2><ul>{tagged(SUMMARY, 'li')}</ul></div>",
        f"<div class=top><p>Das Wichtigste in Kürze</p>{tagged(SUMMARY)}</div>",
        f"<div class=top><p><b>AI summary</b></p>{tagged(SUMMARY)}</div>",
        f"<div class=top>{tagged(SUMMARY)}<p>Sammendraget er laget av en maskin og lest av oss.</p></div>",
    ],
)
def test_a_summary_above_a_longer_story_goes(html: str) -> None:
    assert texts(above(html)) == BODY


def test_a_summary_stays_if_no_longer_story_follows() -> None:
    html = f"<div class=top><h2>In short</h2>{tagged(BODY[:4])}</div>"
    assert set(texts(above(html, BODY[4:6]))) >= set(BODY[:6])


def test_a_summary_below_the_beginning_is_a_section() -> None:
    article = amid(f"<div class=top><h2>In short</h2>{tagged(SUMMARY)}</div>")
    assert set(texts(article)) >= {"In short", *SUMMARY}


SHOWN = ["The northern wall at low tide last Tuesday", "Workmen carry stones to the quay at night"]


def slides(name: str, picture: str = "<img src=/wall.jpg>") -> str:
    inside = "".join(
        f"<div class=item>{picture}<p>{at} of 12</p><p>{text}</p></div>"
        for at, text in enumerate(SHOWN, start=2)
    )
    return f"<div class='{name}'>{inside}</div>"


def test_captions_of_a_carousel_amid_the_story_go() -> None:
    assert texts(amid(slides("photo-carousel"))) == BODY
    assert texts(amid(slides("text"))) == [*BODY[:HALF], *SHOWN, *BODY[HALF:]]
    assert texts(amid(slides("photo-carousel", picture=""))) == [*BODY[:HALF], *SHOWN, *BODY[HALF:]]


def test_a_page_that_is_a_gallery_keeps_its_items_in_order() -> None:
    items = "".join(
        f"<div class=gallery-item><h3>{at}. {text[:24]}</h3><p>{at} of {len(BODY)}</p><p>{text}</p></div>"
        for at, text in enumerate(BODY, start=1)
    )
    found = texts(read(story(f"<div class=gallery>{items}</div>")))
    assert [text for text in found if text in BODY] == BODY
    assert not any(text.endswith(f" of {len(BODY)}") for text in found)


def test_numbered_items_in_a_slideshow_below_a_longer_introduction_stay() -> None:
    items = "".join(
        f"<div class=slide><img src=/wall.jpg><p>{at}. {text}</p></div>"
        for at, text in enumerate(SHOWN, start=1)
    )
    assert texts(amid(f"<div class=slideshow>{items}</div>"))[HALF] == f"1. {SHOWN[0]}"
