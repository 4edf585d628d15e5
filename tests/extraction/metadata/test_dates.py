"""The dates of a story: declared and visible candidates."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from blocks_made import blocks_of
from lxml.html import HtmlElement, document_fromstring, fragment_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.landmarks import find_headline, find_landmarks
from newscrawl.extraction.metadata.dates import (
    DateCandidate,
    Dates,
    date_from_url,
    element_date_text,
    find_date_elements,
    find_labelled_date,
    iter_date_lines,
    iter_script_dates,
    parse_selected_date,
    read_dates,
)
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
    head = read_head(tree, url, {})
    return read_dates(
        head,
        tree,
        find_headline(blocks_of(tree), {"le titre"}, head.landmarks),
        selector,
        zone=ZoneInfo(zone),
        fetched=dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
        link=link,
    )


def date_and_source(dated: DateCandidate | None) -> tuple[str, str] | None:
    return (dated.date.isoformat(), dated.source) if dated else None


def ld(**fields: str) -> str:
    pairs = ", ".join(f'"{name}": "{value}"' for name, value in fields.items())
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", {pairs}}}</script>'


IN_INDIA = "<body><h1>Le titre</h1><p>Created: 08-05-2025 11:20 IST</p>"
META = '<meta property="article:published_time" content="2025-05-02T10:00:00Z">'


def test_json_ld_comes_before_meta_and_meta_before_the_page() -> None:
    shown = "<body><h1>Le titre</h1><time datetime='2025-05-03'>x</time>"
    both = dates(f"<head>{META}{ld(datePublished='2025-05-01')}</head>{shown}")
    assert date_and_source(both.published) == ("2025-05-01", "jsonld")
    meta = dates(f"<head>{META}</head>{shown}")
    assert date_and_source(meta.published) == ("2025-05-02T10:00:00+00:00", "meta")


def test_the_outlets_own_selector_comes_first() -> None:
    line = "Updated: 09-05-2025 12:00 IST | Created: 08-05-2025 11:00 IST"
    found = dates(f"<head>{META}</head><body><p class=d>{line}</p>", selector="p.d")
    assert date_and_source(found.published) == ("2025-05-08T11:00:00+05:30", "dom")


def test_visible_lines_are_read_by_their_labels() -> None:
    found = dates(
        "<body><h1>Le titre</h1><p>Mis à jour le 9 mai 2025 à 10h00</p><p>Publié le 8 mai 2025 à 09h30</p>"
    )
    assert date_and_source(found.published) == ("2025-05-08T09:30:00+01:00", "dom")
    assert date_and_source(found.modified) == ("2025-05-09T10:00:00+01:00", "dom")


def test_a_date_near_the_headline_precedes_a_date_in_a_list() -> None:
    teasers = "".join(f"<ul class=latest><li>{day} avril 2025</li></ul>" for day in range(1, 9))
    found = dates(f"<body>{teasers}<h1>Le titre</h1><div class=signature>Par Awa Ndiaye, le 8 mai 2025</div>")
    assert date_and_source(found.published) == ("2025-05-08", "dom")


def test_times_about_other_stories_are_passed_over() -> None:
    aside = "<aside><time datetime='2025-01-01'>x</time></aside>"
    found = dates(f"<body>{aside}<h1>Le titre</h1><time datetime='2025-05-08T07:00'>x</time>")
    assert date_and_source(found.published) == ("2025-05-08T07:00:00+01:00", "dom")


def test_a_date_after_the_capture_is_not_believed() -> None:
    found = dates(f"<head>{ld(datePublished='2031-01-01')}{META}</head><body>x")
    assert date_and_source(found.published) == ("2025-05-02T10:00:00+00:00", "meta")


def test_the_address_then_the_feed_are_the_last_sources() -> None:
    link = Link(url=URL, via="feed", published="Thu, 08 May 2025 06:00:00 GMT")
    assert date_and_source(
        dates("<body>x", url="https://journal.example/2025/05/07/a", link=link).published
    ) == (
        "2025-05-07",
        "url",
    )
    assert date_and_source(dates("<body>x", link=link).published) == ("2025-05-08T06:00:00+00:00", "feed")
    assert dates("<body>x").published is None


def test_indian_wall_time_under_a_wrong_offset_is_mended() -> None:
    page = f"<head>{ld(datePublished='2025-05-08T11:20:00+00:00')}</head>{IN_INDIA}"
    assert date_and_source(dates(page, zone="Asia/Kolkata").published) == (
        "2025-05-08T11:20:00+05:30",
        "jsonld",
    )


def test_another_wall_time_leaves_the_offset_alone() -> None:
    page = f"<head>{ld(datePublished='2025-05-08T05:50:00+00:00')}</head>{IN_INDIA}"
    assert date_and_source(dates(page, zone="Asia/Kolkata").published) == (
        "2025-05-08T05:50:00+00:00",
        "jsonld",
    )


def story(fields: str) -> str:
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", {fields}}}</script>'


def published(html: str, **known: str) -> str | None:
    found = dates(html, **known).published  # type: ignore[arg-type]
    return found.date.isoformat() if found else None


def test_midnight_of_the_first_of_january_is_no_date() -> None:
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


def test_of_two_declared_days_the_visible_day_is_chosen() -> None:
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


def test_an_earlier_modification_replaces_a_vague_date() -> None:
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


def test_dates_in_scripts_come_late() -> None:
    script = '<script>state = {"datePublished": "2024-03-03T10:00:00+01:00"}</script>'
    assert published(f"<body><h1>Le titre</h1>{script}") == "2024-03-03T10:00:00+01:00"


def test_a_relative_date_is_the_last_resort_of_the_page() -> None:
    assert published("<body><h1>Le titre</h1><p>Il y a 3 jours</p>") == "2025-05-29"


def test_a_stamp_under_a_foreign_label_is_a_date() -> None:
    assert (
        published("<body><h1>Le titre</h1><p>기사입력 :[ 2024-08-25 15:24 ]</p>")
        == "2024-08-25T15:24:00+01:00"
    )


def test_a_time_element_has_the_offset_of_its_visible_date() -> None:
    element = '<time datetime="2025-05-14T12:30:00+02:00">{}</time>'
    line = '<div class="teaser"><p>By Awa Ndiaye {}</p></div>'

    def published(words: str) -> tuple[str, str] | None:
        return date_and_source(dates(f"<body><h1>Le titre</h1>{line.format(words)}</body>").published)

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
        assert date_and_source(dates(page).published) == ("2025-05-14T12:30:00+02:00", "dom")


def tree(body: str) -> HtmlElement:
    return document_fromstring(f"<html><body>{body}</body></html>")


def times(body: str) -> list[str]:
    root = tree(body)
    signs = find_landmarks(root)
    return [
        element_date_text(one)
        for one in find_date_elements(signs, find_headline(blocks_of(root), {"le titre"}, signs))
    ]


def lines(body: str) -> list[str]:
    root = tree(body)
    return list(iter_date_lines(find_headline(blocks_of(root), {"le titre"}, find_landmarks(root))))


def test_times_below_the_headline_come_before_those_above_it() -> None:
    body = "<time>2025-01-03</time><h1>Le titre</h1><time datetime=2025-02-03>hier</time>"
    assert times(body) == ["2025-02-03", "2025-01-03"]


def test_a_time_of_publication_precedes_a_time_of_modification() -> None:
    body = "<h1>Le titre</h1><time class=updated>2025-02-04</time><time class=published>2025-02-03</time>"
    assert times(body) == ["2025-02-03", "2025-02-04"]


def test_the_root_may_be_named_for_times() -> None:
    root = document_fromstring('<html id="timeline" data-time="2024-01-05T10:00:00Z"><body><h1>Le titre</h1>')
    signs = find_landmarks(root)
    found = find_date_elements(signs, find_headline(blocks_of(root), {"le titre"}, signs))
    assert [element_date_text(one) for one in found] == ["2024-01-05T10:00:00Z"]


def test_a_headline_in_a_card_keeps_its_time() -> None:
    assert times("<div class=card><h1>Le titre</h1><time>2025-02-03</time></div>") == ["2025-02-03"]
    assert times("<h1>Le titre</h1><div class=card><time>2025-02-03</time></div>") == []


def test_elements_named_for_dates_tell_by_their_attributes() -> None:
    assert times(
        '<h1>Le titre</h1><abbr class="published-date" title="2025-02-03T10:00:00+01:00">hier</abbr>'
    ) == ["2025-02-03T10:00:00+01:00"]
    assert times('<h1>Le titre</h1><span class="timestamp" data-timestamp="1738573200">hier</span>') == [
        "1738573200"
    ]


@pytest.mark.parametrize(
    ("line", "is_dated"),
    [
        ("3 février 2025", True),
        ("Publié le 3 février 2025 à 10h", True),
        ("Essay - Published: 2025.02.03 | notes", True),
        ("Douala, le 3 février 2025", True),
        ("Le contrat du 3 février 2025 fixe le prix du pont.", False),
        ("Douze morts en 2025", False),
    ],
)
def test_a_line_dates_the_story_by_its_label_or_by_being_a_date(line: str, is_dated: bool) -> None:
    assert bool(lines(f"<h1>Le titre</h1><p>{line}</p>")) is is_dated


def test_labels_distinguish_the_dates_of_a_line() -> None:
    line = "Publié le 3 février 2025 à 10h00, modifié le 4 février 2025"
    published, changed = (
        find_labelled_date(line, None, modified=False),
        find_labelled_date(line, None, modified=True),
    )
    assert published is not None
    assert changed is not None
    assert (published.date.day.day, changed.date.day.day) == (3, 4)
    alone = parse_selected_date("Mis à jour le 4 février 2025", None)
    assert alone is not None
    assert alone.date.day.day == 4


def test_an_address_may_hold_a_day() -> None:
    found = date_from_url("https://echo.example/2025/02/03/pont")
    assert found is not None
    assert found.date.isoformat() == "2025-02-03"
    assert date_from_url("https://echo.example/a/20259903") is None


def test_the_state_in_a_script_may_hold_the_date() -> None:
    script = '<script>window.state = {"story": {"publishedAt": "2025-02-03T10:00:00Z"}}</script>'
    assert list(iter_script_dates(tree(script))) == ["2025-02-03T10:00:00Z"]
    assert element_date_text(fragment_fromstring("<span>3 février 2025</span>")) == "3 février 2025"


def publication(html: str, zone: str = "Africa/Douala") -> str | None:
    found = dates(html, zone=zone).published
    return found.date.isoformat() if found else None


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # The page's region, the outlet's zone, the language, and the other dates of the page decide.
        (
            "<meta property='og:locale' content='en-US'><body><h1>Le titre</h1><p>Published 03/04/2025",
            "2025-03-04",
        ),
        (
            "<meta property='og:locale' content='en-GB'><body><h1>Le titre</h1><p>Published 03/04/2025",
            "2025-04-03",
        ),
        (
            "<meta property='og:locale' content='fr'><body><h1>Le titre</h1><p>Publié le 03/04/2025",
            "2025-04-03",
        ),
        (
            "<meta property='og:locale' content='en'><body><h1>Le titre</h1><p>Published 03/04/2025",
            "2025-04-03",
        ),
        (
            "<meta property='og:locale' content='en-GB'><body><h1>Le titre</h1><p>Published 05/10/2025",
            "2025-05-10",
        ),
        ("<body><h1>Le titre</h1><p>Published 03/04/2025 8:10 AM EST", "2025-03-04T08:10:00-05:00"),
        (
            "<meta property='og:locale' content='en-GB'><body><h1>Le titre</h1><p>Published 03/04/2025</p>"
            "<p class='date'>March 4, 2025</p>",
            "2025-03-04",
        ),
    ],
)
def test_the_order_of_day_and_month_follows_the_page(html: str, expected: str) -> None:
    assert publication(html) == expected


def test_the_order_of_day_and_month_follows_the_zone_where_the_page_has_no_region() -> None:
    html = "<meta property='og:locale' content='en'><body><h1>Le titre</h1><p>Published 03/04/2025"
    assert publication(html, "America/Chicago") == "2025-03-04"
    assert publication(html, "Africa/Lagos") == "2025-04-03"


def test_where_nothing_decides_the_order_the_second_reading_remains() -> None:
    html = "<meta property='og:locale' content='en-CA'><body><h1>Le titre</h1><p>Published 03/04/2025"
    found = dates(html, zone="America/Toronto").published
    assert found is not None
    assert (found.date.day, found.date.swapped) == (dt.date(2025, 4, 3), dt.date(2025, 3, 4))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<head><meta itemprop="datePublished" datetime="2025-05-02T10:00:00Z">',
            "2025-05-02T10:00:00+00:00",
        ),
        ('<head><meta property="og:regDate" content="20250502110000">', "2025-05-02T11:00:00+01:00"),
        (
            '<body><h1>Le titre</h1><span property="schema:datePublished" content="2025-05-02T10:00:00Z">',
            "2025-05-02T10:00:00+00:00",
        ),
        (
            '<body><h1>Le titre</h1><div property="dc:date" content="2025-05-02T10:00:00+02:00">x</div>',
            "2025-05-02T10:00:00+02:00",
        ),
        (
            '<script type="application/ld+json">{"@type": "Report", "datePublished": 1746180000}</script>',
            "2025-05-02T10:00:00+00:00",
        ),
        (
            '<script type="application/ld+json">{"@type": "Report", "datePublished": 1746180000123}</script>',
            "2025-05-02T10:00:00+00:00",
        ),
    ],
)
def test_declared_dates_are_read_in_rdfa_in_datetime_and_as_numbers(html: str, expected: str) -> None:
    assert publication(html) == expected


@pytest.mark.parametrize(
    "line",
    [
        "<p>Vallon-sur-Mer, 2 mai 2025</p>",
        "<p>Awa Ndiaye, 2 mai 2025</p>",
        "<p>Awa Ndiaye | 02/05/2025</p>",
        "<p>Jean de la Croix – 2 mai 2025</p>",
        "<p>Stand: 2. Mai 2025</p>",
        "<p>Datum 02.05.2025</p>",
        "<p>Mis à jour le 2 mai 2025</p>",
        '<div class="post-date">Vallon, 02.05.25</div>',
    ],
)
def test_a_date_beside_a_label_a_place_or_an_author_dates_the_story(line: str) -> None:
    found = publication(f"<body><h1>Le titre</h1>{line}<p>Le texte qui suit est une phrase entière.")
    assert found == "2025-05-02"


@pytest.mark.parametrize(
    "line",
    [
        "<p>La foire ouvre le 2 mai 2025 à Vallon</p>",
        "<p>Ouverture, 2 mai 2025.</p>",
        "<p>version 02.05.25</p>",
        "<p>Deadline: 2 mai 2025</p>",
        "<p>Texte.</p>" + "<p>mot</p>" * 80 + '<span class="news-list-date">02.05.25</span><p>fin',
    ],
)
def test_a_sentence_with_a_date_does_not_date_the_story(line: str) -> None:
    assert publication(f"<body><h1>Le titre</h1>{line}") is None


def test_a_date_within_the_headline_is_read_from_its_own_element() -> None:
    html = '<body><h1><span class="kicker"><span class="date">02.05.2025</span></span>Le titre</h1><p>Texte.'
    assert publication(html) == "2025-05-02"


def test_a_story_that_drupal_promotes_is_no_other_story() -> None:
    node = '<span property="schema:dateCreated" content="2025-05-02T10:00:00Z"></span>'
    html = f'<body><h1>Le titre</h1><article class="node node--promoted"><footer>{node}</footer><p>Texte.'
    assert publication(html) == "2025-05-02T10:00:00+00:00"
    assert publication(html.replace("node--promoted", "promo-box").replace("article", "div")) is None


@pytest.mark.parametrize(
    ("declared", "line", "day"),
    [
        # A program rebuilt the page, and dated it anew.
        ("2025-05-20", "<p>2 mai 2025</p>", "2025-05-02"),
        ("2025-05-03T22:02:00Z", "<p>2 mai 2025</p>", "2025-05-02"),
        # West of Greenwich it was still the day before.
        ("2025-05-03T03:05:00Z", "<p>2 mai 2025</p>", "2025-05-03"),
        ("2025-05-20", "<p>Mis à jour le 2 mai 2025</p>", "2025-05-20"),
        ("2025-05-20", "<p>La foire a ouvert le 2 mai 2025</p>", "2025-05-20"),
        ("2025-05-20", "<aside><p>2 mai 2025</p></aside>", "2025-05-20"),
        ("2025-05-20", "<p>mot</p>" * 9 + "<p>2 mai 2025</p>", "2025-05-20"),
        ("2025-05-20", "<p>20 mai 2025</p><p>2 mai 2025</p>", "2025-05-20"),
    ],
)
def test_an_earlier_day_below_the_headline_is_that_of_publication(declared: str, line: str, day: str) -> None:
    found = publication(f"<head>{ld(datePublished=declared)}</head><body><h1>Le titre</h1>{line}<p>Texte.")
    assert found is not None
    assert found[:10] == day


def test_a_story_that_says_when_it_was_published_first_is_dated_so() -> None:
    line = "<p>This story was {} published {} 2 May 2025 and has been changed since.</p>"
    shown = "<body><h1>Le titre</h1><p>20 May 2025</p>"
    assert publication(shown + line.format("originally", "on")) == "2025-05-02"
    assert publication(shown + line.format("originally", "in The Echo on")) == "2025-05-20"


@pytest.mark.parametrize(
    ("change", "modified"),
    [
        ("2025-05-02T09:00:00Z", None),
        ("2025-05-01", None),
        ("2025-05-02", "2025-05-02"),
        ("2025-05-02T10:00:00Z", "2025-05-02T10:00:00+00:00"),
        ("2025-05-04T09:00:00Z", "2025-05-04T09:00:00+00:00"),
    ],
)
def test_a_change_before_the_publication_is_none(change: str, modified: str | None) -> None:
    found = dates(f"<head>{META}{ld(dateModified=change)}</head>").modified
    assert (found.date.isoformat() if found else None) == modified


def test_a_later_change_that_readers_see_comes_after_one_before_the_publication() -> None:
    shown = "<body><h1>Le titre</h1><p>Mis à jour le 9 mai 2025</p>"
    assert date_and_source(dates(f"<head>{META}{ld(dateModified='2025-04-01')}</head>{shown}").modified) == (
        "2025-05-09",
        "dom",
    )


@pytest.mark.parametrize(
    "html",
    [
        '<head><meta name="pub_date" content="2025-05-02"></head>',
        '<head><meta name="citation_online_date" content="2025/05/02"></head>',
        '<head><meta name="article_date" content="2025-05-02"></head>',
        '<body><h1>Le titre</h1><abbr class="timestamp" data-utime="1746180000">hier</abbr>',
        '<body><h1>Le titre</h1><div class="date"><span>2</span><span>mai</span><span>2025</span></div>',
        "<body><h1>Le titre</h1><p>Pubblicato il 2 maggio 2025</p>",
        "<body><h1>Le titre</h1><p>Ijumaa, Mei 02, 2025</p>",
        "<body><h1>Le titre</h1><p>Texte.</p><script>x({'publish_date': '2025-05-02'})</script>",
        '<body><h1>Le titre</h1><p>Texte.</p><script>{"firstPublicationDate": "2025-05-02"}</script>',
    ],
)
def test_pages_date_themselves_in_many_ways(html: str) -> None:
    found = publication(html)
    assert found is not None
    assert found[:10] == "2025-05-02"


def test_the_month_in_an_address_may_be_a_name() -> None:
    found = date_from_url("https://journal.example/monde/2025/may/02/titre")
    assert date_and_source(found) == ("2025-05-02", "url")
    assert date_from_url("https://journal.example/2025/abc/02/titre") is None
