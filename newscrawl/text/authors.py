"""Who wrote it: names from JSON-LD, meta tags and the byline, told apart into people and agencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from lxml.html import HtmlElement

from newscrawl.parts import Author
from newscrawl.text.agencies import agency_named
from newscrawl.text.blocks import text_of
from newscrawl.text.folding import cut, key, tidy
from newscrawl.text.head import Head
from newscrawl.text.jsonld import Node, linked, strings, text, types_of
from newscrawl.text.moments import moments_in
from newscrawl.text.prune import select
from newscrawl.urls import absolute

MAX_AUTHORS = 20
MAX_NAME_CHARS = 80
_PREFIX = re.compile(
    r"^(?:(?:written|posted|published|reported|by|par|von|por|r[eé]dig[eé]|[eé]crit|"
    r"publi[eé]|propos recueillis|auteur|author|authors|source|texte?)\b\s*(?:by\b|par\b)?\s*:?\s*)+",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"\s*(?:;|\||/|,(?!\s*(?:jr|sr|phd|md)\b)|\s(?:et|and|avec|with|&|und|y)\s|\n)\s*", re.IGNORECASE
)
_ORG_WORDS = re.compile(
    r"\b(?:r[eé]daction|editorial|newsroom|news|desk|staff|agence|agency|press|presse|media|média|"
    r"journal|magazine|times|post|radio|tv|team|équipe|bureau|service|admin|"
    r"correspondent|group|groupe|redaktion|redacci[oó]n|monde|figaro|infos?|web|editor|online)\b|"
    r"\.(?:com|fr|net|org|cm)\b",
    re.IGNORECASE,
)
_NO_NAME = re.compile(r"https?:|@\w|www\.|^\W*$|^\d+$|[{}<>]|\b(?:minutes?|read|lecture)\b", re.IGNORECASE)
_MARKED = (
    "[rel~=author], [itemprop=author] [itemprop=name], [itemprop=author], .byline .author, .author-name, "
    ".author_name, .byline__name, .post-author .fn, .vcard.author .fn, .entry-author"
)


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
    head: Head, tree: HtmlElement, *, selector: str | None, in_text: str | None, sites: Iterable[str]
) -> Byline:
    """The authors of the first source that names any: selector, JSON-LD, meta, marks, the text."""
    ruled = next((found for one in select(tree, selector) if (found := text_of(one))), None)
    raw = ruled or in_text
    known = {key(site) for site in sites if site}
    for source in (_named(ruled), _in_jsonld(head), _in_meta(head), _marked(tree), _named(in_text)):
        if authors := _clean(source, known):
            return _byline(authors, raw)
    return Byline(authors=[], raw=raw)


def _byline(authors: list[Author], raw: str | None) -> Byline:
    agencies = _agencies(author.name for author in authors)
    if not agencies and raw:
        agencies = _agencies(_SPLIT.split(_PREFIX.sub("", raw)))
    alone = bool(agencies) and all(agency_named(author.name) for author in authors)
    return Byline(authors=authors, raw=raw, agency=agencies[0] if agencies else None, alone=alone)


def _agencies(names: Iterable[str]) -> list[str]:
    return [short for name in names if (short := agency_named(name))]


def _named(line: str | None) -> Iterator[Author]:
    """Names in a printed byline."""
    if line and "://" not in line:
        for name in _SPLIT.split(_PREFIX.sub("", cut(tidy(line), 400))):
            yield Author(name=name, kind=_kind(name))


def _in_jsonld(head: Head) -> Iterator[Author]:
    said = head.story.get("author") or head.story.get("creator")
    for node in linked(head.nodes, said):
        yield from _from_node(node, head.url)
    for name in strings(said):
        yield from _named(name)


def _from_node(node: Node, url: str) -> Iterator[Author]:
    link = next((full for one in strings(node.get("url")) if (full := absolute(one, url))), None)
    is_org = bool(types_of(node) & {"organization", "newsmediaorganization", "corporation"})
    for line in strings(node.get("name")):
        names = [one.name for one in _named(text(line))]
        for name in names:
            yield Author(
                name=name, url=link if len(names) == 1 else None, kind="org" if is_org else _kind(name)
            )


def _in_meta(head: Head) -> Iterator[Author]:
    for name in (
        "author",
        "article:author",
        "parsely-author",
        "dc.creator",
        "dcterms.creator",
        "sailthru.author",
        "byl",
        "article:author_name",
        "cxenseparse:author",
    ):
        for said in head.metas.get(name, ()):
            yield from _named(said)
        if any(head.metas.get(name, ())) and not all(
            _NO_NAME.search(said) for said in head.metas[name] if said
        ):
            return


def _marked(tree: HtmlElement) -> Iterator[Author]:
    for element in select(tree, _MARKED)[:5]:
        link = absolute(element.get("href") or "", "") if element.tag == "a" else None
        for author in _named(element.get("content") or text_of(element)):
            yield Author(name=author.name, url=link, kind=author.kind)


def _kind(name: str) -> Literal["person", "org"]:
    return (
        "org"
        if agency_named(name) or _ORG_WORDS.search(name) or (name.isupper() and len(name) <= 5)
        else "person"
    )


def _clean(found: Iterable[Author], sites: set[str]) -> list[Author]:
    """Without what is no name, each once, in order."""
    kept: dict[str, Author] = {}
    for author in found:
        name = _PREFIX.sub("", tidy(author.name)).strip(" ,.;:|-–—")
        if (
            2 <= len(name) <= MAX_NAME_CHARS
            and len(name.split()) <= 8
            and not _NO_NAME.search(name)
            and not moments_in(name)
        ):
            kind = "org" if key(name) in sites else author.kind
            kept.setdefault(key(name), Author(name=name, url=author.url, kind=kind))
    return list(kept.values())[:MAX_AUTHORS]
