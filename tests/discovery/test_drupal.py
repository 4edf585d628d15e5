"""The node that a page of Drupal names as JSON:API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.drupal import read_node
from newscrawl.items import Link

URL = "https://relay.example/jsonapi/node/article/0c9dd1fe"
TEXT = "<p>The ferry left at dawn.</p>"


def read(data: Any = None, **attributes: Any) -> Link | None:
    own = {
        "title": "The ferry < the bridge",
        "status": True,
        "created": "2026-03-02T08:00:00+00:00",
        "path": {"alias": "/2026/ferry", "pid": 7, "langcode": "en"},
        "body": {"value": "raw {{embed}}", "format": "basic_html", "processed": TEXT},
        **attributes,
    }
    node = {"type": "node--article", "id": "0c9dd1fe", "attributes": own}
    return read_node(json.dumps({"jsonapi": {"version": "1.0"}, "data": data or node}).encode(), URL)


def test_a_node_gives_its_formatted_body() -> None:
    link = read()
    assert link
    assert (link.url, link.from_url, link.guid) == ("https://relay.example/2026/ferry", URL, "0c9dd1fe")
    assert (link.title, link.content) == ("The ferry < the bridge", TEXT)
    assert link.published == "2026-03-02T08:00:00+00:00"


@pytest.mark.parametrize("path", [None, {"alias": None}, {"alias": ["/a"]}, "/a"])
def test_a_node_without_an_alias_has_the_address_of_the_answer(path: Any) -> None:
    link = read(path=path)
    assert link
    assert link.url == URL


@pytest.mark.parametrize("body", [None, {"value": TEXT}, {"processed": ""}, {"processed": 7}, [TEXT], TEXT])
def test_a_body_that_was_not_formatted_is_no_story(body: Any) -> None:
    link = read(body=body)
    assert link
    assert link.content is None


@pytest.mark.parametrize(
    "link",
    [
        read(status=False),
        read([{"type": "node--article"}]),
        read({"type": "user--user", "id": "1", "attributes": {"body": {"processed": TEXT}}}),
        read({"type": "node--article", "id": "1"}),
        read_node(b'{"errors": [{"status": "403"}]}', URL),
        read_node(b"[1]", URL),
        read_node(b"<html>", URL),
        read_node(b"", URL),
    ],
)
def test_what_is_no_published_node_is_no_story(link: Link | None) -> None:
    assert link is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(body: bytes) -> None:
    assert read_node(body, URL) is None
