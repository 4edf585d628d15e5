"""Wire notices, datelines, and the origin of a story."""

from html import escape

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring, fragment_fromstring

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import read_head
from newscrawl.extraction.metadata.authors import Byline
from newscrawl.extraction.metadata.names import agency_short_name
from newscrawl.extraction.wire_notices import (
    WireEvidence,
    detect_syndication,
    extract_notices,
    find_nearby_notices,
    load_notices,
)
from newscrawl.items import Author, Syndication

AUTO = "is auto-generated from a syndicated"
STORY_LINES = ["The river rose overnight.", "The bridge held.", "Nobody was hurt."]


def blocks(*texts: str) -> list[TextBlock]:
    return blocks_of(
        fragment_fromstring("".join(f"<p>{escape(text)}</p>" for text in texts), create_parent="body")
    )


@pytest.mark.parametrize(
    ("notice", "ident", "agency"),
    [
        (f"(This story has not been edited by Example staff and {AUTO} feed.)", "unedited-syndicated", None),
        ("(With inputs from agencies.)", "inputs-agencies", None),
        ("(With inputs from PTI)", "inputs-agency", "PTI"),
        ("This report is auto-generated from ANI news service. We only print it.", "news-service", "ANI"),
        ("Avec AFP", "avec-agence", "AFP"),
        ("Source : Xinhua", "source-agency", "Xinhua"),
        ("Source : Voix du Lac / AFP", "source-line", "AFP"),
        ("© 2025 The Associated Press. All rights reserved.", "ap-copyright", "AP"),
        ("(Reporting by Ada Bello; Editing by Tom Reed)", "reuters-desk", "Reuters"),
        ("This story was first published by Voice of the Lake.", "first-published", None),
    ],
)  # fmt: skip
def test_a_notice_leaves_the_text_and_is_recorded_verbatim(
    notice: str, ident: str, agency: str | None
) -> None:
    story, wire, removed = extract_notices(blocks(*STORY_LINES, notice))
    assert [block.text for block in story] == STORY_LINES
    assert (removed, wire.evidence, wire.agency) == ([notice], [f"notice:{ident}"], agency)
    assert wire.notice is not None
    assert wire.notice in notice


@pytest.mark.parametrize(("tail", "agency"), [(" (ANI)", "ANI"), (" PTI ABC XYZ", "PTI"), ("(AFP)", "AFP")])
def test_a_tail_is_cut_from_the_last_sentence(tail: str, agency: str) -> None:
    story, wire, _ = extract_notices(blocks(*STORY_LINES[:2], STORY_LINES[2] + tail))
    assert [block.text for block in story] == STORY_LINES
    assert (wire.agency, wire.notice) == (agency, tail.strip())


@pytest.mark.parametrize(
    ("start", "place", "agency"),
    [
        ("LAGOS, March 7 (Reuters) - The river rose.", "LAGOS", "Reuters"),
        ("STRASBOURG, France (AP) — The river rose.", "STRASBOURG, France", "AP"),
        ("Paris (AFP) – Le fleuve monte.", "Paris", "AFP"),
        ("Pune [India], March 7 (ANI): The river rose.", "Pune", "ANI"),
        ("Dakar, 7 mars (APS) - Le fleuve monte.", "Dakar", "APS"),
    ],
)
def test_a_dateline_is_evidence_and_stays(start: str, place: str, agency: str) -> None:
    story, wire, removed = extract_notices(blocks(start, *STORY_LINES))
    assert story[0].text == start
    assert (wire.place, wire.agency, wire.notice, removed) == (place, agency, None, [])


@pytest.mark.parametrize(
    "line",
    [
        "The Pakistan movement (PTI) won the seat.",
        "Reporting was late, she said.",
        "Source: les chiffres sont ceux du ministère",
        "The governor of Lagos (APC) said so.",
    ],
)
def test_sentences_that_look_alike_stay(line: str) -> None:
    story, wire, _ = extract_notices(blocks(*STORY_LINES, line))
    assert [block.text for block in story] == [*STORY_LINES, line]
    assert wire.evidence == []


def test_a_notice_far_from_the_end_is_a_sentence() -> None:
    story, _, _ = extract_notices(blocks("Avec AFP", *STORY_LINES, *STORY_LINES, *STORY_LINES))
    assert story[0].text == "Avec AFP"


def test_a_notice_below_the_story_is_evidence() -> None:
    story, wire, _ = extract_notices(blocks(*STORY_LINES))
    find_nearby_notices(blocks("Menu", *STORY_LINES, "Source : Voix du Lac", "Contact"), story, wire)
    assert (wire.syndicated, wire.notice) == (True, "Source : Voix du Lac")


def test_an_empty_story_has_no_notices() -> None:
    story, wire, removed = extract_notices([])
    find_nearby_notices(blocks("Avec AFP"), story, wire)
    assert (story, removed, wire.evidence) == ([], [], [])


def test_identifiers_are_unique() -> None:
    idents = [notice.id for notice in load_notices()]
    assert len(idents) == len(set(idents))


def origin(
    *,
    url: str = "https://echo.example/a",
    html: str = "",
    wire: WireEvidence | None = None,
    by: str | None = None,
    agency_only: bool = True,
) -> Syndication:
    head = read_head(document_fromstring(f"<html><head>{html}</head><body>x</body></html>"), url, {})
    authors = [Author(name=by)] if by else []
    return detect_syndication(
        head,
        wire or WireEvidence(),
        Byline(authors=authors, agency=by, agency_only=agency_only and by is not None),
    )


def test_a_page_that_declares_nothing_gives_none() -> None:
    assert origin() == Syndication()


def test_an_agency_that_signs_alone_is_the_origin() -> None:
    found = origin(by="AFP")
    assert (found.is_syndicated, found.agency, found.evidence) == (True, "AFP", ["byline:AFP"])


def test_an_agency_beside_an_author_is_named_and_decides_nothing() -> None:
    found = origin(by="AFP", agency_only=False)
    assert (found.is_syndicated, found.agency) == (None, "AFP")


def test_an_agencys_own_site_syndicates_nothing() -> None:
    assert origin(url="https://www.reuters.com/a", by="Reuters").is_syndicated is None
    assert origin(url="https://japantimes.example/a", by="AP").is_syndicated is True


def test_a_canonical_address_on_another_site_is_the_original() -> None:
    found = origin(html='<link rel="canonical" href="https://lac.example.org/b">')
    assert (found.is_syndicated, found.original_url) == (True, "https://lac.example.org/b")
    assert found.evidence == ["canonical:lac.example.org"]


def test_a_canonical_address_on_the_same_site_says_nothing() -> None:
    assert origin(html='<link rel="canonical" href="https://m.echo.example/a">') == Syndication()


def test_a_notice_is_passed_on() -> None:
    found = origin(
        wire=WireEvidence(
            syndicated=True, agency="Agence France-Presse", notice="Avec AFP", evidence=["notice:x"]
        )
    )
    assert (found.is_syndicated, found.agency, found.notice) == (True, "AFP", "Avec AFP")


def test_agencies_go_by_many_names() -> None:
    assert agency_short_name("the associated press") == agency_short_name("AP") == "AP"
    assert agency_short_name("Awa Ndiaye") is None


def test_an_agency_declared_as_the_source_is_the_origin() -> None:
    script = '{"@type": "NewsArticle", "sourceOrganization": {"@type": "Organization", "name": "Reuters"}}'
    found = origin(html=f'<script type="application/ld+json">{script}</script>')
    assert (found.is_syndicated, found.agency) == (True, "Reuters")
    assert found.evidence == ["jsonld:sourceOrganization=Reuters"]
    assert origin(html='<meta name="dc.source" content="Journal du Lac">') == Syndication()
