"""Who wrote it: what JSON-LD and meta tags name, against the byline that readers see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from newscrawl.parts import Author
from newscrawl.text.agencies import agency_named
from newscrawl.text.blocks import RawBlock
from newscrawl.text.bylines import seen_byline
from newscrawl.text.elements import text_of
from newscrawl.text.folding import key
from newscrawl.text.head import Head
from newscrawl.text.jsonld import Node, linked, strings, text, types_of
from newscrawl.text.names import PREFIX, cleaned, is_login, kind_of, names_in, split_names, squashed
from newscrawl.text.nearness import Near, near_title
from newscrawl.text.prune import select
from newscrawl.urls import absolute, host_of

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
