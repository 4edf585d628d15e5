"""Section, tags and page type."""

import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.head import PageHead, read_head
from newscrawl.extraction.metadata.topics import read_page_type, read_section, read_tags


def page(html: str) -> PageHead:
    return read_head(document_fromstring(f"<html>{html}</html>"), "https://echo.example/a", {})


def ld(script: str) -> str:
    return f'<head><script type="application/ld+json">{script}</script></head><body>x'


def test_tags_come_once_each_from_every_source() -> None:
    script = (
        '<script type="application/ld+json">{"@type": "NewsArticle", "keywords": ["Pont", "Fleuve"]}</script>'
    )
    links = '<a rel="tag" href="/t">Douala</a><a rel="category tag">Une</a>'
    html = f'<head>{script}<meta name="keywords" content="pont, Bac"></head><body>{links}'
    assert read_tags(page(html)) == ["Pont", "Fleuve", "Bac", "Douala"]


def test_a_list_under_read_more_on_becomes_tags() -> None:
    items = '<li><a href="/t/1">bridge</a></li><li><a href="/t/2">river</a></li>'
    html = f"<body><ul><li>READ MORE ON:</li>{items}</ul>"
    assert read_tags(page(html)) == ["bridge", "river"]


def test_the_section_is_declared_or_the_last_breadcrumb() -> None:
    declared = '<head><meta property="article:section" content="Société"></head>'
    assert read_section(page(declared)) == "Société"
    items = '[{"name": "Accueil"}, {"item": {"name": "Sport"}}, {"name": "Le match"}]'
    crumbs = f'{{"@type": "BreadcrumbList", "itemListElement": {items}}}'
    assert read_section(page(ld(crumbs))) == "Sport"
    assert read_section(page("<body><a rel='category tag' href=/c>Culture</a>")) == "Culture"


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        ("<body>x", "article"),
        (ld('{"@type": "NewsArticle"}'), "article"),
        (ld('[{"@type": "CollectionPage"}, {"@type": "NewsArticle"}]'), "article"),
        (ld('{"@type": "CollectionPage"}'), "listing"),
        (ld('{"@type": "LiveBlogPosting"}'), "liveblog"),
        (ld('{"@type": "VideoObject"}'), "video"),
        ('<head><meta property="og:type" content="video.other"></head>', "video"),
    ],
)
def test_the_type_is_what_the_page_declares(html: str, kind: str) -> None:
    assert read_page_type(page(html)) == kind


@pytest.mark.parametrize(
    "html",
    [
        "<p><strong>Mots-clés :</strong> <a href=/1>Pont</a>, <a href=/2>Fleuve</a></p>",
        "<h4>Tags</h4><ul><li><a href=/1>Pont</a></li><li><a href=/2>Fleuve</a></li></ul>",
        "<section><ul><li><span>READ MORE ON:</span></li>"
        "<li><a href=/1>Pont</a></li><li><a href=/2>Fleuve</a></li></ul>",
    ],
)
def test_labels_of_topics_stand_in_many_places(html: str) -> None:
    assert read_tags(page(f"<body><p>Le pont est ouvert.</p>{html}")) == ["Pont", "Fleuve"]


def test_topics_of_the_site_are_not_the_storys() -> None:
    links = "<ul><li><a href=/1>Pont</a></li></ul>"
    assert read_tags(page(f"<body><footer><div><h4>Topics</h4>{links}</div></footer>")) == []
    prose = f"<h4>Sujets</h4><p>{'Le fleuve monte encore. ' * 9}<a href=/1>Pont</a></p>"
    assert read_tags(page(f"<body>{prose}")) == []


@pytest.mark.parametrize(
    ("sections", "section"),
    [
        ('["À la une", "Société"]', "Société"),
        ('"À la une,Société"', "Société"),
        ('"Arts, Books and Film"', "Arts, Books and Film"),
        ('"news_news"', None),
        ('"Uncategorized"', None),
        ('"Écho du Lac"', None),
    ],
)
def test_a_section_says_what_the_story_is_about(sections: str, section: str | None) -> None:
    node = f'{{"@type": "NewsArticle", "articleSection": {sections}}}'
    head = '<head><meta property="og:site_name" content="Écho du Lac">'
    script = f'<script type="application/ld+json">{node}</script></head>'
    assert read_section(page(f"{head}{script}<body>x")) == section


def test_the_title_at_the_end_of_the_breadcrumbs_is_no_section() -> None:
    items = '[{"name": "Accueil"}, {"name": "Sport"}, {"name": "Lutte"}, {"name": "Le grand match du lac"}]'
    script = f'{{"@type": "BreadcrumbList", "itemListElement": {items}}}'
    title = "<title>Le grand match du lac | Écho</title></head>"
    assert read_section(page(ld(script).replace("</head>", title))) == "Lutte"


def test_keywords_of_programs_are_no_tags() -> None:
    node = (
        '{"@type": "NewsArticle", "keywords": ["_prio", "type:story", "1003123", "Etoo, Paul", "Lac (341)"]}'
    )
    assert read_tags(page(ld(node))) == ["Etoo, Paul", "Lac"]


def test_the_words_of_the_address_are_no_tags() -> None:
    words = '<head><meta name="keywords" content="Fleuve,le,pont,est,ouvért"></head><body>x'
    head = read_head(
        document_fromstring(f"<html>{words}</html>"), "https://echo.example/le-pont-est-ouvert", {}
    )
    assert read_tags(head) == ["Fleuve"]


def test_a_menu_of_topics_is_the_sites() -> None:
    link = '<a rel="tag" href="/t">{}</a>'
    menu = f"<div class=tag-cloud>{link.format('Lac')}</div><nav>{link.format('Mer')}</nav>"
    assert read_tags(page(f"<body>{menu}<p>{link.format('Pont')}</p>")) == ["Pont"]
