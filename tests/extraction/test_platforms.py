"""Rules of platforms, as data."""

import pytest
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.head import head_of
from newscrawl.extraction.platforms import platforms
from newscrawl.extraction.view import View, prune, select, view_of
from newscrawl.outlet import Platform as OutletPlatform
from newscrawl.outlet import Rule


def page(html: str, body: str = "") -> HtmlElement:
    return document_fromstring(f"<html><body {body}>{html}<p>Le texte reste.</p></body></html>")


def seen(tree: HtmlElement, *, generator: str = "", platform: str | None = None, body: str = "") -> View:
    meta = document_fromstring(f'<html><head><meta name="generator" content="{generator}"></head></html>')
    head = head_of(meta, "https://echo.example/a", {})
    return view_of(tree, head, Rule(body=body or None), platform)


def left(tree: HtmlElement, *, generator: str = "", platform: str | None = None) -> tuple[str, list[str]]:
    view = seen(tree, generator=generator, platform=platform)
    prune(view)
    reasons = [view.chrome[block.frame.index] for block in view.blocks if block.frame.index in view.chrome]
    return tree.text_content().strip(), reasons


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ('<div class="x cmplz-cookiebanner">Cookies</div>', "consent"),
        ('<div id="cmplz-manage-consent">Gérer</div>', "consent"),
        ('<div class="cky-consent-bar">Cookies</div>', "consent"),
        ('<div id="didomi-host">Cookies</div>', "consent"),
        ('<div id="axeptio_overlay">Cookies</div>', "consent"),
        ('<div id="tarteaucitronRoot">Cookies</div>', "consent"),
        ('<div id="respond" class="comment-respond">Répondre</div>', "comments_form"),
        ('<div class="sharedaddy">Partager</div>', "share"),
        ('<div class="jp-relatedposts">Autres</div>', "related"),
        ('<div class="also-container">Autres</div>', "related"),
    ],
)
def test_sure_chrome_goes_from_every_page(html: str, reason: str) -> None:
    assert left(page(html)) == ("Le texte reste.", [reason])


def test_the_classes_of_the_body_never_empty_a_page() -> None:
    assert left(page("", 'class="cmplz-marketing sharedaddy"')) == ("Le texte reste.", [])


@pytest.mark.parametrize(
    ("html", "generator", "platform"),
    [
        ('<div class="forum">Avis des lecteurs</div>', "SPIP 4.2", None),
        ('<div class="forum">Avis des lecteurs</div>', "", "spip"),
        ('<div class="formulaire_spip">Votre nom</div>', "", None),
    ],
)
def test_a_platform_is_known_by_generator_outlet_or_signs(
    html: str, generator: str, platform: str | None
) -> None:
    assert left(page(html), generator=generator, platform=platform)[0] == "Le texte reste."


def test_rules_of_a_platform_stay_with_its_pages() -> None:
    assert left(page('<div class="forum">Place publique</div>'))[1] == []


def test_every_platform_an_outlet_may_name_has_rules() -> None:
    known = {platform.name for platform in platforms()}
    assert set(OutletPlatform.__args__) - {"custom"} <= known


def test_every_mark_is_a_class_or_an_id() -> None:
    marks = [mark for platform in platforms() for mark, _ in (*platform.drop, *platform.lede)]
    assert [mark for mark in marks if mark[0] not in ".#" or " " in mark or "." in mark[1:]] == []


def test_chrome_holds_for_all_that_is_inside_it() -> None:
    tree = page('<div class="sharedaddy"><h3>Partager</h3><div><p>ici</p></div></div>')
    view = seen(tree)
    reasons = [(block.text, view.chrome.get(block.frame.index)) for block in view.blocks]
    assert reasons == [("Partager", "share"), ("ici", "share"), ("Le texte reste.", None)]


def test_what_holds_the_story_is_never_chrome() -> None:
    tree = page('<div class="related-posts"><section id="story">Le récit.</section></div>')
    view = seen(tree, body="#story")
    assert view.chrome == {}
    assert [block.text for block in view.blocks if block.frame.index in view.chosen] == ["Le récit."]


def test_a_selector_that_cannot_be_read_picks_nothing() -> None:
    tree = page("")
    assert select(tree, "p:::x(") == []
    assert select(tree, None) == []
