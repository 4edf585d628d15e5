"""Stories that only the scripts of a page hold."""

import json
from typing import Any

import pytest
from stories_made import TITLE, page, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article, Rejection

URL = "https://post.example/2025/wall"
BODY = paragraphs(2_000)
OTHERS = [{"title": f"Other headline {at}", "text": "A summary of another story. " * 40} for at in range(9)]
SHELL = "<div id=app></div>"


def state(value: Any, opening: str = "<script type=application/json>") -> str:
    return f"{opening}{json.dumps(value)}</script>".replace("</p>", "<\\/p>")


def linked_data(**fields: Any) -> str:
    node = {"@type": "NewsArticle", "headline": TITLE, **fields}
    return state(node, "<script type='application/ld+json'>")


@pytest.mark.parametrize(
    "script",
    [
        linked_data(articleBody="\n\n".join(BODY)),
        linked_data(articleBody=tagged(BODY)),
        state(
            {"props": {"related": OTHERS, "article": {"title": TITLE, "tags": ["a b"], "body": tagged(BODY)}}}
        ),
        state(
            {
                "a": OTHERS,
                "b": {"headline": TITLE, "blocks": [{"type": "p", "data": {"text": p}} for p in BODY]},
            }
        ),
        state({"a": {"name": TITLE, "paragraphs": BODY}}, "<script>window.__STATE__ = "),
    ],
)
def test_a_story_in_a_script_is_read_where_the_page_holds_none(script: str) -> None:
    article = extract(page(SHELL + script), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == BODY
    assert "script_body" in article.quality.flags
    assert article.quality.score is None


def test_a_story_on_the_page_is_read_there() -> None:
    html = story(tagged(BODY[:4]) + linked_data(articleBody="\n\n".join(BODY)))
    article = extract(html, URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == BODY[:4]
    assert "script_body" not in article.quality.flags


@pytest.mark.parametrize(
    "script",
    [
        state({"article": {"title": "Another headline", "body": tagged(BODY)}}),
        state({"article": {"title": TITLE, "body": "A short description of the story."}}),
        linked_data(articleBody="\n\n".join(BODY), isAccessibleForFree=False),
        f"<script>window.__STATE__ = {{title: '{TITLE}', body: '{' '.join(BODY)}'}}</script>",
        "<script type=application/json>" + "[" * 50_000,
    ],
)
def test_another_text_in_a_script_is_no_story(script: str) -> None:
    assert isinstance(extract(page(SHELL + script), URL), Rejection)
