"""The topics of a story and the type of its page: section, tags, page type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from unicodedata import combining, normalize

from lxml.html import HtmlElement

from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text, node_types, resolve_nodes, string_values
from newscrawl.extraction.landmarks import LABEL_CHARS, is_about_other_stories, is_label, short_text
from newscrawl.extraction.metadata.names import squash
from newscrawl.extraction.normalize import match_key, normalize_spaces, truncate
from newscrawl.items import PageType
from newscrawl.urls import url_host

MAX_TAGS = 50
MAX_TAG_CHARS = 80
_ITEMS = frozenset({"li", "dt"})
_INLINE = frozenset({"span", "strong", "b", "li", "em"})
MAX_LISTS, MAX_LIST_CHARS = 20, 4_000
_MIN_LINKED = 0.6
"The share of a topic list's text that must be in links, apart from its label."
_COMMAS = re.compile(r"\s*[,;|]\s*")
_JOINED = re.compile(r",\s*(?:&|and|et|und|y|e)\s|\s(?:&|and|et|und|y)\s[^,]*$", re.IGNORECASE)
"The end of a single name that has commas, as in `Arts, Books & Film`."
_INTERNAL = re.compile(r"^_|^\w+_\w+|^[a-z]+:\w|^\d{5,}$")
"Names and numbers that a program gives its own lists."
_COUNT = re.compile(r"\s*\(\d[\d.,]*(?:\s\w+)?\)$")
"How many stories a topic has."
_OUTSIDE = re.compile(
    r"(?<!elementor-)widget|sidebar|menu|cloud|(?:^|[\s_-])nav(?:[\s_-]|$|bar|igation)", re.IGNORECASE
)
"Names of the elements that link to the topics of a whole site."
_OUTSIDE_LEVELS = 6
_SLUG_WORD = re.compile(r"[^\W_]+")
MIN_TITLE_CHARS = 12
"A shorter breadcrumb begins a title by chance."
MIN_SLUG_WORDS = 4
"So many words of the address among the keywords are no keywords: a program divided its slug."
_TYPES: tuple[tuple[str, PageType], ...] = (
    ("liveblogposting", "liveblog"), ("imagegallery", "gallery"), ("mediagallery", "gallery"),
    ("newsarticle", "article"),
    ("collectionpage", "listing"), ("searchresultspage", "listing"), ("videoobject", "video"),
)  # fmt: skip
_HOME_TITLE = frozenset({
    "home", "accueil", "index", "start", "startseite", "inicio", "portada", "início", "homepage", "home page",
    "hem", "forside", "etusivu", "ana sayfa", "главная",
})  # fmt: skip
NO_SECTION = frozenset({
    "uncategorized", "uncategorised", "non classé", "sin categoría", "allgemein", "sem categoria",
    "unkategorisiert", "article", "articles", "à la une", "la une", "a la une", "featured", "top stories",
    "top news", "breaking news", "slider", "newsletter", *_HOME_TITLE,
})  # fmt: skip
"Sections that say nothing of a story: where it is promoted, or that it was filed nowhere."


def declares_article(head: PageHead) -> bool:
    """Whether the page declares that it is a story."""
    return bool(head.story_node) or (head.meta("og:type") or "").lower() == "article"


def read_section(head: PageHead) -> str | None:
    """Read the section: declared, else the last breadcrumb before the story, else a linked category."""
    metas = ("article:section", "og:article:section", "section", "parsely-section")
    declared = (
        *string_values(head.story_node.get("articleSection")),
        *(section for name in metas for section in head.metas.get(name, ())),
    )
    categories = (short_text(link, MAX_TAG_CHARS) for link in head.landmarks.topics if _is_category(link))
    excluded = NO_SECTION | _site_names(head)
    for section in (
        *(name for text in declared for name in _split_sections(text)),
        *_breadcrumbs(head)[::-1],
    ):
        if match_key(section) not in excluded and not _INTERNAL.match(section):
            return truncate(section, MAX_TAG_CHARS)
    return next((name for name in categories if match_key(name) not in excluded | {""}), None)


def _split_sections(text: str) -> list[str]:
    """The sections in a text: some programs list all of a story's."""
    name = first_text(text) or ""
    return [name] if _JOINED.search(name) else [part for part in _COMMAS.split(name) if part]


def _site_names(head: PageHead) -> set[str]:
    """The names of the site, which is neither a section nor a topic of its own."""
    publishers = resolve_nodes(head.nodes, head.story_node.get("publisher"))
    names = [
        head.meta("og:site_name", "application-name"),
        *(first_text(node.get("name")) for node in publishers),
    ]
    host = url_host(head.url)
    return {match_key(name) for name in (*names, host, host.removeprefix("www.")) if name}


def _breadcrumbs(head: PageHead) -> list[str]:
    for node in head.nodes:
        if "breadcrumblist" in node_types(node):
            items = resolve_nodes(head.nodes, node.get("itemListElement"))
            names = [first_text(item.get("name")) or _crumb_name(head, item.get("item")) for item in items]
            crumbs = [name for name in names if name and match_key(name) not in _HOME_TITLE]
            titles = (first_text(head.story_node.get("headline")), head.meta("og:title"), head.title)
            above = [name for name in crumbs if not _is_title(name, titles)]
            return above[:-1] if len(above) == len(crumbs) > 1 else above
    return []


def _is_title(name: str, titles: Iterable[str | None]) -> bool:
    """Whether a breadcrumb is the story itself, with its title whole or cut."""
    key = squash(name)
    return any(squash(title).startswith(key) for title in titles if title and len(key) >= MIN_TITLE_CHARS)


def _crumb_name(head: PageHead, item: object) -> str | None:
    nodes = resolve_nodes(head.nodes, [item] if isinstance(item, dict) else None)
    return first_text(nodes[0].get("name")) if nodes else None


def _is_category(link: HtmlElement) -> bool:
    return "category" in (link.get("rel") or "").lower().split()


def read_tags(head: PageHead) -> list[str]:
    """Read the keywords in page order, without repeats in another case, and without the name of the site."""
    tags: dict[str, str] = {}
    excluded = _site_names(head) | {""}
    for tag in _iter_tags(head):
        clean = normalize_spaces(tag).strip(" ,;#").removeprefix("& ")
        if clean.endswith(")"):
            clean = _COUNT.sub("", clean)
        is_name = len(clean) <= MAX_TAG_CHARS and not is_label(clean) and not _INTERNAL.match(clean)
        if is_name and match_key(clean) not in excluded:
            tags.setdefault(match_key(clean), clean)
    return _drop_slug_words(list(tags.values()), head.url)[:MAX_TAGS]


def _drop_slug_words(tags: list[str], url: str) -> list[str]:
    """The tags without the words of the address, if so many are among them that a program divided it."""
    plain = [tag for tag in tags if tag.islower() and " " not in tag]
    if len(plain) < MIN_SLUG_WORDS:
        return tags
    slug = set(_SLUG_WORD.findall(url.lower()))
    words = {tag for tag in plain if _unaccented(tag) in slug}
    return [tag for tag in tags if tag not in words] if len(words) >= MIN_SLUG_WORDS else tags


def _unaccented(text: str) -> str:
    """A text as addresses spell it."""
    return "".join(char for char in normalize("NFD", text) if not combining(char))


def _iter_tags(head: PageHead) -> Iterator[str]:
    yield from _divide(string_values(head.story_node.get("keywords")))
    yield from _split_all(head.metas.get("news_keywords", ()))
    yield from _divide(head.metas.get("article:tag", ()))
    yield from _split_all(head.metas.get("keywords", ()))
    for link in head.landmarks.topics:
        if not _is_category(link) and not _is_outside(link):
            yield short_text(link, MAX_TAG_CHARS)
    for label in head.landmarks.labels[:MAX_LISTS]:
        if not is_about_other_stories(label):
            yield from _tags_after_label(label)


def _divide(keywords: Sequence[str]) -> Iterator[str]:
    """Yield keywords one by one; where each has a value of its own, a comma is part of it."""
    if len(keywords) > 1:
        yield from (part for text in keywords for part in text.split(";"))
    else:
        yield from _split_all(keywords)


def _split_all(keywords: Sequence[str]) -> Iterator[str]:
    return (part for text in keywords for part in _COMMAS.split(text))


@lru_cache(maxsize=4096)
def _names_the_outside(names: str) -> bool:
    return _OUTSIDE.search(names) is not None


def _is_outside(link: HtmlElement) -> bool:
    """Whether a link to a topic belongs to the site rather than to the story."""
    return any(
        above.tag in {"nav", "aside"} or _names_the_outside(above.get("class") or "")
        for above in islice(link.iterancestors(), _OUTSIDE_LEVELS)
        if above.tag not in {"body", "html"}
    )


def _tags_after_label(label: HtmlElement) -> Iterator[str]:
    """Yield the links after a label such as `READ MORE ON`: in its list, or in the elements that follow."""
    for element in _tag_lists(label):
        links = list(islice(element.iter("a"), MAX_TAGS + 1))
        names = [name for link in links if (name := short_text(link, MAX_TAG_CHARS))]
        if names and len(names) == len(links) <= MAX_TAGS:
            whole = short_text(element, MAX_LIST_CHARS)
            if whole and sum(map(len, names)) >= _MIN_LINKED * (len(whole) - LABEL_CHARS):
                yield from names
            return


def _tag_lists(label: HtmlElement) -> Iterator[HtmlElement]:
    """Yield the elements that may have a label's links: itself, its parent, or the elements that follow."""
    yield label
    parent, following = label.getparent(), label.getnext()
    if parent is None:
        return
    if label.tag in _ITEMS or (following is not None and following.tag == "a"):
        yield parent
    yield from islice(label.itersiblings(), 2)
    if parent.tag in _INLINE:
        yield from _tag_lists(parent)


def read_page_type(head: PageHead) -> PageType:
    """Read the declared page type; an article if the page declares none."""
    types = {name for node in head.nodes for name in node_types(node)}
    page_type: PageType = next((value for name, value in _TYPES if name in types), "article")
    declared = (head.meta("og:type") or "").lower()
    if page_type == "listing" and (head.story_node or declared == "article"):
        return "article"
    if page_type == "video" and declared == "article":
        return "article"
    if declared.startswith("video") and page_type == "article" and not head.story_node:
        return "video"
    return page_type
