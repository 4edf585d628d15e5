"""Old pages give their story: tables for layout, fonts, frames, nothing closed, no titles, any encoding."""

import re

import pytest
from old_pages_made import (
    OLD_CHARSETS,
    OLD_STORIES,
    OLD_TEMPLATES,
    Template,
    bullets,
    centred,
    headlines,
    indented_lines,
    sections,
    tables,
)

from newscrawl.extraction import extract
from newscrawl.items import Article

URL = "http://post.example/news/2004/03/12/4711.html"
LOST = 1
"Paragraphs at the ends of so short a story that the classifier may be unsure of."


def read(template: Template, lang: str, url: str = URL, *, is_declared: bool = True) -> Article:
    title, story = OLD_STORIES[lang]
    html = template(title, story, lang).encode(OLD_CHARSETS[lang], "xmlcharrefreplace")
    headers = {"content-type": f"text/html; charset={OLD_CHARSETS[lang]}"} if is_declared else {}
    article = extract(html, url, headers=headers)
    assert isinstance(article, Article), article.detail
    return article


def missing(article: Article, lang: str) -> list[str]:
    text = " ".join(article.text.split())
    return [paragraph for paragraph in OLD_STORIES[lang][1] if paragraph not in text]


@pytest.mark.parametrize("lang", OLD_STORIES)
@pytest.mark.parametrize("template", OLD_TEMPLATES)
def test_an_old_page_gives_its_story(template: Template, lang: str) -> None:
    article = read(template, lang)
    assert len(missing(article, lang)) <= LOST


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("template", OLD_TEMPLATES)
def test_and_at_the_address_of_a_home_page_too(template: Template, lang: str) -> None:
    assert len(missing(read(template, lang, "http://post.example/"), lang)) <= LOST


@pytest.mark.parametrize("lang", OLD_STORIES)
def test_the_encoding_need_not_be_declared(lang: str) -> None:
    assert missing(read(tables, lang, is_declared=False), lang) == []


@pytest.mark.parametrize("lang", OLD_STORIES)
@pytest.mark.parametrize("template", [indented_lines, centred, bullets])
def test_its_paragraphs_are_blocks(template: Template, lang: str) -> None:
    blocks = [block.text for block in read(template, lang).blocks]
    assert set(blocks) >= set(OLD_STORIES[lang][1])


@pytest.mark.parametrize("lang", OLD_STORIES)
def test_what_stands_around_it_has_no_story(lang: str) -> None:
    menus = f"<table><tr><td>{sections(lang)}<td>{headlines(lang)}</table>"
    page = f"<title>{OLD_STORIES[lang][0]}</title>{menus}".encode(OLD_CHARSETS[lang])
    headers = {"content-type": f"text/html; charset={OLD_CHARSETS[lang]}"}
    found = extract(page, "http://post.example/", headers=headers)
    assert not isinstance(found, Article)
    assert re.match("listing|too_short", found.reason)
