"""Landmarks: elements that may hold a story's date, authors, topics and pictures, found in a single pass."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock, inner_text
from newscrawl.extraction.normalize import match_key
from newscrawl.extraction.tags import HEADING_TAGS, LABEL_TAGS, LANDMARK_TAGS, RARE_NAMES
from newscrawl.extraction.word_patterns import join_words

MAX_ELEMENTS_OF_A_KIND = 500
"Elements collected of a kind; a page with more is broken, or made to waste time."
MAX_NAME_CHARS = 300
_STEMS: dict[str, tuple[str, ...]] = {
    "author": (
        "author", "auteur", "autor", "byline", "by-line", "by_line", "signature", "writer", "contribut",
        "journalist", "reporter", "redacteur", "verfasser", "vcard", "submitted-by",
    ),
    "date": (
        "date", "time", "publi", "posted", "created", "heure", "stamp", "entry-meta", "post-meta",
        "post-info",
    ),
    "figure": ("wp-caption", "article-image", "article__image", "featured-image"),
    "paging": ("page-links", "pagination", "pager", "multipage", "post-nav-links"),
    "live": (
        "live-blog", "liveblog", "live-update", "live-entry", "live-post", "live-event", "live-item",
        "timeline-item", "timeline-entry", "live_",
    ),
}  # fmt: skip
"Parts of class names and ids by the kind of element. Plain substrings are many times faster than patterns."
_ANY_STEM = re.compile(join_words(stem for stems in _STEMS.values() for stem in stems))
"Most names match no stem, and a single search shows it faster than the loops."
_AUTHOR_PAGE = re.compile(
    r"(?:^|/)(?:authors?|auteurs?|auteures?|autor(?:en|es|as)?|autor(?:in|a)|journalist(?:e?s?|en)|"
    r"contribut(?:or|eur|rice)s?|writers?|reporters?|bylines?|columnists?|signatures?|redacteurs?)/[^/?#]|"
    r"[?&]author=\w",
    re.IGNORECASE,
)
_TOPICS_LABEL = re.compile(
    r"\s*(?:read more on|tags?|mots[\s-]cl[eé]s?|[eé]tiquettes?|related topics|topics|th[eè]mes?|sujets?|"
    r"more on|filed under|keywords)\s*:?\s*$",
    re.IGNORECASE,
)
LABEL_CHARS = 40
MARKUP_RATIO = 8
"Most characters of markup, white space included, per character of text that is read."
AUTHOR_PAGE_STEMS = (
    "/aut", "author=", "/journalis", "/contrib", "/write", "/report", "/byline", "/column", "/signat",
    "/redact",
)  # fmt: skip
"A cheap check before `_AUTHOR_PAGE`, whose matches all contain such a stem."
_ASIDE_TAGS = frozenset({"aside", "footer", "nav"})
_WHOLE_PAGE_TAGS = frozenset({"body", "html", "main"})
"Their names say nothing about a part of the page."
_OTHER_STORIES = re.compile(
    r"related|relation|similar|recommend|sidebar|(?<!elementor-)widget|teaser|card|\bmost|"
    r"popular|latest|comment|ticker|footer|promo(?!ted)|carousel|more-?(?:from|stories|news)|\balso|suggest|trending|recirc"
)
"Drupal calls every story on its front page `promoted`."
_NAMED_LEVELS = 8
"Ancestors whose names can mark an element as being about other stories."
_DIGIT = re.compile(r"\d")
NUMBER_CHARS = 12
"Characters at the end of an address that hold the number of a page, and what may follow it."
MAX_NUMBERED_LINKS = 5_000
MAX_LINES = 400
LINES_ABOVE, LINES_BELOW = 6, 15
"Lines around the headline whose dates and names are taken for the story's."
EXTRA_TITLE_CHARS = 20
"Characters that a line may have beyond its match key."
_OWN_FOOTER = re.compile(r"(?:^|\s)(?:post|entry|article|story|node)[-_]{1,2}(?:footer|meta)", re.IGNORECASE)
"How themes name the line above or below a story that says who wrote it and when."
FOOTER_LEVELS = 8
"Ancestors among which such a footer is searched for."


@dataclass(kw_only=True, slots=True)
class PageLandmarks:
    """Elements by what they may hold, each list in page order."""

    metas: list[HtmlElement] = field(default_factory=list)
    links: list[HtmlElement] = field(default_factory=list)
    scripts: list[HtmlElement] = field(default_factory=list)
    "Scripts of type JSON-LD."
    titles: list[HtmlElement] = field(default_factory=list)
    headings: list[HtmlElement] = field(default_factory=list)
    "For their positions, which show what comes below the headline."
    times: list[HtmlElement] = field(default_factory=list)
    figures: list[HtmlElement] = field(default_factory=list)
    topics: list[HtmlElement] = field(default_factory=list)
    "Links with `rel=tag`, which include links to categories."
    numbered_links: list[HtmlElement] = field(default_factory=list)
    "Links whose addresses have a digit near their end, as those of pages of a story do."
    labels: list[HtmlElement] = field(default_factory=list)
    "Elements whose own text labels a list of topics."
    author_links: list[HtmlElement] = field(default_factory=list)
    "Links to an author's page."
    by_kind: dict[str, list[HtmlElement]] = field(default_factory=lambda: {kind: [] for kind in _STEMS})
    "Elements by the kind that their class, id, itemprop or RDFa property names."
    positions: dict[HtmlElement, int] = field(default_factory=dict)
    "Positions of the elements above among all elements of the page."

    def position(self, element: HtmlElement | None) -> int:
        """The position of an element, or of its nearest ancestor that has any; 0 if none has."""
        while element is not None:
            if element in self.positions:
                return self.positions[element]
            element = element.getparent()
        return 0


@lru_cache(maxsize=8192)
def landmark_kinds(names: str) -> tuple[str, ...]:
    """The kinds of element that a class, id or itemprop names, such as `author` or `date`."""
    folded = names[:MAX_NAME_CHARS].lower()
    if not _ANY_STEM.search(folded):
        return ()
    return tuple(kind for kind, stems in _STEMS.items() if any(stem in folded for stem in stems))


def find_candidates_in_python(tree: HtmlElement) -> Iterable[tuple[int, HtmlElement]]:
    """The elements that may be landmarks, each with its position: at most those of a few tags.

    The compiled form leaves out the many whose names, links and texts show that they are none.
    """
    # lxml skips the others at no cost.
    return enumerate(tree.iter(*LANDMARK_TAGS))


def find_landmarks(tree: HtmlElement) -> PageLandmarks:
    """All landmarks of a page."""
    landmarks = PageLandmarks()
    by_tag = {
        "meta": landmarks.metas, "link": landmarks.links, "title": landmarks.titles, "time": landmarks.times,
        "figure": landmarks.figures, **dict.fromkeys(HEADING_TAGS, landmarks.headings),
    }  # fmt: skip
    for at, element in find_candidates(tree):
        tag = element.tag
        if (collected := by_tag.get(tag)) is not None:
            _collect(landmarks, collected, element, at)
        elif tag == "a":
            _collect_link(landmarks, element, at)
        elif tag == "script":
            if "ld+json" in (element.get("type") or "").lower():
                landmarks.scripts.append(element)
            continue
        if tag in LABEL_TAGS and is_label(element.text):
            _collect(landmarks, landmarks.labels, element, at)
        for kind in _element_kinds(element):
            _collect(landmarks, landmarks.by_kind[kind], element, at)
    return landmarks


def _element_kinds(element: HtmlElement) -> tuple[str, ...]:
    """The kinds that the names of an element show; a component may be named for an author only."""
    # Few elements have the rarer attributes, and a list of names costs less than to ask for each.
    attributes = element.keys()
    if not attributes:
        return ()
    names = element.get("class") or element.get("id")
    kinds = landmark_kinds(names) if names else ()
    if RARE_NAMES.isdisjoint(attributes):
        return kinds
    if component := element.get("data-component") or element.get("data-testid"):
        kinds += tuple(kind for kind in landmark_kinds(component) if kind == "author")
    if element.tag != "meta" and (prop := element.get("itemprop") or element.get("property")):
        kinds += landmark_kinds(prop)
    return kinds


def _collect(landmarks: PageLandmarks, collected: list[HtmlElement], element: HtmlElement, at: int) -> None:
    if len(collected) < MAX_ELEMENTS_OF_A_KIND and (not collected or collected[-1] is not element):
        collected.append(element)
        landmarks.positions[element] = at


def _collect_link(landmarks: PageLandmarks, element: HtmlElement, at: int) -> None:
    rel = element.get("rel")
    rels = rel.lower().split() if rel else ()
    if "tag" in rels:
        _collect(landmarks, landmarks.topics, element, at)
    href = element.get("href") or ""
    if _DIGIT.search(href[-NUMBER_CHARS:]) and len(landmarks.numbered_links) < MAX_NUMBERED_LINKS:
        landmarks.numbered_links.append(element)
    if "author" in rels or _is_author_page(href):
        _collect(landmarks, landmarks.author_links, element, at)


def _is_author_page(href: str) -> bool:
    folded = href.lower()
    for stem in AUTHOR_PAGE_STEMS:
        if stem in folded:
            return _AUTHOR_PAGE.search(folded) is not None
    return False


def is_label(text: str | None) -> bool:
    """Whether a text is the label of a list of topics."""
    return text is not None and 3 < len(text) < LABEL_CHARS and _TOPICS_LABEL.match(text) is not None


def short_text(element: HtmlElement, limit: int) -> str:
    """The text of an element that holds little; empty for a larger element, which is not read to its end."""
    chars = 0
    for piece in element.itertext():
        chars += len(piece)
        if chars > MARKUP_RATIO * limit:
            return ""
    text = inner_text(element)
    return text if len(text) <= limit else ""


def element_names(element: HtmlElement) -> str:
    """The itemprop, class and id of an element."""
    return " ".join(element.get(name) or "" for name in ("itemprop", "class", "id"))


@lru_cache(maxsize=8192)
def _name_other_stories(names: str) -> bool:
    return _OTHER_STORIES.search(names.lower()) is not None


def is_about_other_stories(element: HtmlElement, within: Collection[HtmlElement] = ()) -> bool:
    """Whether a part of the page about other stories holds the element, below any ancestor in `within`."""
    for ancestor in islice(element.iterancestors(), _NAMED_LEVELS):
        if ancestor in within:
            return False
        if ancestor.tag in _ASIDE_TAGS or (
            ancestor.tag not in _WHOLE_PAGE_TAGS and _name_other_stories(element_names(ancestor))
        ):
            return True
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadlineContext:
    """Where the headline is, and what is near it."""

    lines: list[TextBlock]
    "Lines in the order of search: from the headline down, then those right above it, then all others."
    position: int = 0
    "Position of the headline among all elements; 0 if none was found."
    headline_elements: Collection[HtmlElement] = field(default_factory=frozenset)
    "Elements that hold the headline: whatever their names, they are about this story."

    def is_elsewhere(self, element: HtmlElement) -> bool:
        """Whether an element is in a part of the page about other stories."""
        if not is_about_other_stories(element, self.headline_elements):
            return False
        footers = list(filter(_is_article_footer, islice(element.iterancestors(), FOOTER_LEVELS)))
        if not footers:
            return True
        inside_footer = {*self.headline_elements, footers[0]}
        return is_about_other_stories(element, inside_footer) or is_about_other_stories(
            footers[-1], self.headline_elements
        )


def _is_article_footer(element: HtmlElement) -> bool:
    """Whether a footer belongs to an article rather than to the page."""
    parent = element.getparent()
    in_article = element.tag == "footer" and parent is not None and parent.tag == "article"
    return in_article or _OWN_FOOTER.search(element_names(element)) is not None


def find_headline(lines: Sequence[TextBlock], titles: set[str], landmarks: PageLandmarks) -> HeadlineContext:
    """The context of the headline, near which a story's date and authors are printed."""
    at = _headline_index(lines, titles)
    if at is None:
        return HeadlineContext(lines=list(lines[:MAX_LINES]))
    start, element = max(0, at - LINES_ABOVE), lines[at].element
    ordered = [*lines[at : at + LINES_BELOW], *lines[start:at], *lines[at + LINES_BELOW :], *lines[:start]]
    return HeadlineContext(
        lines=ordered[:MAX_LINES],
        position=landmarks.position(element),
        headline_elements={element, *element.iterancestors()},
    )


def _headline_index(lines: Sequence[TextBlock], titles: set[str]) -> int | None:
    """The line that is the headline; headings come first, since breadcrumbs repeat it."""
    longest = max(map(len, titles), default=0) + EXTRA_TITLE_CHARS
    headings = (at for at, line in enumerate(lines) if line.kind == "h" or line.element.tag == "h1")
    others = (at for at, line in enumerate(lines) if 2 * len(line.text) > longest)
    for at in (*headings, *others):
        if len(lines[at].text) <= longest and match_key(lines[at].text) in titles:
            return at
    return None


try:
    from newscrawl.extraction.compiled_walk import find_candidates
except (ImportError, TypeError, ValueError):  # not compiled here, or for another lxml
    find_candidates = find_candidates_in_python
