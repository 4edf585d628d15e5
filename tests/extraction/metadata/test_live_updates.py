"""The updates of a live blog."""

from zoneinfo import ZoneInfo

from lxml.html import document_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.metadata.live_updates import read_live_updates


def updates(html: str) -> list[tuple[str | None, str | None, str]]:
    head = read_head(document_fromstring(f"<html>{html}</html>"), "https://echo.example/direct", {})
    return [(one.time, one.title, one.text) for one in read_live_updates(head, ZoneInfo("Africa/Douala"))]


def test_declared_entries_keep_their_times_and_titles() -> None:
    entry = '{"@type": "BlogPosting", "headline": "La crue", "articleBody": "Le fleuve monte.",'
    entry += ' "datePublished": "2025-02-03T10:00:00"}'
    bare = '{"@type": "BlogPosting", "headline": "Fin du direct"}'
    script = (
        f'{{"@type": "LiveBlogPosting", "liveBlogUpdate": [{entry}, {bare}, {{"@type": "BlogPosting"}}]}}'
    )
    assert updates(f'<head><script type="application/ld+json">{script}</script></head><body>x') == [
        ("2025-02-03T10:00:00+01:00", "La crue", "Le fleuve monte."),
        (None, None, "Fin du direct"),
    ]


def test_entries_are_found_by_their_marks_where_each_has_a_time() -> None:
    entry = (
        '<div class="live-post"><time datetime="2025-02-03T{0}:00+01:00">{0}</time><h3>Titre {0}</h3>'
        "<p>Le fleuve monte encore.</p></div>"
    )
    found = updates(f'<body><div class="liveblog">{entry.format("10:00")}{entry.format("11:00")}</div>')
    assert found == [
        ("2025-02-03T10:00:00+01:00", "Titre 10:00", "Le fleuve monte encore."),
        ("2025-02-03T11:00:00+01:00", "Titre 11:00", "Le fleuve monte encore."),
    ]


def test_a_story_is_no_live_blog() -> None:
    assert updates('<body><div class="live-post"><time>10:00</time><p>Un texte.</p></div>') == []
    assert updates("<body><p>Un texte.</p>") == []
