"""Walls in front of a story, and the evidence of them."""

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.metadata.access import read_access
from newscrawl.items import Access


def access(body: str = "x", *, head: str = "", chars: int = 500) -> Access:
    tree = document_fromstring(f"<html><head>{head}</head><body>{body}</body></html>")
    return read_access(read_head(tree, "https://echo.example/a", {}), blocks_of(tree), chars)


def ld(fields: str) -> str:
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", {fields}}}</script>'


@pytest.mark.parametrize(
    ("head", "free", "wall", "evidence"),
    [
        (ld('"isAccessibleForFree": "False"'), False, "paywall", "jsonld:isAccessibleForFree=false"),
        (ld('"isAccessibleForFree": true'), True, "none", "jsonld:isAccessibleForFree=true"),
        (
            ld('"hasPart": {"@type": "WebPageElement", "isAccessibleForFree": false}'),
            False,
            "paywall",
            "jsonld:hasPart.isAccessibleForFree=false",
        ),
        (
            '<meta name="article:content_tier" content="metered">',
            None,
            "metered",
            "meta:article:content_tier=metered",
        ),
        (
            '<meta property="article:content_tier" content="locked">',
            False,
            "paywall",
            "meta:article:content_tier=locked",
        ),
    ],
)
def test_what_is_declared_is_believed(head: str, free: bool | None, wall: str, evidence: str) -> None:
    found = access(head=head)
    assert (found.free, found.wall, found.evidence) == (free, wall, [evidence])


@pytest.mark.parametrize(
    ("line", "wall"),
    [
        ("Il vous reste 57.09% de cet article à lire.", "paywall"),
        ("La suite est réservée aux abonnés de l'Écho.", "paywall"),
        ("This story is for subscribers.", "paywall"),
        ("You have 2 free articles left this month.", "metered"),
        ("Vous avez lu vos 3 articles gratuits.", "metered"),
        ("Create a free account to continue.", "login"),
        ("Acceptez les cookies pour lire cet article.", "consent"),
        ("Please wait while we are verifying you are human.", "bot"),
    ],
)
def test_a_line_about_a_wall_is_the_evidence(line: str, wall: str) -> None:
    found = access(f"<p>{line}</p>")
    assert (found.wall, found.evidence[0]) == (wall, f"text:{wall}:{line}")


def test_a_page_without_a_declaration_is_neither_free_nor_walled() -> None:
    assert access("<p>Le pont est ouvert aux piétons.</p>") == Access()
    assert access("<p>Already a subscriber? Log in</p><p>Déjà abonné ? Connectez-vous</p>") == Access()


def test_what_is_free_has_no_wall_whatever_its_lines_say() -> None:
    found = access("<p>This story is for subscribers.</p>", head=ld('"isAccessibleForFree": true'))
    assert (found.free, found.wall) == (True, "none")


def test_a_banner_over_a_whole_story_hides_nothing() -> None:
    line = "<p>Acceptez les cookies pour lire cet article.</p>"
    assert access(line, chars=9_000).wall == "none"
