"""When the AMP page gives the text of a story, and what of the line stays that of the page."""

from __future__ import annotations

import pytest
from stories_made import TITLE, page, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.extraction.amp import is_guarded_amp, take_amp_text
from newscrawl.items import Article, Http, Rejection, WarcPointer

URL, AMP_URL = "https://post.example/2026/wall/", "https://amp.post.example/wall"
BODY = paragraphs(2_000)
CANONICAL = f'<link rel="canonical" href="{URL}">'
HTTP = Http(status=200, etag='"1"', last_modified="Mon, 02 Mar 2026 08:00:00 GMT", content_type="text/html")


def pointer(number: int) -> WarcPointer:
    return WarcPointer(file="a.warc.gz", offset=number, length=1, record_id=f"<urn:uuid:{number}>")


def amp(html: str) -> Article | Rejection:
    return extract(html, AMP_URL).model_copy(update={"warc": pointer(2)})


def shown(html: str) -> Article | Rejection:
    return extract(html, URL).model_copy(update={"warc": pointer(1)})


EMPTY = shown(page("<div id=app></div>"))
WHOLE_AMP = amp(story(tagged(BODY), head=CANONICAL))


def take(page_item: Article | Rejection, amp_item: Article | Rejection) -> Article | Rejection:
    return take_amp_text(page_item, amp_item, url=URL, http=HTTP)


def test_the_text_is_that_of_the_amp_page_and_the_identity_that_of_the_page() -> None:
    line = take(EMPTY, WHOLE_AMP)
    assert isinstance(line, Article)
    assert [block.text for block in line.blocks] == BODY
    assert (line.title, line.url, line.url_norm, line.domain) == (TITLE, URL, URL, "post.example")
    assert (line.warc, line.url_requested) == (pointer(1), URL)
    assert [(part.url, part.warc) for part in line.pages] == [(URL, pointer(1)), (AMP_URL, pointer(2))]
    assert (line.http.status, line.http.etag, line.http.last_modified) == (200, None, None)
    assert line.quality.flags[0] == "amp_text"
    same = shown(story(tagged(BODY)))
    assert isinstance(same, Article)
    assert (line.id, line.text_sha256) == (same.id, same.text_sha256)


def test_what_reserves_the_page_holds_for_its_amp_page() -> None:
    walled = amp(story(tagged(BODY), head=f'{CANONICAL}<meta name=robots content="noarchive">'))
    line = take_amp_text(EMPTY, walled, url=URL, http=HTTP, reserved_by=["noai"])
    assert isinstance(line, Article)
    assert line.rights.reserved_by == ["noai", "noarchive"]
    lede = shown(story(tagged(BODY[:1]), head='<meta name=robots content="noai">'))
    line = take(lede, walled)
    assert isinstance(line, Article)
    assert line.rights.reserved_by == ["noai", "noarchive"]


def test_a_page_with_a_lede_alone_gets_the_whole_story() -> None:
    lede = shown(story(tagged(BODY[:1])))
    assert isinstance(lede, Article)
    line = take(lede, WHOLE_AMP)
    assert isinstance(line, Article)
    assert line.text == "\n\n".join(BODY)


@pytest.mark.parametrize(
    ("page_item", "amp_item"),
    [
        (EMPTY, amp(story(tagged(BODY)))),
        (EMPTY, amp(story(tagged(BODY), head=CANONICAL.replace("wall", "ferry")))),
        (EMPTY, amp(page("<p>Nothing.</p>", head=CANONICAL))),
        (EMPTY, amp(story(tagged(BODY), head=f'{CANONICAL}<meta name=access content="locked">'))),
        (shown(story(tagged(BODY))), WHOLE_AMP),
        (shown(story(tagged(paragraphs(200, skip=90)))), WHOLE_AMP),
        (EMPTY.model_copy(update={"reason": "bot_wall"}), WHOLE_AMP),
        (EMPTY.model_copy(update={"reason": "error_page"}), WHOLE_AMP),
    ],
    ids=["no_canonical", "other_canonical", "empty", "walled", "whole_page", "other_text", "bots", "error"],
)
def test_the_page_stays_as_it_is(page_item: Article | Rejection, amp_item: Article | Rejection) -> None:
    assert take(page_item, amp_item) is page_item


@pytest.mark.parametrize(
    ("html", "is_guarded"),
    [
        (b'<script async custom-element="amp-access" src="https://cdn.example/a.js"></script>', True),
        (b'<script async custom-element="AMP-Subscriptions" src="/a.js"></script>', True),
        (b'<section subscriptions-section="content"><p>Text</p></section>', True),
        (b"<p>Access to the amp page, by subscriptions.</p><amp-img></amp-img>", False),
    ],
)
def test_an_amp_page_that_hides_its_story_from_some_is_guarded(html: bytes, is_guarded: bool) -> None:
    assert is_guarded_amp(html) is is_guarded
