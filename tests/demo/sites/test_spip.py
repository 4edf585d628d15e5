"""The SPIP site over HTTP."""

from __future__ import annotations

from typing import Any

import feedparser
import pytest

from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.server import Newsroom

SITE = demo_site("val_sambre")


@pytest.fixture
def base(newsroom: Newsroom) -> str:
    return newsroom.bases["val_sambre"]


def test_the_backend_is_latin_and_lists_every_story(base: str, fetch: Any) -> None:
    answer = fetch(f"{base}/spip.php?page=backend")
    feed = feedparser.parse(answer.body)
    titles = {entry.link.removeprefix(base): entry.title for entry in feed.entries}
    assert b"\xe9" in answer.body
    assert {SITE.story_path(s): s.title for s in SITE.desk.listed}.items() <= titles.items()


def test_the_charset_is_said_once_in_the_header_or_in_the_page(base: str, fetch: Any) -> None:
    for story_id, in_header in ((302, True), (303, False)):
        answer = fetch(base + SITE.story_path(SITE.desk.find(story_id)))
        assert ("iso-8859-1" in answer.header("Content-Type")) is in_header
        assert (b"charset=iso-8859-1" in answer.body) is not in_header
        assert "é".encode("latin-1") in answer.body
        assert "é".encode() not in answer.body


def test_pages_come_in_chunks(base: str, fetch: Any) -> None:
    answer = fetch(base + SITE.story_path(SITE.desk.find(302)))
    assert answer.header("Transfer-Encoding") == "chunked"
    assert answer.body.rstrip().endswith(b"</html>")


@pytest.mark.parametrize(
    ("story_id", "words"),
    [
        (301, "mardi 3 mars 2026, mis à jour le 4 mars 2026 à 08h30"),
        (302, "4 mars 2026 à 14h05"),
        (315, "jeudi 18 juin 2026"),
    ],
)
def test_dates_are_french_words(base: str, fetch: Any, story_id: int, words: str) -> None:
    body = fetch(base + SITE.story_path(SITE.desk.find(story_id))).body.decode("latin-1")
    assert words in body


def test_the_identity_is_in_the_query(base: str, fetch: Any) -> None:
    assert fetch(f"{base}/spip.php").status == 404
    assert fetch(f"{base}/spip.php?article99999").status == 404
    old = fetch(f"{base}/article.php3?id_article=302")
    assert (old.status, old.header("Location")) == (301, f"{base}/spip.php?article302")


def test_sections_link_their_stories(base: str, fetch: Any) -> None:
    pages = [fetch(f"{base}/spip.php?rubrique{number}").body.decode("latin-1") for number in range(1, 10)]
    for story in SITE.desk.listed:
        assert any(SITE.story_path(story).lstrip("/") in page for page in pages)
