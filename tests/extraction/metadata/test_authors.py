"""The authors of a story: declared, selected and visible bylines."""

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.landmarks import HeadlineContext, find_headline, find_landmarks
from newscrawl.extraction.metadata.authors import Byline, VisibleByline, choose_byline, find_visible_byline


def byline(html: str, *, selector: str | None = None, in_text: str | None = None) -> Byline:
    tree = document_fromstring(f"<html>{html}</html>")
    head = read_head(tree, "https://echo.example/a", {})
    context = HeadlineContext(lines=[])
    return choose_byline(head, tree, context, selector, in_text=in_text, sites=["Écho du Fleuve"])


def names(found: Byline) -> list[tuple[str, str]]:
    return [(author.name, author.kind) for author in found.authors]


def ld(author: str) -> str:
    script = f'{{"@type": "NewsArticle", "author": {author}}}'
    return f'<head><script type="application/ld+json">{script}</script></head><body>x'


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ('{"@type": "Person", "name": "Awa Ndiaye", "url": "/awa"}', [("Awa Ndiaye", "person")]),
        (
            '[{"name": "Awa Ndiaye"}, {"name": "Paul Eto"}]',
            [("Awa Ndiaye", "person"), ("Paul Eto", "person")],
        ),
        ('"Par Awa Ndiaye et Paul Eto"', [("Awa Ndiaye", "person"), ("Paul Eto", "person")]),
        ('{"@type": "Organization", "name": "Maison Bleue"}', [("Maison Bleue", "org")]),
        ('{"@type": "Person", "name": "Écho du Fleuve"}', [("Écho du Fleuve", "org")]),
        ('{"@type": "Person", "name": "AFP"}', [("AFP", "org")]),
        ('{"name": ""}', []),
        ('{"name": "https://echo.example/awa"}', []),
        ("null", []),
    ],
)
def test_json_ld_names_people_and_organisations(author: str, expected: list[tuple[str, str]]) -> None:
    assert names(byline(ld(author))) == expected


def test_an_authors_page_is_made_absolute() -> None:
    assert byline(ld('{"name": "Awa Ndiaye", "url": "/awa"}')).authors[0].url == "https://echo.example/awa"


def test_meta_and_marks_are_next() -> None:
    assert names(byline('<head><meta name="author" content="Awa Ndiaye"></head>')) == [
        ("Awa Ndiaye", "person")
    ]
    assert names(byline('<body><a rel="author" href="/x">Paul Eto</a>')) == [("Paul Eto", "person")]


def test_an_address_as_author_is_none() -> None:
    assert (
        byline('<head><meta property="article:author" content="https://social.example/echo"></head>').authors
        == []
    )


def test_the_outlets_selector_comes_first_and_keeps_its_line() -> None:
    found = byline(
        ld('"Someone Else"').replace("x", "<p class=by>Par Awa Ndiaye et AFP</p>"), selector="p.by"
    )
    assert names(found) == [("Awa Ndiaye", "person"), ("AFP", "org")]
    assert (found.raw, found.agency, found.agency_only) == ("Par Awa Ndiaye et AFP", "AFP", False)


def test_an_empty_byline_names_nobody() -> None:
    assert byline("<body>x", in_text="Redigé par:").authors == []


def test_a_byline_in_the_text_is_the_last_source() -> None:
    assert names(byline("<body>x", in_text="Rédigé par : Awa Ndiaye")) == [("Awa Ndiaye", "person")]


def test_a_byline_of_agencies_only_is_marked() -> None:
    found = byline(ld('{"@type": "Person", "name": "Agence France-Presse"}'))
    assert (found.agency, found.agency_only) == ("AFP", True)


def test_a_person_whom_readers_see_comes_before_the_site_as_its_own_author() -> None:
    page = ld('{"@type": "Organization", "name": "Écho du Fleuve"}')
    assert names(byline(page + '<a rel="author" href="/x">Awa Ndiaye</a>')) == [("Awa Ndiaye", "person")]


def test_a_login_gives_way_to_the_printed_name() -> None:
    login = ld('{"@type": "Person", "name": "awa.ndiaye"}')
    assert names(byline(login)) == [("awa.ndiaye", "person")]
    assert names(byline(login + '<p class="byline">Par Awa Ndiaye</p>')) == [("Awa Ndiaye", "person")]


def test_the_fuller_of_two_lists_is_taken() -> None:
    script = '<script type="application/ld+json">{"@type": "NewsArticle", "author": "Awa Ndiaye"}</script>'
    head = f'<head>{script}<meta name="author" content="Awa Ndiaye, Paul Eto"></head>'
    assert [name for name, _ in names(byline(head))] == ["Awa Ndiaye", "Paul Eto"]
    site = f'<head>{script}<meta name="author" content="Awa Ndiaye, Journal du Lac"></head>'
    assert [name for name, _ in names(byline(site))] == ["Awa Ndiaye"]


def test_placeholders_of_systems_name_nobody() -> None:
    assert byline('<head><meta name="author" content="No Author"></head>').authors == []
    assert byline(ld('{"@type": "Person", "name": "admin"}')).authors == []


def test_an_author_that_is_person_and_organisation_is_a_person() -> None:
    assert names(byline(ld('{"@type": ["Person", "Organization"], "name": "Awa Ndiaye"}'))) == [
        ("Awa Ndiaye", "person")
    ]


def test_the_printed_line_is_the_raw_byline_and_names_the_agency() -> None:
    page = ld('{"@type": "Person", "name": "Awa Ndiaye"}')
    found = byline(page + '<p>Par <a rel="author" href="/auteurs/awa">Awa Ndiaye</a> avec AFP</p>')
    assert (found.raw, found.agency, found.agency_only) == ("Par Awa Ndiaye avec AFP", "AFP", False)
    assert byline(page).raw is None


def test_an_agencys_place_and_the_sites_own_name_are_no_authors() -> None:
    assert names(byline(ld('{"@type": "Person", "name": "Reuters, Lagos"}'))) == [("Reuters", "org")]
    assert names(byline(ld('{"@type": "Person", "name": "Awa Ndiaye, Écho du Fleuve"}'))) == [
        ("Awa Ndiaye", "person")
    ]


HEADLINE = "<h1>Le pont est ouvert</h1>"
STORY = "<p>Le maire a coupé le ruban devant la foule.</p>" * 3


def printed(body: str) -> VisibleByline:
    tree = document_fromstring(f"<html><body>{body}</body></html>")
    signs = find_landmarks(tree)
    near = find_headline(blocks_of(tree), {"le pont est ouvert"}, signs)
    return find_visible_byline(signs, near, "https://echo.example/a")


def seen(body: str) -> list[str]:
    return [one.name for one in printed(body).authors]


def test_marked_elements_below_the_headline_name_the_authors() -> None:
    line = (
        '<p class="byline">Par <a href="/auteurs/awa">Awa Ndiaye</a> et <a href="/auteurs/p">Paul Eto</a></p>'
    )
    assert set(seen(f"{HEADLINE}{line}{STORY}")) == {"Awa Ndiaye", "Paul Eto"}


def test_authors_of_other_stories_are_left_out() -> None:
    other = '<aside><span class="author">Tom Reed</span></aside>'
    teaser = f'<div class="related-stories">{other}</div>'
    assert seen(f"{other}{HEADLINE}{STORY}{teaser}") == []


def test_a_second_author_far_below_is_of_another_story() -> None:
    author = '<p class="author">{}</p>'
    far = "<p><span>mot</span></p>" * 20
    assert seen(f"{HEADLINE}{author.format('Awa Ndiaye')}{far}{author.format('Tom Reed')}") == ["Awa Ndiaye"]


def test_a_label_names_the_author_without_markup() -> None:
    assert seen(f"{HEADLINE}<p>Par Awa Ndiaye</p>{STORY}") == ["Awa Ndiaye"]
    assert seen(f"{HEADLINE}<p>March 7, 2025 | By Awa Ndiaye</p>{STORY}") == ["Awa Ndiaye"]
    assert seen(f"{HEADLINE}{STORY}<p>Auteur : Awa Ndiaye</p>") == ["Awa Ndiaye"]
    assert seen(f"{HEADLINE}<dl><dt>Auteur</dt><dd>Awa Ndiaye</dd></dl>{STORY}") == ["Awa Ndiaye"]


def test_a_sentence_that_begins_like_a_byline_is_none() -> None:
    assert seen(f"{HEADLINE}<p>Par ailleurs, la route reste fermée jusqu'à lundi.</p>{STORY}") == []


def test_menus_and_biographies_are_no_bylines() -> None:
    menu = "".join(f'<a href="/author/{one}">{one}</a>' for one in ("Termine", "Jobs", "Archiv"))
    assert seen(f"{HEADLINE}<div>{menu}</div>{STORY}") == []
    bio = f'<div class="author-bio">{"Awa Ndiaye couvre la ville depuis dix ans. " * 6}</div>'
    assert seen(f"{HEADLINE}{STORY}{bio}") == []


def test_the_line_is_returned_as_printed() -> None:
    linked = '<p class="meta">Par <a rel="author" href="/auteurs/awa">Awa Ndiaye</a> avec AFP</p>'
    assert printed(f"{HEADLINE}{linked}{STORY}").line == "Par Awa Ndiaye avec AFP"
    assert printed(f"{HEADLINE}<p>Par Awa Ndiaye</p>{STORY}").line == "Par Awa Ndiaye"
    assert printed(f"{HEADLINE}{STORY}").line is None


@pytest.mark.parametrize(
    ("behind", "names"),
    [
        ("<div><p>Redigé par:</p><p>Awa Ndiaye</p></div>", ["Awa Ndiaye"]),
        ("<div><p>Written by</p><p>Awa Ndiaye</p></div>", ["Awa Ndiaye"]),
        ("<div><p>Redigé par:</p></div><div><p>Awa Ndiaye</p></div>", []),
        ("<div><p>Redigé par:</p></div><div><span>Facebook</span><span>X</span></div>", []),
        ("<div><p>Redigé par:</p><h3>Grand Angle</h3></div>", []),
        ("<div><p>Redigé par:</p><p>Partager</p></div>", []),
    ],
)
@pytest.mark.parametrize("lines", [20, 40])
def test_a_label_alone_below_the_story_introduces_the_name_beside_it(
    behind: str, names: list[str], lines: int
) -> None:
    story = "<p>Le maire a coupé le ruban devant la foule.</p>" * lines
    assert seen(f"<main>{HEADLINE}{story}</main>{behind}") == names


def test_an_empty_label_near_the_headline_names_nobody() -> None:
    share = "<div><div><span>Facebook</span><span>X</span></div></div>"
    assert seen(f"{HEADLINE}<p>Court.</p><div><div><p>Redigé par:</p></div></div><div>{share}</div>") == []


def test_who_submitted_a_node_wrote_it() -> None:
    footer = '<article><footer class="node__meta"><div>{} <a>Awa Ndiaye</a> {}</div></footer></article>'
    for words in (("Submitted by", "on May 14, 2025 12:30"), ("Soumis par", "le 20 septembre 2025 à 08h15")):
        assert seen(f"{HEADLINE}{footer.format(*words)}{STORY}") == ["Awa Ndiaye"]


def test_near_the_headline_label_and_name_may_stand_in_boxes_of_their_own() -> None:
    boxes = "<div><div><p>By</p></div><div><p>Awa Ndiaye</p></div></div>"
    assert seen(f"{HEADLINE}{boxes}{STORY}") == ["Awa Ndiaye"]
    assert seen(f"<main>{HEADLINE}{STORY * 9}</main>{boxes}") == []


@pytest.mark.parametrize(
    "html",
    [
        '<head><meta property="og:author" content="Awa Ndiaye"></head>',
        '<head><meta name="dc.creator" content="Ndiaye, Awa"></head>',
        '<head><meta name="citation_author" content="Ndiaye, Awa"></head>',
        '<body><h1>x</h1><div data-component="Byline">Awa Ndiaye</div>',
        '<body><h1>x</h1><span data-testid="byline-name">Awa Ndiaye</span>',
        '<body><h1>x</h1><div class="submitted-by"><a href="/u/7">Awa Ndiaye</a></div>',
        '<body><h1>x</h1><p>By <a class="author" href="/by/a">Awa Ndiaye For Lake Weekly</a></p>',
        '<body><h1>x</h1><p class="author">Photos : Paul Eto. Texte : Awa Ndiaye</p>',
    ],
)
def test_a_byline_is_read_wherever_pages_name_it(html: str) -> None:
    assert names(byline(html)) == [("Awa Ndiaye", "person")]


def test_a_first_name_that_is_a_preposition_elsewhere_stays() -> None:
    html = f'<html lang="en">{ld("""{"@type": "Person", "name": "Von Marla Keats"}""")}'
    tree = document_fromstring(html)
    head = read_head(tree, "https://echo.example/a", {})
    found = choose_byline(head, tree, HeadlineContext(lines=[]), None, in_text=None, sites=[])
    assert [author.name for author in found.authors] == ["Von Marla Keats"]


def whole(head: str, body: str, lang: str = "fr") -> list[str]:
    """The authors of a page with a headline, by all sources."""
    tree = document_fromstring(
        f'<html lang="{lang}"><head>{head}</head><body>{HEADLINE}{body}{STORY}</body></html>'
    )
    page = read_head(tree, "https://echo.example/a", {})
    near = find_headline(blocks_of(tree), {"le pont est ouvert"}, page.landmarks)
    found = choose_byline(page, tree, near, None, in_text=None, sites=["Écho du Fleuve"])
    return [author.name for author in found.authors]


def script(author: str) -> str:
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", "author": {author}}}</script>'


AWA = script('{"@type": "Person", "name": "Awa Ndiaye", "jobTitle": "Reporter"}')


def test_a_name_in_parts_is_put_together() -> None:
    node = '{"@type": "Person", "givenName": "Awa Fatou", "familyName": "Ndiaye"}'
    assert whole(script(node), "") == ["Awa Fatou Ndiaye"]


@pytest.mark.parametrize(
    "body",
    [
        '<p class="byline">Par Awa Ndiaye</p><p class="author-role">Assistant Sports EditorFollow</p>',
        '<p class="author">Awa NdiayeReporter</p>',
        '<p class="author">di Awa Ndiaye</p>',
        '<p class="author">Awa Ndiaye</p><p class="author-place">Garoua, Les Gazelles</p>',
        '<p class="author">Par Awa Ndiaye</p><p class="author">Edited by Paul Eto</p>',
        '<p class="author">Awa Ndiaye</p><p>Reviewed by</p><p class="author">Paul Eto</p>',
        '<p class="author">Bild: Lac / Paul Eto</p>',
    ],
)
def test_what_stands_beside_a_declared_author_is_no_other_author(body: str) -> None:
    assert whole(AWA, body) == ["Awa Ndiaye"]


def test_a_fuller_line_names_the_others_with_an_honorific_or_without() -> None:
    assert whole(AWA, '<p class="byline">Par Dr Awa Ndiaye, Paul Eto</p>') == ["Dr Awa Ndiaye", "Paul Eto"]


def test_the_name_of_an_organisation_is_not_divided() -> None:
    node = script('{"@type": "Organization", "name": "Center for Lakes and Rivers"}')
    meta = '<meta name="dcterms.creator" content="Center for Lakes and Rivers">'
    assert whole(node + meta, "") == ["Center for Lakes and Rivers"]


def test_an_account_gives_way_to_a_declared_name() -> None:
    node = script('{"@type": "Person", "name": "EchoAwa"}')
    assert whole(node + '<meta name="author" content="Awa Ndiaye">', "") == ["Awa Ndiaye"]


def test_the_id_of_a_heading_marks_no_author() -> None:
    assert whole("", '<h3 id="contribution-systems">Contribution Systems</h3>') == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<p>Awa Ndiaye</p><p>3 mars 2026</p>", ["Awa Ndiaye"]),
        ("<p>Garoua, 3 mars 2026, 10:30</p><p>Awa Ndiaye</p>", ["Awa Ndiaye"]),
        ("<p>AFP</p><p>Garoua</p>", ["AFP"]),
        ("<p>Awa Ndiaye</p><p>Le pont a coûté cher.</p><p>Awa Ndiaye est journaliste.</p>", ["Awa Ndiaye"]),
        ("<p>Awa Ndiaye</p><p>Le pont a coûté cher.</p>", []),
        ("<p>Grand Angle, Technique</p><p>3 mars 2026</p>", []),
        ("<p>Politique</p><p>3 mars 2026</p>", []),
    ],
)
def test_a_name_alone_below_the_headline_needs_a_date_or_a_biography(body: str, found: list[str]) -> None:
    assert whole("", body) == found


def test_a_person_in_an_unmarked_line_comes_before_the_site_as_its_own_author() -> None:
    site = script('{"@type": "Organization", "name": "Écho du Fleuve"}')
    assert whole(site, "<p>Awa Ndiaye</p><p>3 mars 2026</p>") == ["Awa Ndiaye"]
    assert whole(site, "") == ["Écho du Fleuve"]
