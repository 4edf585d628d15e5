"""What a page declares about itself."""

from collections.abc import Mapping

from lxml.html import document_fromstring

from newscrawl.extraction.head import PageHead, canonical_url, declared_language, read_head, read_site_name

URL = "https://journal.example/a/b"


def head(html: str, headers: Mapping[str, str] | None = None) -> PageHead:
    return read_head(
        document_fromstring(f"<html lang='fr-CM'><head>{html}</head><body>x</body></html>"),
        URL,
        headers or {},
    )


def test_meta_tags_are_found_by_any_of_their_names_in_any_case() -> None:
    found = head(
        '<meta property="og:Title" content=" A "><meta name="x" content=""><meta itemprop="x" content="B">'
    )
    assert found.meta("og:title") == "A"
    assert found.meta("x") == "B"
    assert found.meta("y", "og:title") == "A"


def test_the_canonical_address_is_made_absolute() -> None:
    assert canonical_url(head('<link rel="canonical" href="../c">')) == "https://journal.example/c"
    assert canonical_url(head('<meta property="og:url" content="/d">')) == "https://journal.example/d"
    assert canonical_url(head('<link rel="canonical" href="javascript:x">')) is None


def test_the_declared_language_is_verbatim() -> None:
    assert declared_language(head("")) == "fr-CM"
    bare = read_head(document_fromstring("<p>x"), URL, {"Content-Language": "en-GB"})
    assert declared_language(bare) == "en-GB"


def test_the_site_is_named_by_its_publisher_where_no_meta_tag_names_it() -> None:
    node = '{"@type": "NewsArticle", "publisher": {"@type": "Organization", "name": "Lake Courier"}}'
    script = f'<script type="application/ld+json">{node}</script>'
    assert read_site_name(head(script)) == "Lake Courier"
    assert read_site_name(head(f'<meta property="og:site_name" content="Lac">{script}')) == "Lac"
    assert read_site_name(head(script.replace("Organization", "Person"))) is None
    assert read_site_name(head("")) is None


def test_a_meta_tag_may_have_its_date_in_datetime() -> None:
    assert head('<meta itemprop="datePublished" datetime="2025-05-02">').meta("datepublished") == "2025-05-02"
