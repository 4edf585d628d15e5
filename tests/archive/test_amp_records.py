"""An AMP page that fails for a moment neither ends a story nor shortens it, live and in the archive alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from archive.test_following_records import SITE, Archive
from stories_made import TITLE, paragraphs, story, tagged

from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_at
from newscrawl.extraction.story_forms import AMP
from newscrawl.items import Article, Rejection
from newscrawl.outlet import Outlet
from newscrawl.state.refetch_policy import AMP_MISSING, RETRY_DELAYS, next_fetch
from newscrawl.warc.story_parts import StoryPart

PATH, AMP_PATH = "/2026/the-ferry", "/2026/the-ferry/amp"
BODY = paragraphs(2_000)
NAMED = f'<link rel="amphtml" href="{SITE}{AMP_PATH}">'
SHELL = f"""<!doctype html><html><head><title>{TITLE}</title><meta property="og:title" content="{TITLE}">
<meta property="og:type" content="article">{NAMED}</head>
<body><div id="app"></div><noscript>JavaScript.</noscript><script src="/app.js"></script></body></html>"""
LEDE = story(tagged(BODY[:1]), head=NAMED)
WHOLE = story(tagged(BODY), head=f'<link rel="canonical" href="{SITE}{PATH}">')
FOREIGN = story(tagged(BODY), head=f'<link rel="canonical" href="{SITE}/2026/another">')
GUARDED = WHOLE.replace("<head>", '<head><script custom-element="amp-subscriptions"></script>')


def extracted(
    folder: Path,
    first: str,
    amp: str | None = None,
    status: str = "200 OK",
    browser: bool = False,
    **known: object,
) -> Article | Rejection:
    archive = Archive(folder)
    link = {"url": SITE + PATH, "via": "list", **known}
    pointer = archive.add(PATH, first, ("discovery", json.dumps(link)))
    if amp is not None:
        archive.add(AMP_PATH, amp, *StoryPart(pointer.record_id, 0, AMP).fields, status=status)
    outlet = Outlet(
        id="echo", title="Echo", home=SITE, country="FR", languages=["fr"], timezone="Europe/Paris",
        kind="regional", story_forms=[AMP], browser=browser,
    )  # fmt: skip
    (place,) = iter_pages(find_archive_files([archive.close()]))
    return extract_at(place.folder, place.pointer, outlet, parts=place.parts)


@pytest.mark.parametrize("status", ["503 Busy", None])
def test_a_page_without_text_whose_amp_page_fails_is_fetched_again(
    tmp_path: Path, status: str | None
) -> None:
    item = extracted(tmp_path, SHELL, WHOLE if status else None, status or "")
    assert isinstance(item, Rejection)
    assert (item.reason, item.detail) == (AMP_MISSING, "script_only")
    for failures, delay in enumerate(RETRY_DELAYS):
        assert next_fetch(item.reason, now=0, first=0, failures=failures).next_due == delay
    assert next_fetch(item.reason, now=0, first=0, failures=len(RETRY_DELAYS)).next_due is None


@pytest.mark.parametrize("amp", [FOREIGN, GUARDED])
def test_an_amp_page_that_came_and_is_of_no_use_is_no_reason_for_another_look(
    tmp_path: Path, amp: str
) -> None:
    item = extracted(tmp_path, SHELL, amp)
    assert isinstance(item, Rejection)
    assert item.reason == "script_only"


def test_no_amp_page_is_waited_for_where_pages_are_rendered(tmp_path: Path) -> None:
    item = extracted(tmp_path, SHELL, browser=True)
    assert isinstance(item, Rejection)
    assert item.reason == "script_only"


@pytest.mark.parametrize(("pages", "outcome"), [(2, "story_incomplete"), (0, "version 2"), (1, "version 2")])
def test_a_lede_does_not_replace_the_text_of_an_amp_page_that_fails(
    tmp_path: Path, pages: int, outcome: str
) -> None:
    item = extracted(tmp_path, LEDE, WHOLE, "503 Busy", known_id="a", known_version=1, known_pages=pages)
    if isinstance(item, Article):
        assert f"version {item.version}" == outcome
    else:
        assert (item.reason, item.detail) == (outcome, "1 of the 2 pages of version 1")


def test_the_amp_page_makes_the_version_when_it_comes(tmp_path: Path) -> None:
    item = extracted(tmp_path, LEDE, WHOLE, known_id="a", known_version=1, known_pages=2)
    assert isinstance(item, Article)
    assert (item.version, [block.text for block in item.blocks]) == (2, BODY)
