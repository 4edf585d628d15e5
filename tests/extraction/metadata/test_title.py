"""The headline among a page's titles."""

from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.metadata.title import Title, choose_title


def title(html: str, feed: str | None = None) -> Title:
    tree = document_fromstring(f"<html>{html}</html>")
    return choose_title(
        read_head(tree, "https://echo.example/a", {}),
        blocks_of(tree),
        ["Écho du Fleuve", "echo.example"],
        feed,
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


def test_every_spelling_is_recognised_as_a_repeat() -> None:
    found = title(
        '<head><meta property="og:title" content="Le pont | Écho du Fleuve"></head><body><h1>Le pont</h1>'
    )
    assert {"le pont", "le pont | écho du fleuve"} <= found.keys


def test_a_heading_in_other_words_than_a_title_for_search_engines_is_the_headline() -> None:
    head = '<head><meta property="og:title" content="Pont de Douala : ouverture, trajet et prix"></head>'
    found = title(f"{head}<body><h1>Le nouveau pont de Douala ouvre ses voies</h1>")
    assert found.text == "Le nouveau pont de Douala ouvre ses voies"
    assert (
        title(f"{head}<body><h1>Toutes nos rubriques</h1>").text
        == "Pont de Douala : ouverture, trajet et prix"
    )


def test_the_heading_that_more_titles_repeat_wins() -> None:
    meta = '<meta property="og:title" content="Le grand pont est ouvert à tous">'
    node = '{"@type": "Article", "headline": "Le grand pont est ouvert à tous"}'
    ld = f'<script type="application/ld+json">{node}</script>'
    page = f"<head>{meta}{ld}<title>Ce soir, la fête au bord du fleuve</title></head>"
    found = title(
        f"{page}<body><h1>Ce soir, la fête au bord du fleuve</h1><h2>Le grand pont est ouvert à tous</h2>"
    )
    assert found.text == "Le grand pont est ouvert à tous"


def test_a_kicker_in_the_heading_goes_where_the_declared_title_lacks_it() -> None:
    page = '<head><meta property="og:title" content="Le grand pont est ouvert"></head><body>'
    assert (
        title(f"{page}<h1><span>Transport</span> Le grand pont est ouvert</h1>").text
        == "Le grand pont est ouvert"
    )


def test_a_heading_in_the_breadcrumbs_counts() -> None:
    page = "<head><title>Le grand pont est ouvert - Écho du Fleuve</title></head><body>"
    crumbs = "<nav><ol><li><h1>Le grand pont est ouvert</h1></li></ol></nav>"
    assert title(f"{page}{crumbs}<h2>Autre récit</h2>").text == "Le grand pont est ouvert"


def test_what_hangs_behind_a_bar_goes_where_no_heading_repeats_it() -> None:
    assert (
        title("<head><title>Le grand pont est ouvert | Société</title></head>").text
        == "Le grand pont est ouvert"
    )
    assert title("<head><title>Direct | Le match</title></head>").text == "Direct | Le match"


def test_a_site_named_at_the_end_of_a_title_is_no_headline() -> None:
    page = "<head><title>Le nouveau pont est ouvert aux piétons | Les Cahiers du Fleuve</title></head>"
    assert (
        title(f"{page}<body><h1>Les Cahiers du Fleuve</h1>").text == "Le nouveau pont est ouvert aux piétons"
    )


def test_without_headings_the_side_that_a_line_of_the_page_repeats_is_the_headline() -> None:
    page = (
        "<head><title>The Mercury Gazette - Le pont de Lobé est ouvert</title></head>"
        "<body><p>The Mercury Gazette</p><div><b>{}</b></div><p>Le maire a coupé le ruban.</p></body>"
    )
    assert title(page.format("Le pont de Lobé est ouvert")).text == "Le pont de Lobé est ouvert"
    assert title(page.format("Autre chose")).text == "The Mercury Gazette - Le pont de Lobé est ouvert"


def test_a_place_that_ends_the_sites_name_is_part_of_the_headline() -> None:
    tree = document_fromstring("<html><head><title>Le pont est fermé – Lac Bleu</title></head></html>")
    head = read_head(tree, "https://echo.example/a", {})
    assert choose_title(head, [], ["Les Nouvelles du Lac Bleu"], None).text == "Le pont est fermé – Lac Bleu"
    assert choose_title(head, [], ["Lac Bleu Matin"], None).text == "Le pont est fermé"
    assert choose_title(head, [], ["Le Lac Bleu"], None).text == "Le pont est fermé"


def test_a_kicker_inside_the_heading_is_no_part_of_the_headline() -> None:
    for kicker in ("kicker", "article-topline", "surtitre", "post-category"):
        heading = f'<h1><span class="{kicker}">Transports</span> Le pont est ouvert</h1>'
        assert title(f"<body>{heading}<p>Le texte.").text == "Le pont est ouvert"
    assert title("<body><h1><em>Transports</em> : le pont est ouvert</h1>").text == (
        "Transports : le pont est ouvert"
    )


def test_entities_escaped_twice_are_resolved() -> None:
    head = '<head><meta property="og:title" content="L&amp;#039;école du pont est ouverte"></head>'
    assert title(head).text == "L'école du pont est ouverte"


def test_a_heading_that_a_title_repeats_whole_outweighs_one_that_begins_several() -> None:
    meta = '<meta property="og:title" content="Jardins du fleuve : le guide complet">'
    found = title(
        f"<head>{meta}<title>Jardins du fleuve : les bases | Écho du Fleuve</title></head>"
        "<body><h1>Jardins du fleuve : le guide complet</h1><h2>Jardins du fleuve</h2>"
    )
    assert found.text == "Jardins du fleuve : le guide complet"


def test_a_section_that_a_title_for_search_engines_begins_with_is_not_the_headline() -> None:
    page = "<head><title>Qu'est-ce que le commerce fluvial - guide et introduction</title></head>"
    found = title(
        f"{page}<body><h1>Une introduction au commerce fluvial, guide de saison</h1>"
        "<h2>Qu'est-ce que le commerce fluvial</h2>"
    )
    assert found.text == "Une introduction au commerce fluvial, guide de saison"


def test_the_heading_that_the_address_spells_is_the_headline_where_titles_have_other_words() -> None:
    tree = document_fromstring(
        '<html><head><meta property="og:title" content="4 ponts pour traverser le fleuve"></head>'
        "<body><h1>Quatre grands ponts qui nous aident à traverser le fleuve</h1></body></html>"
    )
    url = "https://echo.example/quatre-grands-ponts-qui-nous-aident-à-traverser-le-fleuve/"
    found = choose_title(read_head(tree, url, {}), blocks_of(tree), [], None)
    assert found.text == "Quatre grands ponts qui nous aident à traverser le fleuve"


def test_the_heading_keeps_its_own_punctuation() -> None:
    page = '<head><meta property="og:title" content="Pont du lac - le guide"></head><body>'
    assert title(f"{page}<h1>Pont du lac : le guide</h1>").text == "Pont du lac : le guide"


def test_an_article_before_the_declared_words_is_no_kicker() -> None:
    page = '<head><meta property="og:title" content="Best bridges of the lake"></head><body>'
    assert title(f"{page}<h1>The Best bridges of the lake</h1>").text == "The Best bridges of the lake"


def test_what_markup_puts_behind_the_declared_title_is_no_part_of_it() -> None:
    page = '<head><meta property="og:title" content="Le grand pont est ouvert"></head><body>'
    heading = "<h1><a href=/p>Le grand pont est ouvert</a> <span>(87)</span></h1>"
    assert title(page + heading).text == "Le grand pont est ouvert"


def test_a_kicker_that_declared_titles_put_behind_the_headline_goes() -> None:
    meta = '<meta property="og:title" content="Le grand pont est ouvert - Vie du fleuve">'
    page = f"<head>{meta}<title>Vie du fleuve : Le grand pont est ouvert</title></head><body>"
    heading = "<h2><span>Vie du fleuve</span> <span>Le grand pont est ouvert</span></h2>"
    assert title(page + heading).text == "Le grand pont est ouvert"
