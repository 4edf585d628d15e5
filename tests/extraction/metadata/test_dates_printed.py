"""Dates in elements, lines and scripts of a page."""

import pytest
from blocks_made import blocks_of
from lxml.html import HtmlElement, document_fromstring, fragment_fromstring

from newscrawl.extraction.landmarks import near_title, signs_of
from newscrawl.extraction.metadata.dates import (
    element_text,
    from_url,
    in_state,
    lines_with_dates,
    ruled,
    shown,
    times_of,
)


def tree(body: str) -> HtmlElement:
    return document_fromstring(f"<html><body>{body}</body></html>")


def times(body: str) -> list[str]:
    root = tree(body)
    signs = signs_of(root)
    return [element_text(one) for one in times_of(signs, near_title(blocks_of(root), {"le titre"}, signs))]


def lines(body: str) -> list[str]:
    root = tree(body)
    return list(lines_with_dates(near_title(blocks_of(root), {"le titre"}, signs_of(root))))


def test_times_below_the_headline_come_before_those_above_it() -> None:
    body = "<time>2025-01-03</time><h1>Le titre</h1><time datetime=2025-02-03>hier</time>"
    assert times(body) == ["2025-02-03", "2025-01-03"]


def test_a_time_of_publication_comes_before_one_of_change() -> None:
    body = "<h1>Le titre</h1><time class=updated>2025-02-04</time><time class=published>2025-02-03</time>"
    assert times(body) == ["2025-02-03", "2025-02-04"]


def test_the_root_may_be_named_for_times() -> None:
    root = document_fromstring('<html id="timeline" data-time="2024-01-05T10:00:00Z"><body><h1>Le titre</h1>')
    signs = signs_of(root)
    found = times_of(signs, near_title(blocks_of(root), {"le titre"}, signs))
    assert [element_text(one) for one in found] == ["2024-01-05T10:00:00Z"]


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


def test_of_a_line_with_two_dates_the_label_tells_which() -> None:
    line = "Publié le 3 février 2025 à 10h00, modifié le 4 février 2025"
    published, changed = shown(line, None, changed=False), shown(line, None, changed=True)
    assert published is not None
    assert changed is not None
    assert (published.moment.day.day, changed.moment.day.day) == (3, 4)
    alone = ruled("Mis à jour le 4 février 2025", None)
    assert alone is not None
    assert alone.moment.day.day == 4


def test_an_address_may_hold_a_day() -> None:
    found = from_url("https://echo.example/2025/02/03/pont")
    assert found is not None
    assert found.moment.text() == "2025-02-03"
    assert from_url("https://echo.example/a/20259903") is None


def test_the_state_in_a_script_may_hold_the_date() -> None:
    script = '<script>window.state = {"story": {"publishedAt": "2025-02-03T10:00:00Z"}}</script>'
    assert list(in_state(tree(script))) == ["2025-02-03T10:00:00Z"]
    assert element_text(fragment_fromstring("<span>3 février 2025</span>")) == "3 février 2025"
