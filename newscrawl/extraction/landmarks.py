"""One pass over a tree: the elements that may tell of a story's date, authors, topics and pictures."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import RawBlock, text_of
from newscrawl.extraction.normalize import key

MAX_EACH = 500
"Elements kept of a kind: pages with more are made by mistake or to waste time."
MAX_NAME_CHARS = 300
_STEMS: dict[str, tuple[str, ...]] = {
    "author": (
        "author", "auteur", "autor", "byline", "by-line", "by_line", "signature", "writer", "contribut",
        "journalist", "reporter", "redacteur", "verfasser", "vcard",
    ),
    "date": (
        "date", "time", "publi", "posted", "heure", "stamp", "entry-meta", "post-meta", "post-info",
    ),
    "figure": ("wp-caption", "article-image", "article__image", "featured-image"),
    "paging": ("page-links", "pagination", "pager", "multipage", "post-nav-links"),
    "live": (
        "live-blog", "liveblog", "live-update", "live-entry", "live-post", "live-event", "live-item",
        "timeline-item", "timeline-entry", "live_",
    ),
}  # fmt: skip
"What stands in classes and ids of elements of a kind. Plain words: many times faster than a pattern."
_AUTHOR_PAGE = re.compile(
    r"(?:^|/)(?:authors?|auteurs?|auteures?|autor(?:en|es|as)?|autor(?:in|a)|journalist(?:e?s?|en)|"
    r"contribut(?:or|eur|rice)s?|writers?|reporters?|bylines?|columnists?|signatures?|redacteurs?)/[^/?#]|"
    r"[?&]author=\w",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\s*(?:read more on|tags?|mots[\s-]cl[eé]s?|[eé]tiquettes?|related topics|topics|th[eè]mes?|sujets?|"
    r"more on|filed under|keywords)\s*:?\s*$",
    re.IGNORECASE,
)
LABEL_CHARS = 40
WHITE = 8
"Markup holds so many characters for one that is read, at most."
_AUTHOR_STEMS = (
    "/aut", "author=", "/journalis", "/contrib", "/write", "/report", "/byline", "/column", "/signat",
    "/redact",
)  # fmt: skip
"One of them is in every address that `_AUTHOR_PAGE` finds; asked first because it is cheap."
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LABELLED = frozenset({"li", "span", "strong", "b", "p", "dt", "label", "ul", *_HEADINGS})
_READ = (
    "html", "body", "main", "article", "section", "header", "footer", "aside", "nav", "div", "p", "span", "a",
    "ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td", "th", "time", "address", "figure", "strong",
    "em", "b", "i", "small", "label", "abbr", "cite", "font", "meta", "link", "title", "script",
    *sorted(_HEADINGS),
)  # fmt: skip
"Tags looked at; the pass over the others costs nothing."
_ASIDE = frozenset({"aside", "footer", "nav"})
_WHOLE = frozenset({"body", "html", "main"})
"What these are named says nothing of a part of the page."
_OTHERS = re.compile(
    r"related|relation|similar|recommend|sidebar|(?<!elementor-)widget|teaser|card|\bmost|"
    r"popular|latest|comment|ticker|footer|promo|carousel|more-?(?:from|stories|news)|\balso|suggest|trending|recirc",
    re.IGNORECASE,
)
_NEAR = 8
"Elements above one by whose names it is known to be about other stories."


@dataclass(kw_only=True, slots=True)
class Signs:
    """Elements by what they may tell, each list in page order."""

    metas: list[HtmlElement] = field(default_factory=list)
    links: list[HtmlElement] = field(default_factory=list)
    scripts: list[HtmlElement] = field(default_factory=list)
    "Scripts that are JSON-LD."
    titles: list[HtmlElement] = field(default_factory=list)
    headings: list[HtmlElement] = field(default_factory=list)
    "For their places, which tell what stands below the headline."
    times: list[HtmlElement] = field(default_factory=list)
    figures: list[HtmlElement] = field(default_factory=list)
    topics: list[HtmlElement] = field(default_factory=list)
    "Links of `rel=tag`, those of categories among them."
    nexts: list[HtmlElement] = field(default_factory=list)
    "Links of `rel=next`."
    labels: list[HtmlElement] = field(default_factory=list)
    "Elements whose own text is the label of a list of topics."
    author_links: list[HtmlElement] = field(default_factory=list)
    "Links that lead to an author's page."
    named: dict[str, list[HtmlElement]] = field(default_factory=lambda: {kind: [] for kind in _STEMS})
    "Elements by what their class, id or itemprop says they hold."
    place: dict[HtmlElement, int] = field(default_factory=dict)
    "Where each of these elements stands among all of the page."

    def after(self, element: HtmlElement | None) -> int:
        """The place of an element, or of the last known one that holds it; 0 when neither is known."""
        while element is not None:
            if element in self.place:
                return self.place[element]
            element = element.getparent()
        return 0


_ANY_STEM = re.compile("|".join(re.escape(stem) for stems in _STEMS.values() for stem in stems))
"Whether it is worth asking for each: one search over all stems costs less than the loops."


@lru_cache(maxsize=8192)
def kinds_of(names: str) -> tuple[str, ...]:
    """What a class or id says of its element: `author`, `date`, `figure`, `live`."""
    folded = names[:MAX_NAME_CHARS].lower()
    if not _ANY_STEM.search(folded):
        return ()
    return tuple(kind for kind, stems in _STEMS.items() if any(stem in folded for stem in stems))


def signs_of(tree: HtmlElement) -> Signs:
    """All elements that may tell something, found in one pass."""
    signs = Signs()
    by_tag = {
        "meta": signs.metas, "link": signs.links, "title": signs.titles, "time": signs.times,
        "figure": signs.figures, **dict.fromkeys(_HEADINGS, signs.headings),
    }  # fmt: skip
    for at, element in enumerate(tree.iter(*_READ)):
        tag = element.tag
        if (of_tag := by_tag.get(tag)) is not None:
            _keep(signs, of_tag, element, at)
        elif tag == "a":
            _read_link(signs, element, at)
        elif tag == "script":
            if "ld+json" in (element.get("type") or "").lower():
                signs.scripts.append(element)
            continue
        if tag in _LABELLED and is_label(element.text):
            _keep(signs, signs.labels, element, at)
        if named := element.get("class") or element.get("id"):
            for kind in kinds_of(named):
                _keep(signs, signs.named[kind], element, at)
        if tag != "meta" and (prop := element.get("itemprop")):
            for kind in kinds_of(prop):
                _keep(signs, signs.named[kind], element, at)
    return signs


def _keep(signs: Signs, found: list[HtmlElement], element: HtmlElement, at: int) -> None:
    if len(found) < MAX_EACH and (not found or found[-1] is not element):
        found.append(element)
        signs.place[element] = at


def _read_link(signs: Signs, element: HtmlElement, at: int) -> None:
    rel = element.get("rel")
    names = rel.lower().split() if rel else ()
    if "tag" in names:
        _keep(signs, signs.topics, element, at)
    if "next" in names:
        _keep(signs, signs.nexts, element, at)
    href = element.get("href") or ""
    if "author" in names or _is_author_page(href):
        _keep(signs, signs.author_links, element, at)


def _is_author_page(href: str) -> bool:
    folded = href.lower()
    for stem in _AUTHOR_STEMS:
        if stem in folded:
            return _AUTHOR_PAGE.search(folded) is not None
    return False


def is_label(text: str | None) -> bool:
    """Whether it is what stands above a list of topics."""
    return text is not None and 3 < len(text) < LABEL_CHARS and _LABEL.match(text) is not None


def short_text(element: HtmlElement, limit: int) -> str:
    """The text of an element that holds little; of a larger one nothing, and it is not read to its end."""
    chars = 0
    for piece in element.itertext():
        chars += len(piece)
        if chars > WHITE * limit:
            return ""
    text = text_of(element)
    return text if len(text) <= limit else ""


def names_of(element: HtmlElement) -> str:
    """The words an element is named by."""
    return " ".join(element.get(name) or "" for name in ("itemprop", "class", "id"))


@lru_cache(maxsize=8192)
def _is_of_others(names: str) -> bool:
    return _OTHERS.search(names) is not None


def is_elsewhere(element: HtmlElement, home: Collection[HtmlElement] = ()) -> bool:
    """Whether it stands in a part of the page about other stories; not above an element of `home`."""
    for above in islice(element.iterancestors(), _NEAR):
        if above in home:
            return False
        if above.tag in _ASIDE or (above.tag not in _WHOLE and _is_of_others(names_of(above))):
            return True
    return False


MAX_LINES = 400
ABOVE, BELOW = 6, 15
"Lines around the headline: what they say of dates and authors is the story's."
SLACK = 20
"Characters that a line may have beside its key."
_OWN_FOOTER = re.compile(r"(?:^|\s)(?:post|entry|article|story|node)[-_]{1,2}(?:footer|meta)", re.IGNORECASE)
"How themes name the line below a story, or above it, that says who wrote it and when."
FOOTERS = 8
"Elements above one among which such a footer is looked for."


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """The page as seen from its headline."""

    lines: list[RawBlock]
    "From the headline down, then those right above it, then all others."
    place: int = 0
    "Where the headline stands among all elements; 0 where none was found."
    home: Collection[HtmlElement] = field(default_factory=frozenset)
    "The elements that hold the headline: whatever they are named, they are about this story."

    def elsewhere(self, element: HtmlElement) -> bool:
        """Whether it stands in a part of the page about other stories."""
        if not is_elsewhere(element, self.home):
            return False
        footers = _own_footers(element)
        if not footers:
            return True
        return is_elsewhere(element, {*self.home, footers[0]}) or is_elsewhere(footers[-1], self.home)


def near_title(lines: Sequence[RawBlock], titles: set[str], signs: Signs) -> Near:
    """The lines in the order in which they are asked; a story's date and authors stand near its headline."""
    at = _headline(lines, titles)
    if at is None:
        return Near(lines=list(lines[:MAX_LINES]))
    above, element = max(0, at - ABOVE), lines[at].element
    ordered = [*lines[at : at + BELOW], *lines[above:at], *lines[at + BELOW :], *lines[:above]]
    return Near(
        lines=ordered[:MAX_LINES],
        place=signs.after(element),
        home={element, *element.iterancestors()},
    )


def _own_footers(element: HtmlElement) -> list[HtmlElement]:
    """The elements above one, the nearest first, that are footers of an article and not of the page."""
    return [above for above in islice(element.iterancestors(), FOOTERS) if _is_own_footer(above)]


def _is_own_footer(element: HtmlElement) -> bool:
    parent = element.getparent()
    in_article = element.tag == "footer" and parent is not None and parent.tag == "article"
    return in_article or _OWN_FOOTER.search(names_of(element)) is not None


def _headline(lines: Sequence[RawBlock], titles: set[str]) -> int | None:
    """The line that is the headline; a heading before others, since breadcrumbs repeat it."""
    longest = max(map(len, titles), default=0) + SLACK
    headings = (at for at, line in enumerate(lines) if line.kind == "h" or line.element.tag == "h1")
    others = (at for at, line in enumerate(lines) if 2 * len(line.text) > longest)
    for at in (*headings, *others):
        if len(lines[at].text) <= longest and key(lines[at].text) in titles:
            return at
    return None
