"""Which of a page's dates is believed."""

import datetime as dt
from zoneinfo import ZoneInfo

from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.head import head_of
from newscrawl.extraction.metadata.dates import Dated, Dates, dates_of
from newscrawl.items import Link

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


def story(fields: str) -> str:
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", {fields}}}</script>'


def published(html: str, **known: str) -> str | None:
    found = dates(html, **known).published  # type: ignore[arg-type]
    return found.moment.text() if found else None


def test_a_first_of_january_at_no_hour_is_unknown() -> None:
    meta = '<meta property="article:published_time" content="2024-01-01">'
    assert published(f"<head>{meta}</head><body><h1>Le titre</h1>") is None
    midnight = story('"datePublished": "2024-01-01T00:00:00Z"')
    assert published(f"<head>{midnight}</head><body><h1>Le titre</h1><p>3 mars 2024</p>") == "2024-03-03"


def test_a_first_of_january_that_readers_see_or_that_has_an_hour_is_one() -> None:
    meta = '<meta property="article:published_time" content="2024-01-01">'
    assert (
        published(f"<head>{meta}</head><body><h1>Le titre</h1><p>Publié le 1er janvier 2024</p>")
        == "2024-01-01"
    )
    timed = story('"datePublished": "2024-01-01T09:30:00+01:00"')
    assert published(f"<head>{timed}</head><body><h1>Le titre</h1>") == "2024-01-01T09:30:00+01:00"


def test_where_two_declared_days_differ_the_one_that_readers_see_is_believed() -> None:
    script = story('"datePublished": "2024-03-03T10:00:00+01:00"')
    meta = '<meta property="article:published_time" content="2024-03-06T15:25:00+01:00">'
    page = f"<head>{script}{meta}</head><body><h1>Le titre</h1>"
    assert published(f"{page}<p>6 mars 2024</p>") == "2024-03-06T15:25:00+01:00"
    assert published(f"{page}<p>Un texte.</p>") == "2024-03-03T10:00:00+01:00"


def test_a_moment_in_utc_is_shown_by_the_pages_wall_clock_where_its_day_differs() -> None:
    script = story('"datePublished": "2024-03-04T00:25:56Z"')
    page = f"<head>{script}</head><body><h1>Le titre</h1>"
    assert published(f"{page}<p>3 mars 2024 21:25</p>") == "2024-03-03T21:25:56-03:00"
    assert published(f"{page}<p>4 mars 2024 01:25</p>") == "2024-03-04T00:25:56+00:00"
    assert published(f"{page}<p>3 mars 2024 21:11</p>") == "2024-03-04T00:25:56+00:00"


def test_a_vague_date_gives_way_to_an_earlier_change() -> None:
    meta = '<meta name="date" content="2024-03-09T11:00:00+01:00">'
    page = f"<head>{meta}</head><body><h1>Le titre</h1>"
    assert published(f"{page}<p>Stand: 08.03.2024</p>") == "2024-03-08"
    assert published(f"{page}<p>Mis à jour le 10 mars 2024</p>") == "2024-03-09T11:00:00+01:00"


def test_a_label_of_publication_beats_a_vague_name() -> None:
    meta = '<meta name="dc.date" content="2024-03-01">'
    assert (
        published(f"<head>{meta}</head><body><h1>Le titre</h1><p>Publié le 7 mars 2024</p>") == "2024-03-07"
    )


def test_nodes_beside_the_story_date_it_where_it_does_not() -> None:
    graph = '{"@graph": [{"@type": "NewsArticle"}, {"@type": "WebPage", "datePublished": "2024-03-03"}]}'
    script = f'<script type="application/ld+json">{graph}</script>'
    assert published(f"<head>{script}</head><body><h1>Le titre</h1>") == "2024-03-03"


def test_the_state_of_scripts_is_asked_late() -> None:
    script = '<script>state = {"datePublished": "2024-03-03T10:00:00+01:00"}</script>'
    assert published(f"<body><h1>Le titre</h1>{script}") == "2024-03-03T10:00:00+01:00"


def test_a_span_back_from_the_capture_is_the_last_that_the_page_tells() -> None:
    assert published("<body><h1>Le titre</h1><p>Il y a 3 jours</p>") == "2025-05-29"


def test_a_stamp_under_a_foreign_label_is_a_date() -> None:
    assert (
        published("<body><h1>Le titre</h1><p>기사입력 :[ 2024-08-25 15:24 ]</p>")
        == "2024-08-25T15:24:00+01:00"
    )


def test_a_time_element_tells_the_offset_of_what_it_prints() -> None:
    element = '<time datetime="2025-05-14T12:30:00+02:00">{}</time>'
    line = '<div class="teaser"><p>By Awa Ndiaye {}</p></div>'

    def published(words: str) -> tuple[str, str] | None:
        return told(dates(f"<body><h1>Le titre</h1>{line.format(words)}</body>").published)

    for seen in ("May 14, 2025 12:30", "May 14, 2025"):
        assert published(element.format(seen)) == ("2025-05-14T12:30:00+02:00", "dom")
    assert published(f"May 14, 2025 09:00 {element.format('May 14, 2025 12:30')}") == (
        "2025-05-14T09:00:00+01:00",
        "dom",
    )
    assert published(element.format("May 14, 2025 12:30 GMT")) == ("2025-05-14T12:30:00+00:00", "dom")


def test_the_footer_of_an_article_dates_it() -> None:
    stamp = '<abbr class="published" title="2025-05-14T12:30:00+02:00">12:30</abbr>'
    story = "<h3>Le titre</h3><p>Le maire a coupé le ruban.</p>"
    for footer in (
        '<div class="post-footer">{}</div>',
        '<article><footer class="node__meta">{}</footer></article>',
    ):
        page = f"<body><h2>mercredi 14 mai 2025</h2>{story}{footer.format(stamp)}</body>"
        assert told(dates(page).published) == ("2025-05-14T12:30:00+02:00", "dom")
