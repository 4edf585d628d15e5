"""The pages of a story that is spread over several: which addresses they have, and which to read next.

A link leads to a page of the same story if two independent signs say so: its address is that of the story
with a page number, and its relation, its words or its place say that it turns pages. The page behind it must
then have the headline of the story, or call itself a part of it. A next story, an older post, a page of
comments or of an archive lacks one of them.

Where all addresses end in a number, that of the first page too (`/bulletin_01`, `/bulletin_02`), they may as
well be a series of stories under one headline. Then the page must say itself that it has further pages, and
none of them may be of another day.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from lxml.html import HtmlElement

from newscrawl.digests import blake2b_digest
from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead, canonical_url, read_site_name
from newscrawl.extraction.jsonld import first_text
from newscrawl.extraction.landmarks import MAX_NUMBERED_LINKS, element_names, short_text
from newscrawl.extraction.normalize import match_key
from newscrawl.items import PageType
from newscrawl.urls import absolute_url, normalize_url

MAX_PAGES = 40
"Pages of a story that are read; galleries and live blogs may have more."
PAGES_MISSING, PAGES_REPEATED, PAGES_UNRELATED = "pages_missing", "pages_repeated", "pages_unrelated"
"""Flags of a story: it names a page that is not in the text; a page behind a link had nothing new; a link led
to another story."""
PAGE_FLAGS = (PAGES_MISSING, PAGES_REPEATED, PAGES_UNRELATED)
STORY_TYPES: frozenset[PageType] = frozenset({"article", "gallery", "liveblog"})
"The following pages of a forum or a list are no parts of a story."
_LEVELS = 8
"Ancestors of a link whose names say what it is for."
_NAME_CHARS = 300
_QUERY = frozenset({"page", "pg", "pagenum", "pageno", "paged", "part", "seite", "artpage"})
_ZERO_QUERY = frozenset({"start", "limitstart"})
"Parameters with which Joomla counts the pages of an article, from 0."
_VALUE = re.compile(r"(\d{1,2})(?:-\d{1,2})?$")
"SPIP writes `2-5` for the second page of five."
_PATH = re.compile(r"(?:/(?:page/|p|page-|seite-)?|,|-page-|_)(\d{1,2})(?:/|\.html?|\.php)?$")
_NAMED_NUMBER = re.compile(r"(?:/p|page[/-]|seite-)\d{1,2}(?:/|\.html?|\.php)?$")
"A number in a path that is called that of a page."
_DATED = re.compile(r"/(?:19|20)\d\d(?:/\d{1,2})?$")
"What stands before a number that is a month or a day, as in `/2026/02/01`."
_ENDING = re.compile(r"(?:\.html?|\.php|/)$")
_MAX_NUMBER_CHARS = 2
_LABEL_CHARS = 40
_NUMBER_LABEL = re.compile(r"[\[(]?(?:page|seite|p\.)?\s{0,3}(\d{1,2})[\])]?$", re.IGNORECASE)
_TURNING_LABEL = re.compile(
    r"[«»‹›<>←→\s]*(?:next|next page|previous|previous page|prev|back|continue|continued|"
    r"continue reading|read on|more|suivante?|page suivante|pr[eé]c[eé]dente?|page pr[eé]c[eé]dente|suite|"
    r"la suite|lire la suite|suite de l['’]article|weiter|n[aä]chste seite|zur[uü]ck|siguiente|"
    r"p[aá]gina siguiente|anterior|pr[oó]xima|seguinte|avanti|successiva|precedente|volgende)?"
    r"[\s«»‹›<>←→.…]*$",
    re.IGNORECASE,
)
_TURNING_RELATIONS = frozenset({"next", "prev", "previous"})
_OTHER_PLACES = re.compile(
    r"comment|disqus|respond|related|similar|recommend|sidebar|teaser|most-|popular|latest|trending|"
    r"carousel|more-?(?:from|stories|news)|infinite|load-?more|archive-nav|posts-nav",
    re.IGNORECASE,
)
"Names of the parts of a page whose links turn the pages of something else, or to which they lead."
_PAGING_WORDS = frozenset({
    "page", "pages", "seite", "p", "of", "sur", "de", "von", "next", "previous", "prev", "suivant",
    "suivante", "précédent", "précédente", "suite", "weiter", "zurück", "siguiente", "anterior",
})  # fmt: skip
_MAX_PAGING_CHARS = 200
_PAGE_COUNT = re.compile(
    r"\b(?:page|seite|p[aá]gina)\s{0,3}(\d{1,2})\s{0,3}(?:of|sur|de|von|di|/)\s{0,3}(\d{1,2})\b",
    re.IGNORECASE,
)
"How pages say which of how many they are."
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBERS = re.compile(r"\d+")
_PAGING_SIGNS = re.compile(r"[\W\d_]+")
_TITLE_PAGE = re.compile(
    r"\s{0,3}[-–—|,:(]{0,2}\s{0,3}\b(?:page|seite|p[aá]gina|part|partie|photo|image|slide|diapositive)"
    r"\s{0,3}n?[°º]?\s{0,3}\d{1,3}(?:\s{0,3}(?:of|sur|de|von|/)\s{0,3}\d{1,3})?\b\)?|"
    r"\s{0,3}[(\[]\d{1,3}\s{0,3}/\s{0,3}\d{1,3}[)\]]",
    re.IGNORECASE,
)
"How titles say which page it is."
_MIN_TITLE_CHARS = 8
_PARAGRAPH_CHARS = 60
"A shorter block may be on several pages by chance."
_MIN_PARAGRAPHS = 3
"Fewer may be the introduction that each page of a gallery repeats."
_REPEATED_SHARE = 0.8
"A page with so much of the first page's story is that page again, with another page of something beside it."
_DIGEST_BYTES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryPlace:
    """Which page of which story a page is."""

    number: int = 1
    base: str = ""
    "Normalized address of the story, without the number of a page and the ending of a file."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageLinks:
    """What a page says of the other pages of its story, and what shows which story that is."""

    url: str
    place: StoryPlace = StoryPlace()
    urls: dict[int, str] = field(default_factory=dict)
    "The story's other pages by number, in order; empty if it has only this one."
    titles: frozenset[str] = frozenset()
    "Match keys of its declared headlines, without the number of the page."
    canonical: str | None = None
    day: str | None = None
    "On which it says that it was published, as `2026-03-01`."
    paragraphs: frozenset[bytes] = frozenset()
    "Digests of the longer blocks of the page, those around the story included."
    story: frozenset[bytes] = frozenset()
    "Those of the story alone; empty before it has been extracted."


class _TurningLink(NamedTuple):
    url: str
    label: str
    "Its text; empty in the head."
    has_relation: bool
    "Whether its relation says that it turns pages."


class _Link(NamedTuple):
    number: int
    url: str
    label: int | None
    "The page number that is its text."
    has_number: bool
    "Whether the number stands in the address."
    has_relation: bool


def read_page_links(
    head: PageHead, tree: HtmlElement, blocks: Sequence[TextBlock], place: StoryPlace | None = None
) -> PageLinks:
    """The pages of the story that a page names; `blocks` are those that its readers see.

    Of a page that is read by itself nothing else is read if it names no other page.
    """
    if place is not None:
        links = _read_links(_iter_turning_links(head, tree, {place.base}), place.base)
        return _describe_page(head, blocks, place, _collect_pages(links, own=place.number))
    here = normalize_url(head.url)
    first = StoryPlace(number=1, base=_strip_ending(here))
    turning = list(_iter_turning_links(head, tree, {first.base, _unnumbered_url(here)}))
    # The address may end in a number that is that of a day or of the story; then it is a first page.
    if pages := _collect_pages(_read_links(turning, first.base), own=1):
        return _describe_page(head, blocks, first, pages)
    number, base = _find_number(here), _unnumbered_url(here)
    if number is None:
        return PageLinks(url=head.url)
    links = _read_links(turning, base)
    own = number + _counts_from_zero(links)
    pages = _collect_pages(links, own=own)
    if not pages or not (own == 1 or 1 in pages) or _may_be_series(here, own, links, blocks):
        return PageLinks(url=head.url)
    return _describe_page(head, blocks, StoryPlace(number=own, base=base), pages)


def _may_be_series(url: str, own: int, links: Iterable[_Link], blocks: Iterable[TextBlock]) -> bool:
    """Whether pages may be the stories of a series: all have bare numbers, and none is called a page."""
    if not _has_bare_number(url) or not all(link.has_number for link in links):
        return False
    if any(link.has_relation or link.label is not None for link in links):
        return False
    counts = (match for block in blocks for match in _PAGE_COUNT.finditer(block.text[:_MAX_PAGING_CHARS]))
    return not any(int(match[1]) == own and int(match[2]) >= max(own, 2) for match in counts)


def _has_bare_number(url: str) -> bool:
    """Whether the number at the end of an address is not called that of a page."""
    parts = urlsplit(url)
    is_parameter = any(name.lower() in _QUERY | _ZERO_QUERY for name, _ in parse_qsl(parts.query))
    return not is_parameter and _find_number(url) is not None and not _NAMED_NUMBER.search(parts.path)


def _describe_page(
    head: PageHead, blocks: Iterable[TextBlock], place: StoryPlace, urls: dict[int, str]
) -> PageLinks:
    return PageLinks(
        url=head.url,
        place=place,
        urls=urls,
        titles=_read_titles(head),
        canonical=canonical_url(head),
        day=_read_day(head),
        paragraphs=digest_paragraphs(block.text for block in blocks),
    )


def digest_paragraphs(texts: Iterable[str]) -> frozenset[bytes]:
    """Digests of the longer of these texts, by which pages are compared."""
    long = (text for text in texts if len(text) >= _PARAGRAPH_CHARS)
    return frozenset(blake2b_digest(match_key(text), _DIGEST_BYTES) for text in long)


def _read_day(head: PageHead) -> str | None:
    date = first_text(head.story_node.get("datePublished")) or head.meta("article:published_time")
    match = _DAY.match(date or "")
    return match[0] if match else None


def _read_titles(head: PageHead) -> frozenset[str]:
    titles = (
        head.meta("og:title"),
        head.meta("twitter:title"),
        first_text(head.story_node.get("headline")),
        head.title,
    )
    site = match_key(read_site_name(head) or "")
    keys = {match_key(_TITLE_PAGE.sub("", title)) for title in titles if title}
    return frozenset(key for key in keys if len(key) >= _MIN_TITLE_CHARS and key != site)


def _iter_turning_links(head: PageHead, tree: HtmlElement, bases: Collection[str]) -> Iterator[_TurningLink]:
    """The links to pages of the stories at `bases`."""
    for rel, href in head.links:
        if _TURNING_RELATIONS & set(rel.lower().split()):
            url = absolute_url(href, head.url)
            if url and _is_page_at(url, bases):
                yield _TurningLink(url, "", has_relation=True)
    here, boxes = normalize_url(head.url), set(head.landmarks.by_kind["paging"])
    names = _address_names([head.url, *bases])
    is_first = _find_number(here) is None and _strip_ending(here) in bases
    # The address of the first page, to which others lead, need not have a number.
    for link in head.landmarks.numbered_links if is_first else islice(tree.iter("a"), MAX_NUMBERED_LINKS):
        href = link.get("href") or ""
        if not _may_be_page(href, names) or _OTHER_PLACES.search(href.partition("#")[2]):
            continue
        url = absolute_url(href, head.url)
        if url and _is_page_at(url, bases):
            label = short_text(link, _LABEL_CHARS) or link.get("aria-label") or link.get("title") or ""
            if _turns_pages(link, label.strip(), boxes):
                yield _TurningLink(url, label.strip(), _has_turning_relation(link))


def _address_names(urls: Iterable[str]) -> set[str]:
    """What addresses of pages of these stories contain: the last name of the path, the first parameter."""
    names = []
    for url in urls:
        parts = urlsplit(url)
        long = [part for part in _ENDING.sub("", parts.path).split("/") if len(part) > _MAX_NUMBER_CHARS]
        names += [_PATH.sub("", f"/{long[-1]}").lstrip("/")] if long else []
        names += [pair for pair in parts.query.split("&")[:1] if pair]
    return set(filter(None, names))


def _may_be_page(href: str, names: Collection[str]) -> bool:
    """A cheap check that few links pass."""
    return any(name in href for name in names) or (len(href) <= _LABEL_CHARS and "://" not in href)


def _is_page_at(url: str, bases: Collection[str]) -> bool:
    normal = normalize_url(url)
    return _strip_ending(normal) in bases or (
        _find_number(normal) is not None and _unnumbered_url(normal) in bases
    )


def _turns_pages(link: HtmlElement, label: str, boxes: Collection[HtmlElement]) -> bool:
    """Whether the relation, the words or the place of a link say that it turns the pages of the story."""
    around = list(islice(link.iterancestors(), _LEVELS))
    if any(_OTHER_PLACES.search(element_names(element)[:_NAME_CHARS]) for element in around):
        return False
    if _has_turning_relation(link):
        return True
    if any(element in boxes for element in (link, *around)):
        return True
    is_number, turns = _NUMBER_LABEL.match(label), _TURNING_LABEL.match(label)
    return bool(label) and (is_number is not None or turns is not None)


def _has_turning_relation(link: HtmlElement) -> bool:
    return bool(_TURNING_RELATIONS & set((link.get("rel") or "").lower().split()))


def _read_links(turning: Iterable[_TurningLink], base: str) -> list[_Link]:
    """The links to pages of the story at `base`."""
    links = []
    for url, text, has_relation in turning:
        normal = normalize_url(url)
        number = _find_number(normal)
        label = int(match[1]) if (match := _NUMBER_LABEL.match(text)) else None
        if number is not None and _unnumbered_url(normal) == base:
            links.append(_Link(number, url, label, has_number=True, has_relation=has_relation))
        elif _strip_ending(normal) == base:
            links.append(_Link(1, url, label, has_number=False, has_relation=has_relation))
    return links


def _counts_from_zero(links: Iterable[_Link]) -> int:
    """1 where the numbers in the addresses are all one less than those that readers see, else 0."""
    pairs = [(link.number, link.label) for link in links if link.has_number and link.label]
    return int(bool(pairs) and all(number + 1 == label for number, label in pairs))


def _collect_pages(links: Collection[_Link], own: int) -> dict[int, str]:
    """The other pages by number; links whose label is another number than their address are left out."""
    shift = _counts_from_zero(links)
    pages: dict[int, str] = {}
    for link in links:
        number = link.number + shift * link.has_number
        if link.label in {None, number} and number not in {own, 0}:
            pages.setdefault(number, link.url)
    return dict(sorted(pages.items()))


def _find_number(url: str) -> int | None:
    """The page number in a URL, from 1; None if it has none."""
    parts = urlsplit(url)
    for name, value in parse_qsl(parts.query):
        if match := _VALUE.match(value):
            if name.lower() in _QUERY:
                return int(match[1])
            if name.lower() in _ZERO_QUERY:
                return int(match[1]) + 1
    match = _PATH.search(parts.path)
    if not match or not match.start() or _DATED.search(parts.path[: match.start()]):
        return None
    return int(match[1])


def _unnumbered_url(url: str) -> str:
    """A URL without its page number and the ending of its file."""
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if pair and not pair.endswith("=")]
    query = [pair for pair in pairs if pair.partition("=")[0].lower() not in _QUERY | _ZERO_QUERY]
    path = parts.path if len(query) < len(pairs) else _PATH.sub("", parts.path) or parts.path
    return _strip_ending(f"{parts.scheme}://{parts.netloc}{path}" + (f"?{'&'.join(query)}" if query else ""))


def _strip_ending(url: str) -> str:
    """A URL whose path ends neither in a slash nor in the ending of a file."""
    address, mark, query = url.partition("?")
    return _ENDING.sub("", address) + mark + query


def is_paging_line(text: str) -> bool:
    """Whether a line of a story on several pages has nothing but page numbers and links that turn pages."""
    words = _PAGING_SIGNS.sub(" ", text.lower()).split() if len(text) <= _MAX_PAGING_CHARS else [text]
    return all(word in _PAGING_WORDS for word in words) and (bool(words) or len(_NUMBERS.findall(text)) > 1)


def is_same_story(first: PageLinks, page: PageLinks) -> bool:
    """Whether a page has the headline of the first page, or is a page of its address that leads back."""
    if first.day and page.day and first.day != page.day and _has_bare_number(normalize_url(first.url)):
        return False
    if first.titles & page.titles:
        return True
    declared = normalize_url(page.canonical or page.url)
    addresses = {
        first.place.base,
        *([_strip_ending(normalize_url(first.canonical))] if first.canonical else []),
    }
    is_part = bool({_strip_ending(declared), _unnumbered_url(declared)} & addresses)
    leads_back = any(number < page.place.number for number in page.urls)
    # Where even the first page has a number, it may be that of a story.
    return is_part and leads_back and _find_number(normalize_url(first.url)) is None


class StoryWalk:
    """Walks through the pages of a story, in the crawl and in the archive alike.

    `next_page` gives the page to read; `add` or `miss` must follow with what came of it.
    """

    def __init__(self, first: PageLinks, max_pages: int = MAX_PAGES) -> None:
        self._first = first
        self._max = max_pages
        self.urls: dict[int, str] = {}
        "All pages after the first that any page names."
        self.read: set[int] = set()
        self._failed: set[int] = set()
        self._flags: set[str] = set()
        self._is_over = first.place.number != 1
        self._addresses = {normalize_url(first.url)}
        self._paragraphs = set(first.paragraphs)
        self._extend(first)

    def next_page(self) -> tuple[int, str] | None:
        """Number and URL of the next page; None at the end."""
        waiting = sorted(self.urls.keys() - self.read - self._failed)
        if self._is_over or not waiting or waiting[0] > self._max:
            return None
        return waiting[0], self.urls[waiting[0]]

    def add(self, number: int, page: PageLinks) -> bool:
        """Go on from a page that was read; False if it is no part of the story, which ends the walk."""
        if not is_same_story(self._first, page):
            self.stop(number, PAGES_UNRELATED)
            return False
        if self._repeats(page):
            self.stop(number, PAGES_REPEATED)
            return False
        self._paragraphs |= page.paragraphs
        self.read.add(number)
        self._extend(page)
        return True

    def _repeats(self, page: PageLinks) -> bool:
        """Whether it has nothing new, or shows the story of the first page again."""
        if page.paragraphs and page.paragraphs <= self._paragraphs:
            return True
        story = self._first.story
        again = len(story & page.paragraphs)
        return len(story) >= _MIN_PARAGRAPHS and again >= _REPEATED_SHARE * len(story)

    def miss(self, number: int) -> None:
        """Go on without a page that cannot be had."""
        self._failed.add(number)

    def lose(self, number: int) -> None:
        """Take back a page that was read, because it has no text."""
        self.read.discard(number)
        self._failed.add(number)

    def stop(self, number: int, flag: str) -> None:
        """End the walk at a page that does not belong to it."""
        self._is_over = True
        self._flags.add(flag)
        self.urls.pop(number, None)

    @property
    def missing(self) -> list[int]:
        """Numbers of the pages that belong to the story and were not read."""
        if self._flags:
            return sorted(self._failed)
        last = max(self.urls, default=1)
        own = {self._first.place.number} if self._first.place.number > 1 else set()
        return [number for number in range(2, last + 1) if number not in self.read | own]

    @property
    def flags(self) -> list[str]:
        """What readers of the text must know."""
        is_cut = bool(self.missing) or self._first.place.number > 1
        return [flag for flag in PAGE_FLAGS if (is_cut if flag == PAGES_MISSING else flag in self._flags)]

    def _extend(self, page: PageLinks) -> None:
        for number, url in page.urls.items():
            address = normalize_url(url)
            if number > 1 and number not in self.urls and address not in self._addresses:
                self._addresses.add(address)
                self.urls[number] = url
