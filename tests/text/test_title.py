"""The headline among a page's titles."""

from lxml.html import document_fromstring

from newscrawl.text.blocks import blocks_of
from newscrawl.text.head import head_of
from newscrawl.text.title import Title, title_of


def title(html: str, feed: str | None = None) -> Title:
    tree = document_fromstring(f"<html>{html}</html>")
    return title_of(
        head_of(tree, "https://echo.example/a", {}), blocks_of(tree), ["Écho du Fleuve", "echo.example"], feed
    )


def test_the_heading_that_the_metadata_repeat_is_the_headline() -> None:
    meta = '<meta property="og:title" content="Le pont est ouvert | Politique">'
    found = title(f"<head>{meta}</head><body><h1>Menu</h1><h1>Le pont est ouvert</h1>")
    assert (found.text, found.raw) == ("Le pont est ouvert", "Le pont est ouvert | Politique")


def test_the_sites_name_is_taken_off_either_end() -> None:
    assert (
        title("<head><title>Le pont est ouvert - Écho du Fleuve</title></head>").text == "Le pont est ouvert"
    )
    assert (
        title("<head><title>Écho du Fleuve | Le pont est ouvert</title></head>").text == "Le pont est ouvert"
    )


def test_a_dash_in_the_headline_stays() -> None:
    assert (
        title("<head><title>Foot – le derby finit en fête</title></head>").text
        == "Foot – le derby finit en fête"
    )


def test_a_suffix_that_another_title_lacks_is_taken_off() -> None:
    found = title('<head><meta property="og:title" content="Le pont | Une"><title>Le pont</title></head>')
    assert found.text == "Le pont"


def test_a_placeholder_is_no_headline() -> None:
    assert title("<body><h1>Ajoutez votre titre ici</h1><h1>Le pont</h1>").text == "Le pont"


def test_a_page_titled_with_its_site_alone_has_no_headline() -> None:
    assert (
        title("<head><title>Écho du Fleuve | Écho du Fleuve</title></head><body><h1>Écho du Fleuve</h1>").text
        is None
    )


def test_the_feeds_title_is_the_last_source() -> None:
    found = title("<body><p>x</p>", feed="Le pont")
    assert (found.text, found.raw) == ("Le pont", None)


def test_every_spelling_is_known_as_a_repeat() -> None:
    found = title(
        '<head><meta property="og:title" content="Le pont | Écho du Fleuve"></head><body><h1>Le pont</h1>'
    )
    assert {"le pont", "le pont | écho du fleuve"} <= found.keys
