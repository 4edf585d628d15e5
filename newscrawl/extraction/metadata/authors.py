"""Who wrote it: what JSON-LD and meta tags name, against the byline that readers see."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import RawBlock, text_of
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import Node, linked, strings, text, types_of
from newscrawl.extraction.landmarks import BELOW, Near, Signs, near_title, short_text
from newscrawl.extraction.metadata.names import (
    PREFIX,
    agency_named,
    cleaned,
    is_login,
    is_name,
    is_role,
    kind_of,
    looks_like_person,
    names_in,
    split_names,
    squashed,
    trimmed,
    without_dates,
)
from newscrawl.extraction.normalize import key
from newscrawl.extraction.view import select
from newscrawl.items import Author
from newscrawl.urls import absolute, host_of

MAX_CANDIDATES = 40
MAX_CHARS_OF_BYLINES = 160
"A longer element named for its author tells of them."
MAX_ALONE = 40
"Longer lines hold more than a name; their links to authors tell better which."
BEFORE = 60
"Elements above the headline in which a byline may stand."
BESIDE = 15
"Elements from one author to the next of the same byline."
_LINE = re.compile(
    r"^(?:(?:written |words |story |reported |posted )?by|par|von|por|"
    r"(?:r[eé]dig[eé]|[eé]crit|publi[eé]|soumis) par|submitted by|"
    r"propos recueillis par)(?:\b\s?:?\s*(?=[^\W\d_])|(?-i:(?=[A-ZÀ-Ý])))",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^(?:(?:auteure?s?|authors?|autor(?:in|en|es)?|texte|byline)\s?:|"
    r"written by\b:?|(?:r[eé]dig[eé]|[eé]crit) par\b\s?:?)"
    r"\s*(?=[^\W\d_])",
    re.IGNORECASE,
)
"Such a label names the author wherever it stands."
_BARS = re.compile(r"\s*[|•·]\s*")
_LABEL_ALONE = re.compile(
    r"^(?:auteure?s?|authors?|(?:written |reported |posted |submitted )?by|"
    r"(?:(?:r[eé]dig[eé]|[eé]crit|publi[eé]|soumis) )?par|autor(?:in|en)?)\s?:?$",
    re.IGNORECASE,
)
BOX_DEPTH = 4
"Elements from a name up to the box that it shares with its label."
_INLINE = frozenset({"a", "span", "b", "strong", "em", "i"})
_ABOUT = re.compile(
    r"bio|about|descri|avatar|image|photo|thumb|social|share|comment|follow|count", re.IGNORECASE
)
_OTHER_ROLE = re.compile(
    r"^\W*(?:edit|review|medically|fact|photo|illustr|translat|tradu|cr[eé]dit)", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A byline as readers see it."""

    authors: list[Author] = field(default_factory=list)
    line: str | None = None
    "As it is printed, with what stands beside the names."


def seen_byline(signs: Signs, near: Near, url: str) -> Seen:
    """Who signs beside the headline, else below the story."""
    found = _marked(signs, near, url)
    return found if found.authors else _labelled(near)


def _marked(signs: Signs, near: Near, url: str) -> Seen:
    """Names in elements marked as the author's; those right beside the first are of the same byline."""
    found: list[Author] = []
    line, last = None, 0
    for element in _candidates(signs, near):
        place = signs.place[element]
        if found and place - last > BESIDE:
            break
        if named := _names(element, signs, url):
            line = line or _printed(element)
            found += named
            last = place
    return Seen(authors=found, line=line) if _is_byline(found) else Seen()


def _printed(element: HtmlElement) -> str:
    """The line of a marked element; of a link, the line that it stands in."""
    parent = element.getparent()
    if element.tag in _INLINE and parent is not None and (line := short_text(parent, MAX_CHARS_OF_BYLINES)):
        return line
    return short_text(element, MAX_CHARS_OF_BYLINES)


def _is_byline(found: list[Author]) -> bool:
    """Several single words are entries of a menu."""
    return len({key(one.name) for one in found}) < 2 or any(
        " " in one.name or one.kind == "org" for one in found
    )


def _candidates(signs: Signs, near: Near) -> list[HtmlElement]:
    """Marked elements from the headline down, then those right above it; none about other stories."""
    marked = {*signs.author_links, *signs.named["author"]}
    ordered = sorted(marked, key=lambda one: signs.place[one])
    start = max(0, near.place - BEFORE)
    below = [one for one in ordered if signs.place[one] >= near.place]
    above = [one for one in ordered if start <= signs.place[one] < near.place]
    fit = (one for one in (*below, *above) if one not in near.home and not near.elsewhere(one))
    return [one for _, one in zip(range(MAX_CANDIDATES), fit, strict=False)]


def _names(element: HtmlElement, signs: Signs, url: str) -> list[Author]:
    """The names in a marked element: of its links to authors, else of its line."""
    if _ABOUT.search(element.get("class") or ""):
        return []
    if element.tag == "meta" or element.get("content"):
        return _fit(names_in(element.get("content")))
    line = short_text(element, MAX_CHARS_OF_BYLINES)
    if not line or _OTHER_ROLE.match(line):
        return []
    if element.tag == "a":
        link = absolute(element.get("href") or "", url)
        return [Author(name=one.name, url=link, kind=one.kind) for one in _fit(names_in(line))]
    if len(line) > MAX_ALONE and any(link in signs.place for link in element.iterdescendants("a")):
        return []  # the links come next, each on its own
    return _fit(names_in(line))


def _fit(found: Iterator[Author]) -> list[Author]:
    return [one for one in found if _is_fit(one, trimmed(one.name))]


def _is_fit(author: Author, name: str) -> bool:
    if not is_name(name):
        return False
    return author.kind == "org" or (looks_like_person(name) and not is_role(name))


def _labelled(near: Near) -> Seen:
    """Names in a line such as `By Awa Ndiaye` near the headline, or with a label anywhere."""
    for at, line in enumerate(near.lines):
        if len(line.text) > MAX_CHARS_OF_BYLINES:
            continue
        close = at < BELOW
        if _LABEL_ALONE.match(line.text):
            signed = _behind_label(line, near.lines[at + 1 : at + 2], close=close)
        else:
            signed = _signed(line.text, close=close)
        if signed and (found := _fit(names_in(signed))) and not near.elsewhere(line.element):
            return Seen(authors=found, line=signed)
    return Seen()


def _behind_label(label: RawBlock, following: Sequence[RawBlock], *, close: bool) -> str | None:
    """The line behind a label that stands alone, unless it is the next thing on the page."""
    line = next(iter(following), None)
    if line is None or not _share_a_box(label.element, line.element, close=close):
        return None
    is_short = line.kind != "h" and len(line.text) <= MAX_ALONE and " " in line.text
    return line.text if is_short or (close and len(line.text) <= MAX_CHARS_OF_BYLINES) else None


def _share_a_box(label: HtmlElement, line: HtmlElement, *, close: bool) -> bool:
    """Whether one element holds both: right above the label, or near the headline one further up."""
    boxes = {*islice(label.iterancestors(), 2 if close else 1)}
    return any(above in boxes for above in islice(line.iterancestors(), BOX_DEPTH))


def _signed(line: str, *, close: bool) -> str | None:
    """The part of a line in which a label names the author."""
    if _LABEL.match(line):
        return line
    parts = _BARS.split(without_dates(line)) if close else ()
    return next((part for part in parts if _LINE.match(part)), None)


MAX_AUTHORS = 20
MAX_LINES, MAX_CHARS = 21, 200
"Lines from the headline on in which a declared author may be seen."
_METAS = (
    "author", "article:author", "og:article:author", "article:author_name", "parsely-author",
    "citation_author",
    "dc.creator", "dcterms.creator", "sailthru.author", "byl", "cxenseparse:author", "authors",
)  # fmt: skip
_ORGS = frozenset({"organization", "newsmediaorganization", "corporation"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Byline:
    authors: list[Author]
    raw: str | None = None
    "As the page prints it."
    agency: str | None = None
    "An agency among the authors."
    alone: bool = False
    "True when agencies are the only authors."


def byline_of(
    head: Head,
    tree: HtmlElement,
    *,
    selector: str | None,
    in_text: str | None,
    sites: Iterable[str],
    lines: Sequence[RawBlock] = (),
    titles: Collection[str] = (),
) -> Byline:
    """By the outlet's selector; else as declared, unless readers see otherwise; else the text."""
    known = _sites(head, sites)
    ruled = next((found for one in select(tree, selector) if (found := text_of(one))), None)
    raw = ruled or in_text
    if authors := cleaned(names_in(ruled), known, MAX_AUTHORS):
        return _byline(authors, raw)
    near = near_title(lines, set(titles), head.signs)
    printed = seen_byline(head.signs, near, head.url)
    seen = cleaned(printed.authors, known, MAX_AUTHORS)
    declared = [cleaned(source, known, MAX_AUTHORS) for source in (_in_jsonld(head), *_in_metas(head))]
    authors = _without_site(_chosen([one for one in declared if one], seen, near), known)
    authors = authors or cleaned(names_in(in_text), known, MAX_AUTHORS)
    shown = printed.line if _keys(authors) & _keys(seen) else None
    return _byline(authors, raw or shown)


def _sites(head: Head, sites: Iterable[str]) -> set[str]:
    """Names under which the site itself signs."""
    publishers = linked(head.nodes, head.story.get("publisher"))
    names = [
        *sites,
        head.meta("og:site_name", "application-name") or "",
        *(text(node.get("name")) or "" for node in publishers if "person" not in types_of(node)),
        host_of(head.url),
        *host_of(head.url).split(".")[-3:-1],
    ]
    return {squashed(name) for name in names if name} - {""}


def _chosen(declared: list[list[Author]], seen: list[Author], near: Near) -> list[Author]:
    """The first source that names people, a fuller one that has them all, or what readers see instead."""
    named = [one for one in declared if _people(one)]
    best = next(iter(named or declared), [])
    if _people(seen) and (not _people(best) or all(is_login(one.name) for one in best)):
        return seen
    if _full(seen) and not _are_shown(_keys(best), near):
        return next((one for one in named if _keys(one) & _keys(seen)), seen)
    for other in (*named, _full(seen)):
        if _keys(best) < _keys(other) and all(
            one.kind == "person" or key(one.name) in _keys(best) for one in other
        ):
            best = other
    return best or seen


def _without_site(authors: list[Author], known: Collection[str]) -> list[Author]:
    """Where people are named, without the site itself, and without the place behind an agency's name."""
    if not _people(authors):
        return authors
    own = [one for one in authors if squashed(one.name) not in known]
    return [one for before, one in zip([None, *own], own, strict=False) if not _is_place(one, before)]


def _is_place(author: Author, before: Author | None) -> bool:
    """A single word behind an agency, as in `Reuters, Washington`."""
    is_word = author.kind == "person" and " " not in author.name
    return is_word and before is not None and agency_named(before.name) is not None


def _are_shown(names: set[str], near: Near) -> bool:
    """Whether a line near the headline holds one of the names."""
    lines = [key(line.text) for line in near.lines[:MAX_LINES] if len(line.text) <= MAX_CHARS]
    return any(name in line for name in names for line in lines)


def _full(authors: Sequence[Author]) -> list[Author]:
    """People by more than one word: what markup calls an author may be a section or a team."""
    return [one for one in authors if one.kind == "person" and " " in one.name]


def _people(authors: Sequence[Author]) -> list[Author]:
    return [one for one in authors if one.kind == "person"]


def _keys(authors: Sequence[Author]) -> set[str]:
    return {key(one.name) for one in authors}


def _byline(authors: list[Author], raw: str | None) -> Byline:
    agencies = _agencies(author.name for author in authors)
    if not agencies and raw:
        agencies = _agencies(split_names(PREFIX.sub("", raw)))
    alone = bool(agencies) and all(agency_named(author.name) for author in authors)
    return Byline(authors=authors, raw=raw, agency=agencies[0] if agencies else None, alone=alone)


def _agencies(names: Iterable[str]) -> list[str]:
    return [short for name in names if (short := agency_named(name))]


def _in_jsonld(head: Head) -> Iterator[Author]:
    said = head.story.get("author") or head.story.get("creator")
    for node in linked(head.nodes, said):
        yield from _from_node(node, head.url)
    for name in strings(said):
        yield from names_in(name)


def _from_node(node: Node, url: str) -> Iterator[Author]:
    link = next((full for one in strings(node.get("url")) if (full := absolute(one, url))), None)
    is_org = bool(types_of(node) & _ORGS) and "person" not in types_of(node)
    for line in strings(node.get("name")):
        said = text(line) or ""
        names = [said] if is_org else [one.name for one in names_in(said)]
        for name in names:
            kind = "org" if is_org else kind_of(name)
            yield Author(name=name, url=link if len(names) == 1 else None, kind=kind)


def _in_metas(head: Head) -> Iterator[Iterator[Author]]:
    for name in _METAS:
        if said := head.metas.get(name):
            yield (author for one in said for author in names_in(one))
