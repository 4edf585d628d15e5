"""Rules for platforms."""

import pytest
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.platforms import load_platforms
from newscrawl.extraction.view import PageView, build_view, prune_tree, select_elements
from newscrawl.outlet import Platform as OutletPlatform
from newscrawl.outlet import Rule


def page(html: str, body: str = "") -> HtmlElement:
    return document_fromstring(f"<html><body {body}>{html}<p>Le texte reste.</p></body></html>")


def make_view(
    tree: HtmlElement, *, generator: str = "", platform: str | None = None, body: str = ""
) -> PageView:
    meta = document_fromstring(f'<html><head><meta name="generator" content="{generator}"></head></html>')
    head = read_head(meta, "https://echo.example/a", {})
    return build_view(tree, head, Rule(body=body or None), platform)


def pruned(tree: HtmlElement, *, generator: str = "", platform: str | None = None) -> tuple[str, list[str]]:
    view = make_view(tree, generator=generator, platform=platform)
    prune_tree(view)
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
def test_certain_chrome_goes_from_every_page(html: str, reason: str) -> None:
    assert pruned(page(html)) == ("Le texte reste.", [reason])


def test_the_classes_of_the_body_never_empty_a_page() -> None:
    assert pruned(page("", 'class="cmplz-marketing sharedaddy"')) == ("Le texte reste.", [])


@pytest.mark.parametrize(
    ("html", "generator", "platform"),
    [
        ('<div class="forum">Avis des lecteurs</div>', "SPIP 4.2", None),
        ('<div class="forum">Avis des lecteurs</div>', "", "spip"),
        ('<div class="formulaire_spip">Votre nom</div>', "", None),
    ],
)
def test_a_platform_is_detected_by_generator_outlet_or_signature(
    html: str, generator: str, platform: str | None
) -> None:
    assert pruned(page(html), generator=generator, platform=platform)[0] == "Le texte reste."


def test_rules_of_a_platform_stay_with_its_pages() -> None:
    assert pruned(page('<div class="forum">Place publique</div>'))[1] == []


def test_every_platform_an_outlet_may_name_has_rules() -> None:
    names = {platform.name for platform in load_platforms()}
    assert set(OutletPlatform.__args__) - {"custom"} <= names


def test_every_pattern_is_a_class_or_an_id() -> None:
    marks = [mark for platform in load_platforms() for mark, _ in (*platform.drop, *platform.lede)]
    assert [mark for mark in marks if mark[0] not in ".#" or " " in mark or "." in mark[1:]] == []


def test_everything_inside_chrome_is_chrome() -> None:
    tree = page('<div class="sharedaddy"><h3>Partager</h3><div><p>ici</p></div></div>')
    view = make_view(tree)
    reasons = [(block.text, view.chrome.get(block.frame.index)) for block in view.blocks]
    assert reasons == [("Partager", "share"), ("ici", "share"), ("Le texte reste.", None)]


def test_the_container_of_the_story_is_never_chrome() -> None:
    tree = page('<div class="related-posts"><section id="story">Le récit.</section></div>')
    view = make_view(tree, body="#story")
    assert view.chrome == {}
    assert [block.text for block in view.blocks if block.frame.index in view.body_frames] == ["Le récit."]


def test_an_invalid_selector_matches_nothing() -> None:
    tree = page("")
    assert select_elements(tree, "p:::x(") == []
    assert select_elements(tree, None) == []
