"""Text in elements that are never read, where it is most of the page's text."""

import pytest
from stories_made import page, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article

URL = "https://post.example/2025/wall"
BODY = paragraphs(3_000)


def texts(html: str) -> list[str]:
    article = extract(html, URL)
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
    assert not set(texts(page(f"<div>{teasers}</div>"))) & {" ".join(BODY[at : at + 3]) for at in range(6)}
