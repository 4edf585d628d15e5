"""What a page declares of itself."""

from collections.abc import Mapping

from lxml.html import document_fromstring

from newscrawl.extraction.head import Head, canonical_of, head_of, lang_declared_of

URL = "https://journal.example/a/b"


def head(html: str, headers: Mapping[str, str] | None = None) -> Head:
    return head_of(
        document_fromstring(f"<html lang='fr-CM'><head>{html}</head><body>x</body></html>"),
        URL,
        headers or {},
    )


def test_meta_tags_are_known_by_any_of_their_names_in_any_case() -> None:
    found = head(
        '<meta property="og:Title" content=" A "><meta name="x" content=""><meta itemprop="x" content="B">'
    )
    assert found.meta("og:title") == "A"
    assert found.meta("x") == "B"
    assert found.meta("y", "og:title") == "A"


def test_the_canonical_address_is_made_absolute() -> None:
    assert canonical_of(head('<link rel="canonical" href="../c">')) == "https://journal.example/c"
    assert canonical_of(head('<meta property="og:url" content="/d">')) == "https://journal.example/d"
    assert canonical_of(head('<link rel="canonical" href="javascript:x">')) is None


def test_the_declared_language_is_verbatim() -> None:
    assert lang_declared_of(head("")) == "fr-CM"
    bare = head_of(document_fromstring("<p>x"), URL, {"Content-Language": "en-GB"})
    assert lang_declared_of(bare) == "en-GB"
