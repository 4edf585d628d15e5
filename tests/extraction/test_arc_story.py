"""The story that an Arc page holds as data is a witness, where the outlet asks for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stories_made import TITLE, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article
from newscrawl.outlet import Outlet

URL = "https://post.example/2026/wall/"
BODY = paragraphs(2_400)
BOX = paragraphs(700, skip=300)
"Paragraphs of another story among those of this one, which look like them."


def outlet(*forms: str) -> Outlet:
    return Outlet(
        id="post", title="Selby Post", home="https://post.example/", country="GB", languages=["en"],
        timezone="Europe/London", kind="regional", story_forms=list(forms),
    )  # fmt: skip


def content(**more: Any) -> dict[str, Any]:
    elements = [{"_id": f"P{at}", "type": "text", "content": text} for at, text in enumerate(BODY)]
    elements.insert(2, {"_id": "I", "type": "image", "caption": "A picture of the wall", "url": "/wall.jpg"})
    elements.insert(4, {"_id": "L", "type": "interstitial_link", "content": "Read more: another wall"})
    return {
        "type": "story",
        "version": "0.10.9",
        "headlines": {"basic": TITLE},
        "credits": {"by": [{"type": "author", "name": "Ines Halder"}, {"type": "author"}, None]},
        "first_publish_date": "2026-03-02T08:00:00Z",
        "content_elements": elements,
        **more,
    }


def html(state: Any, head: str = "") -> str:
    text = state if isinstance(state, str) else json.dumps(state)
    script = (
        f"window.Fusion=window.Fusion||{{}};Fusion.arcSite='post';Fusion.globalContent={text};Fusion.x={{}};"
    )
    lines = f"{tagged(BODY[:2])}<div class=c9>{tagged(BOX)}</div>{tagged(BODY[2:])}"
    return story(lines + f"<script id=fusion-metadata>{script}</script>", head=head)


def read(page: str, *forms: str) -> Article:
    article = extract(page, URL, outlet=outlet(*forms))
    assert isinstance(article, Article)
    return article


def test_the_data_of_the_page_say_what_the_story_is() -> None:
    article = read(html(content()), "arc")
    assert [block.text for block in article.blocks] == BODY
    assert article.quality.witness == "page"
    assert article.quality.witness_only_chars == 0


def test_nobody_asks_and_nothing_changes() -> None:
    plain = read(html(content()))
    assert plain.quality.witness == "none"
    assert set(BOX) <= {block.text for block in plain.blocks}
    assert plain.extractor.config_hash != read(html(content()), "arc").extractor.config_hash
    assert plain.extractor.config_hash == read(html(content()), "wordpress", "amp").extractor.config_hash


@pytest.mark.parametrize(
    "page",
    [
        html(content(type="video")),
        html(content(content_elements=[])),
        html(content(content_elements={"type": "text"})),
        html(content(content_restrictions={"content_code": "subs-only"})),
        html(content(content_restrictions={"content_code": "premium"})),
        html(content(is_premium=True)),
        html(content(), head='<meta name="article:content_tier" content="locked">'),
        html("{broken"),
        html("[1, 2]"),
        html('{"type": "story", "content_elements": ' + "[" * 5_000),
    ],
    ids=["video", "empty", "no_list", "own_code", "premium", "flag", "tier", "broken", "list", "deep"],
)
def test_what_is_no_open_story_is_no_witness(page: str) -> None:
    assert read(page, "arc").quality.witness == "none"


def test_a_code_for_everybody_is_no_wall() -> None:
    free = content(content_restrictions={"content_code": "Free"})
    assert read(html(free), "arc").quality.witness == "page"


def test_a_feed_comes_before_the_data_of_the_page() -> None:
    article = extract(html(content()), URL, outlet=outlet("arc"), witness=tagged(BODY))
    assert isinstance(article, Article)
    assert article.quality.witness == "feed"
