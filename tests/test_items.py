"""Items: explained field by field, readable by itemadapter, one JSON Schema."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from itemadapter import ItemAdapter

from newscrawl.digests import blake2b_digest, json_digest
from newscrawl.items import (
    Article,
    Extractor,
    Link,
    Page,
    Rejection,
    StoryPage,
    WarcPointer,
    reject_article,
    rfc3339,
)

ARTICLE = Article(
    id="0" * 32,
    url_requested="http://a/1?utm_source=x",
    url="http://a/1",
    url_norm="http://a/1",
    title="Title",
    text="Text",
    text_sha256="0" * 64,
    extractor=Extractor(name="newscrawl", version="0"),
)


@pytest.mark.parametrize("model", [Article, Rejection])
def test_every_field_is_explained(model: type[Article] | type[Rejection]) -> None:
    properties = model.model_json_schema()["properties"]
    assert "schema" in properties
    assert not [name for name, field in properties.items() if not field.get("description")]


def test_an_article_has_every_key_of_its_schema() -> None:
    assert set(ARTICLE.model_dump(by_alias=True)) == set(Article.model_json_schema()["properties"])


def test_a_line_reads_back_as_the_same_article() -> None:
    assert Article.model_validate_json(ARTICLE.model_dump_json(by_alias=True)) == ARTICLE


def test_pages_of_an_old_line_are_addresses() -> None:
    old = {**ARTICLE.model_dump(by_alias=True), "pages": ["http://a/1", "http://a/1/2"]}
    assert Article.model_validate(old).pages == [StoryPage(url="http://a/1"), StoryPage(url="http://a/1/2")]


def test_items_are_readable_by_itemadapter() -> None:
    pointer = WarcPointer(file="a", offset=0, length=1, record_id="<urn:uuid:1>")
    page = Page(link=Link(url="http://a/", via="feed"), url="http://a/", status=200, warc=pointer)
    assert ItemAdapter(ARTICLE)["title"] == "Title"
    assert ItemAdapter(page)["status"] == 200


def test_a_refused_article_keeps_where_it_came_from() -> None:
    refused = reject_article(ARTICLE, "validate", "too_short")
    assert (refused.url_requested, refused.step, refused.reason) == (
        ARTICLE.url_requested,
        "validate",
        "too_short",
    )


def test_times_are_utc_with_microseconds() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert rfc3339(moment) == "2026-01-01T21:34:05.000006Z"
    assert rfc3339(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 1, 1))  # noqa: DTZ001 # the naive one is the point


def test_a_text_has_the_digest_that_databases_contain() -> None:
    assert blake2b_digest("paper\0https://paper.example/é", 16).hex() == "29ff7976fd4f896c3d8072c58ce4f6b2"
    assert blake2b_digest("\ud800", 8) == blake2b_digest("?", 8)


def test_the_order_of_keys_makes_no_difference() -> None:
    digest = json_digest({"a": 1, "b": [None, "é"]})
    assert (
        digest
        == json_digest({"b": [None, "é"], "a": 1})
        == "afa63d4e8ce99522757c796aa7da600f0b798314d5556ec91b751bc101dd505b"
    )
    assert json_digest({"b": [None, "é"], "a": 1}, 16) == digest[:16]
