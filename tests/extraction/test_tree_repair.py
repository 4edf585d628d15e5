"""Text in elements that are never read, where it is most of the page's text."""

import html
from textwrap import fill

import pytest
from lxml.html import document_fromstring
from stories_made import page, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.extraction.blocks import build_outline
from newscrawl.extraction.parse import ParsedPage, parse_page
from newscrawl.extraction.tree_repair import end_head
from newscrawl.items import Article

URL = "https://post.example/2025/wall"
BODY = paragraphs(3_000)


def texts(markup: str) -> list[str]:
    article = extract(markup, URL)
    return [block.text for block in article.blocks] if isinstance(article, Article) else []


@pytest.mark.parametrize(
    "tag",
    [
        "button",
        "select",
        "option",
        "datalist",
        "dialog",
        "template",
        "noscript",
        "object",
        "video",
        "svg",
        "map",
    ],
)
def test_an_element_that_is_not_closed_does_not_take_the_story(tag: str) -> None:
    assert texts(story(f"<{tag}>Menu <div>{tagged(BODY)}</div>")) == BODY


def test_nor_do_several_inside_each_other() -> None:
    assert texts(story(f"<select><option>One<option>Two <button>Go <div>{tagged(BODY)}</div>")) == BODY


@pytest.mark.parametrize("tag", ["source", "track", "embed"])
def test_elements_that_hold_nothing_do_not_take_what_follows(tag: str) -> None:
    assert (
        texts(story(f"<div>{tagged(BODY[:2])}<{tag} src=/a.mp3><div>{tagged(BODY[2:])}</div></div>")) == BODY
    )


@pytest.mark.parametrize("tag", ["template shadowrootmode=open", "noscript", "dialog open", "button"])
def test_a_story_sent_inside_such_an_element_is_read(tag: str) -> None:
    assert texts(story(f"<div><{tag}>{tagged(BODY)}</{tag.partition(' ')[0]}></div>")) == BODY


def test_a_shadow_root_is_read_beside_a_longer_story() -> None:
    box = f"<story-part><template shadowrootmode=open>{tagged(BODY[3:5])}</template></story-part>"
    assert texts(story(tagged(BODY[:3]) + box + tagged(BODY[5:]))) == BODY


@pytest.mark.parametrize(
    "element",
    [
        "<noscript><p>{}</p></noscript>",
        "<dialog><p>{}</p></dialog>",
        "<select><option>{}</option></select>",
        "<template><p>{}</p></template>",
    ],
)
def test_the_same_elements_stay_unread_beside_a_story(element: str) -> None:
    other = " ".join(paragraphs(900, skip=400))
    assert texts(story(tagged(BODY) + element.format(other))) == BODY


@pytest.mark.parametrize("tag", ["h2", "h3", "h5"])
def test_a_story_written_as_headings_is_read(tag: str) -> None:
    assert texts(story(f"<div>{tagged(BODY, tag)}</div>")) == BODY
    inside = tagged(BODY, "div")
    assert texts(story(f"<div><{tag}>{inside}</{tag}></div>")) == BODY


def test_scripts_and_raw_text_are_no_story() -> None:
    raw = " ".join(BODY)
    assert texts(page(f"<textarea>{raw}</textarea><style>{raw}</style><noembed>{raw}</noembed>")) == []


def test_a_page_of_long_teasers_stays_one_of_links() -> None:
    teasers = "".join(f"<a href=/news/{at}><p>{' '.join(BODY[at : at + 3])}</p></a>" for at in range(6))
    parsed = parse_page(page(f"<div>{teasers}</div>").encode(), {})
    assert isinstance(parsed, ParsedPage)
    long = [block for block in build_outline(parsed.tree)[0] if len(block.text) > 200]
    assert len(long) == 6
    assert all(block.linked_chars == len(block.text) for block in long)


@pytest.mark.parametrize(
    "opening",
    [
        "<div style='visibility:hidden' id=content>",
        "<div style='display: none'>",
        "<section hidden>",
    ],
)
def test_a_story_that_a_script_shows_when_all_is_loaded_is_read(opening: str) -> None:
    tag = opening.partition(" ")[0].strip("<")
    assert texts(page(f"{opening}<h1>The north wall</h1>{tagged(BODY)}</{tag}>")) == BODY


def test_a_long_dialog_stays_hidden_beside_a_short_story() -> None:
    dialog = f"<div style='display:none'>{tagged(paragraphs(4_000, skip=400))}</div>"
    parsed = parse_page(story(tagged(BODY[:5]) + dialog).encode(), {})
    assert isinstance(parsed, ParsedPage)
    hidden = [block.text for block in build_outline(parsed.tree)[0] if block.hidden]
    assert hidden == paragraphs(4_000, skip=400)


@pytest.mark.parametrize(
    "opening", ["<title>The wall", "<style>td {color: red}", "<iframe src=/ad>", "<textarea>"]
)
def test_an_element_of_plain_text_that_is_not_closed_does_not_take_the_story(opening: str) -> None:
    assert texts(f"<html><head>{opening}</head><body><h1>The wall</h1>{tagged(BODY)}</body></html>") == BODY


@pytest.mark.parametrize("tag", ["noframes", "noembed"])
def test_what_browsers_without_frames_show_is_read(tag: str) -> None:
    inside = f"<body><h1>The wall</h1>{tagged(BODY)}</body>"
    assert texts(f"<title>The wall</title><frameset><frame src=a><{tag}>{inside}</{tag}></frameset>") == BODY
    assert texts(story(tagged(BODY) + f"<{tag}>{tagged(paragraphs(900, skip=400))}</{tag}>")) == BODY


def test_markup_in_a_field_is_no_story() -> None:
    field = f"<textarea>{tagged(paragraphs(5_000, skip=400))}</textarea>"
    assert texts(story(tagged(BODY) + field)) == BODY


@pytest.mark.parametrize("tag", ["pre", "xmp"])
@pytest.mark.parametrize(("first", "between"), [("", "\n\n"), ("   ", "\n   ")])
def test_a_story_in_lines_of_one_width_has_paragraphs(tag: str, first: str, between: str) -> None:
    wrapped = between.join(fill(text, 66, break_on_hyphens=False) for text in BODY)
    assert texts(story(f"<{tag}>\n{first}{wrapped}\n</{tag}>")) == BODY


@pytest.mark.parametrize(
    "lines",
    [
        ["The sea is grey, the sea is wide,", "we wait upon the morning tide;"] * 20,
        ["for (line = 0; line < lines.length; line++) { print(lines[line]); }"] * 20,
        ["Selby Quay | 12 | 13 | 14 | Harbour Street | 9 | 10 | 11 | Mill Lane"] * 20,
    ],
)
def test_verses_programs_and_tables_stay_as_they_are(lines: list[str]) -> None:
    parsed = parse_page(page(f"<pre>{html.escape(chr(10).join(lines))}</pre>").encode(), {})
    assert isinstance(parsed, ParsedPage)
    assert [block.text for block in build_outline(parsed.tree)[0] if block.kind == "pre"] == [
        "\n".join(lines)
    ]


@pytest.mark.parametrize("first", ["article", "main", "section", "header", "x-story"])
def test_an_element_that_no_head_may_hold_ends_it(first: str) -> None:
    body = f"<{first}><p>One.</p></{first}> Two. <p>Three."
    tree = document_fromstring(f"<!doctype html><meta charset=utf-8><title>A bell</title>{body}")
    end_head(tree)
    assert [part.tag for part in tree.find("head")] == ["meta", "title"]
    assert tree.find("body").text_content().split() == ["One.", "Two.", "Three."]
    assert tree.find("body")[0].tag == first


def test_what_a_head_may_hold_stays_in_it() -> None:
    html = "<title>A bell</title><x-consent></x-consent><meta name=author content=Ann><body>One.<p>Two."
    tree = document_fromstring(html)
    end_head(tree)
    assert [part.tag for part in tree.find("head")] == ["title", "meta"]
    assert tree.find("body").text_content() == "One.Two."
