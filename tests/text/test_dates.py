"""Which of a page's dates is believed."""

import datetime as dt
from zoneinfo import ZoneInfo

from lxml.html import document_fromstring

from newscrawl.items import Link
from newscrawl.text.blocks import blocks_of
from newscrawl.text.dates import Dated, Dates, dates_of
from newscrawl.text.head import head_of

URL = "https://journal.example/actu/a"


def dates(
    html: str,
    *,
    url: str = URL,
    selector: str | None = None,
    link: Link | None = None,
    zone: str = "Africa/Douala",
) -> Dates:
    tree = document_fromstring(f"<html>{html}</html>")
    return dates_of(
        head_of(tree, url, {}),
        tree,
        blocks_of(tree),
        titles={"le titre"},
        selector=selector,
        zone=ZoneInfo(zone),
        fetched=dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
        link=link,
    )


def told(dated: Dated | None) -> tuple[str, str] | None:
    return (dated.moment.text(), dated.source) if dated else None


def ld(**fields: str) -> str:
    pairs = ", ".join(f'"{name}": "{value}"' for name, value in fields.items())
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", {pairs}}}</script>'


IN_INDIA = "<body><h1>Le titre</h1><p>Created: 08-05-2025 11:20 IST</p>"
META = '<meta property="article:published_time" content="2025-05-02T10:00:00Z">'


def test_json_ld_comes_before_meta_and_meta_before_the_page() -> None:
    shown = "<body><h1>Le titre</h1><time datetime='2025-05-03'>x</time>"
    both = dates(f"<head>{META}{ld(datePublished='2025-05-01')}</head>{shown}")
    assert told(both.published) == ("2025-05-01", "jsonld")
    meta = dates(f"<head>{META}</head>{shown}")
    assert told(meta.published) == ("2025-05-02T10:00:00+00:00", "meta")


def test_the_outlets_own_selector_comes_first() -> None:
    line = "Updated: 09-05-2025 12:00 IST | Created: 08-05-2025 11:00 IST"
    found = dates(f"<head>{META}</head><body><p class=d>{line}</p>", selector="p.d")
    assert told(found.published) == ("2025-05-08T11:00:00+05:30", "dom")


def test_visible_lines_are_read_by_their_labels() -> None:
    found = dates(
        "<body><h1>Le titre</h1><p>Mis à jour le 9 mai 2025 à 10h00</p><p>Publié le 8 mai 2025 à 09h30</p>"
    )
    assert told(found.published) == ("2025-05-08T09:30:00+01:00", "dom")
    assert told(found.modified) == ("2025-05-09T10:00:00+01:00", "dom")


def test_a_date_near_the_headline_comes_before_one_in_a_list() -> None:
    teasers = "".join(f"<ul class=latest><li>{day} avril 2025</li></ul>" for day in range(1, 9))
    found = dates(f"<body>{teasers}<h1>Le titre</h1><div class=signature>Par Awa Ndiaye, le 8 mai 2025</div>")
    assert told(found.published) == ("2025-05-08", "dom")


def test_times_about_other_stories_are_passed_over() -> None:
    aside = "<aside><time datetime='2025-01-01'>x</time></aside>"
    found = dates(f"<body>{aside}<h1>Le titre</h1><time datetime='2025-05-08T07:00'>x</time>")
    assert told(found.published) == ("2025-05-08T07:00:00+01:00", "dom")


def test_a_date_after_the_capture_is_not_believed() -> None:
    found = dates(f"<head>{ld(datePublished='2031-01-01')}{META}</head><body>x")
    assert told(found.published) == ("2025-05-02T10:00:00+00:00", "meta")


def test_the_address_then_the_feed_are_the_last_sources() -> None:
    link = Link(url=URL, via="feed", published="Thu, 08 May 2025 06:00:00 GMT")
    assert told(dates("<body>x", url="https://journal.example/2025/05/07/a", link=link).published) == (
        "2025-05-07",
        "url",
    )
    assert told(dates("<body>x", link=link).published) == ("2025-05-08T06:00:00+00:00", "feed")
    assert dates("<body>x").published is None


def test_indian_wall_time_under_a_wrong_offset_is_mended() -> None:
    page = f"<head>{ld(datePublished='2025-05-08T11:20:00+00:00')}</head>{IN_INDIA}"
    assert told(dates(page, zone="Asia/Kolkata").published) == ("2025-05-08T11:20:00+05:30", "jsonld")


def test_another_wall_time_leaves_the_offset_alone() -> None:
    page = f"<head>{ld(datePublished='2025-05-08T05:50:00+00:00')}</head>{IN_INDIA}"
    assert told(dates(page, zone="Asia/Kolkata").published) == ("2025-05-08T05:50:00+00:00", "jsonld")
