"""What says that a story is an agency's."""

from lxml.html import document_fromstring

from newscrawl.extraction.head import head_of
from newscrawl.extraction.metadata.authors import Byline
from newscrawl.extraction.metadata.names import agency_named
from newscrawl.extraction.wire_notices import Wire, syndication_of
from newscrawl.items import Author, Syndication


def origin(
    *,
    url: str = "https://echo.example/a",
    html: str = "",
    wire: Wire | None = None,
    by: str | None = None,
    alone: bool = True,
) -> Syndication:
    head = head_of(document_fromstring(f"<html><head>{html}</head><body>x</body></html>"), url, {})
    authors = [Author(name=by)] if by else []
    return syndication_of(
        head, wire or Wire(), Byline(authors=authors, agency=by, alone=alone and by is not None)
    )


def test_silence_is_none() -> None:
    assert origin() == Syndication()


def test_an_agency_that_signs_alone_is_the_origin() -> None:
    found = origin(by="AFP")
    assert (found.is_syndicated, found.agency, found.evidence) == (True, "AFP", ["byline:AFP"])


def test_an_agency_beside_an_author_is_named_and_decides_nothing() -> None:
    found = origin(by="AFP", alone=False)
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
        wire=Wire(syndicated=True, agency="Agence France-Presse", notice="Avec AFP", evidence=["notice:x"])
    )
    assert (found.is_syndicated, found.agency, found.notice) == (True, "AFP", "Avec AFP")


def test_agencies_go_by_many_names() -> None:
    assert agency_named("the associated press") == agency_named("AP") == "AP"
    assert agency_named("Awa Ndiaye") is None


def test_an_agency_declared_as_the_source_is_the_origin() -> None:
    script = '{"@type": "NewsArticle", "sourceOrganization": {"@type": "Organization", "name": "Reuters"}}'
    found = origin(html=f'<script type="application/ld+json">{script}</script>')
    assert (found.is_syndicated, found.agency) == (True, "Reuters")
    assert found.evidence == ["jsonld:sourceOrganization=Reuters"]
    assert origin(html='<meta name="dc.source" content="Journal du Lac">') == Syndication()
