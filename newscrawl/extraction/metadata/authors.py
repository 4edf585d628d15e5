"""The authors of a story: weigh JSON-LD and meta tags against the byline that readers see."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock, inner_text
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import Node, first_text, node_types, resolve_nodes, string_values
from newscrawl.extraction.landmarks import LINES_BELOW, HeadlineContext, PageLandmarks, short_text
from newscrawl.extraction.metadata.date_parser import find_dates
from newscrawl.extraction.metadata.names import (
    CHECKED_BY,
    NAME_WORDS,
    PREFIX,
    agency_short_name,
    author_kind,
    clean_authors,
    clean_name,
    has_role_word,
    invert_name,
    is_login_name,
    is_person_name,
    is_plausible_name,
    parse_byline,
    person_key,
    replace_dates,
    split_names,
    squash,
)
from newscrawl.extraction.normalize import match_key, truncate
from newscrawl.extraction.view import select_elements
from newscrawl.items import Author
from newscrawl.urls import absolute_url, url_host

MAX_CANDIDATES = 40
MAX_BYLINE_CHARS = 160
"A longer element named for the author is about them, and no byline."
MAX_NAME_LINE_CHARS = 40
"A longer line has more than a name in it; its links to authors are clearer."
MAX_ABOVE = 60
"How many elements above the headline a byline may stand."
MAX_GAP = 15
"How many elements two authors of the same byline are apart."
_BYLINE_START = re.compile(
    r"^(?:(?:written |words |story |reported |posted )?by|par|von|por|"
    r"(?:r[eé]dig[eé]|[eé]crit|publi[eé]|soumis) par|submitted by|"
    r"propos recueillis par)(?:\b\s?:?\s*(?=[^\W\d_])|(?-i:(?=[A-ZÀ-Ý])))",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^(?:(?:auteure?s?|authors?|autor(?:in|en|es)?|texte|byline|contributors?)\s?:|"
    r"autor(?:[/*:]in|in/autor)\b:?|(?:this (?:post|article|story|piece) was )?written by\b:?|"
    r"authored by\b:?|(?:cet article a [eé]t[eé] )?(?:r[eé]dig[eé]|[eé]crit) par\b\s?:?)"
    r"\s*(?=[^\W\d_])",
    re.IGNORECASE,
)
"Labels that introduce an author anywhere on the page."
_BARS = re.compile(r"\s*[|•·]\s*")
_LABEL_ALONE = re.compile(
    r"^(?:auteure?s?|authors?|(?:written |reported |posted |submitted )?by|"
    r"(?:(?:r[eé]dig[eé]|[eé]crit|publi[eé]|soumis) )?par|autor(?:in|en)?)\s?:?$",
    re.IGNORECASE,
)
CONTAINER_DEPTH = 4
"How many elements above a name its common container with the label may be."
_INLINE = frozenset({"a", "span", "b", "strong", "em", "i"})
_NOT_A_BYLINE = re.compile(
    r"bio|about|descri|avatar|image|photo|thumb|social|share|comment|follow|count", re.IGNORECASE
)
_OTHER_ROLE = re.compile(
    r"^\W*(?:edit|review|medically|fact|photo|foto|bild|illustr|translat|tradu|cr[eé]dit|relu|v[eé]rifi)",
    re.IGNORECASE,
)
_TEXT_LABEL = re.compile(r"\b(?:textes?|texts?|words|story)\s?:", re.IGNORECASE)
MAX_AUTHORS = 20
MAX_LINES, MAX_LINE_CHARS = 21, 200
"Lines from the headline on in which a declared author may be visible."
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
LINES_TO_BYLINE = 6
"Lines from the headline to a byline that nothing marks."
MAX_CONJUNCTION, MAX_DATE_CHARS = 3, 60
_BIOGRAPHY = re.compile(r"\s(?:is|was|has|writes|covers|est|[eé]crit|ist|schreibt|es|escribe|[eè])\s")
"How a biography goes on after the name."
_ORGS = frozenset({"organization", "newsmediaorganization", "corporation"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Byline:
    authors: list[Author]
    raw: str | None = None
    "The byline as printed."
    agency: str | None = None
    "A news agency among the authors."
    agency_only: bool = False
    "Whether all authors are agencies."


@dataclass(frozen=True, kw_only=True, slots=True)
class VisibleByline:
    """A byline as readers see it."""

    authors: list[Author] = field(default_factory=list)
    line: str | None = None
    "The line as printed, with what stands beside the names."


def choose_byline(
    head: PageHead,
    tree: HtmlElement,
    context: HeadlineContext,
    selector: str | None,
    *,
    in_text: str | None,
    sites: Iterable[str],
) -> Byline:
    """Choose the authors by the selector, else as declared unless readers see others, else `in_text`."""
    own_names = _site_names(head, sites)
    texts = map(inner_text, select_elements(tree, selector))
    selected = next(filter(None, texts), None)
    raw = selected or in_text
    if authors := clean_authors(parse_byline(selected, head.lang), own_names, MAX_AUTHORS):
        return _make_byline(authors, raw)
    printed = find_visible_byline(head.landmarks, context, head.url, head.lang)
    visible = clean_authors(printed.authors, own_names, MAX_AUTHORS)
    in_json = list(_jsonld_authors(head))
    organisations = {squash(author.name) for author in in_json if author.kind == "org"}
    sources = (in_json, *_meta_authors(head, organisations))
    declared = [authors for source in sources if (authors := clean_authors(source, own_names, MAX_AUTHORS))]
    visible = _without_checkers(visible, declared, context)
    authors = _drop_site_names(_choose_authors(declared, visible, printed.line, context), own_names)
    if all(squash(author.name) in own_names for author in authors):
        others = (parse_byline(in_text, head.lang), _unlabelled_byline(context))
        found = (clean_authors(names, own_names, MAX_AUTHORS) for names in others)
        authors = next((names for names in found if names and (_persons(names) or not authors)), authors)
    line = printed.line if _name_keys(authors) & _name_keys(visible) else None
    return _make_byline(authors, raw or line)


def _site_names(head: PageHead, sites: Iterable[str]) -> set[str]:
    """The names under which the site itself signs, squashed."""
    publishers = resolve_nodes(head.nodes, head.story_node.get("publisher"))
    host = url_host(head.url)
    names = [
        *sites,
        head.meta("og:site_name", "application-name") or "",
        *(first_text(node.get("name")) or "" for node in publishers if "person" not in node_types(node)),
        host,
        *host.split(".")[-3:-1],
    ]
    return {squash(name) for name in names if name} - {""}


def _choose_authors(
    declared: list[list[Author]], visible: list[Author], line: str | None, context: HeadlineContext
) -> list[Author]:
    """The first source that names people, a fuller source with the same names, or what readers see."""
    with_people = [authors for authors in declared if _persons(authors)]
    by_name = (
        authors for authors in with_people if not all(is_login_name(author.name) for author in authors)
    )
    best = next(iter((*by_name, *with_people, *declared)), [])
    if _persons(visible) and (not _persons(best) or all(is_login_name(author.name) for author in best)):
        return visible
    if _full_names(visible) and not _are_visible(_name_keys(best), context):
        return next((names for names in with_people if _name_keys(names) & _name_keys(visible)), visible)
    for other in (*with_people, _beside_names(visible, _name_keys(best), line)):
        if _name_keys(best) < _name_keys(other) and all(
            author.kind == "person" or person_key(author.name) in _name_keys(best) for author in other
        ):
            best = other
    return best or visible


def _beside_names(visible: list[Author], keys: set[str], line: str | None) -> list[Author]:
    """The full names that readers see, except for what only stands near the byline, such as a role."""
    printed = squash(line or "")
    return [
        author
        for author in _full_names(visible)
        if author.url or person_key(author.name) in keys or squash(author.name) in printed
    ]


def _without_checkers(
    visible: list[Author], declared: list[list[Author]], context: HeadlineContext
) -> list[Author]:
    """Visible names without those who, as a label says, edited or checked the text."""
    keys = {key for authors in declared for key in _name_keys(authors)}
    others = [author for author in visible if person_key(author.name) not in keys]
    checked = squash(" ".join(_checkers(context))) if others else ""
    return [author for author in visible if author not in others or squash(author.name) not in checked]


def _checkers(context: HeadlineContext) -> Iterator[str]:
    """Yield what follows the label of an editor or a checker, in its line or in the next."""
    lines = [line.text for line in context.lines[:MAX_LINES]]
    for line, following in zip_longest(lines, lines[1:], fillvalue=""):
        if len(line) <= MAX_LINE_CHARS and (label := CHECKED_BY.search(line)):
            yield line[label.end() :] or truncate(following, MAX_LINE_CHARS)


def _drop_site_names(authors: list[Author], own_names: Collection[str]) -> list[Author]:
    """If there are people, drop the site itself, and a place after the name of an agency."""
    if not _persons(authors):
        return authors
    others = [author for author in authors if squash(author.name) not in own_names]
    pairs = zip([None, *others], others, strict=False)
    return [author for before, author in pairs if not _is_place(author, before)]


def _is_place(author: Author, before: Author | None) -> bool:
    """Whether it is a single word after an agency, as in `Reuters, Washington`."""
    is_word = author.kind == "person" and " " not in author.name
    return is_word and before is not None and agency_short_name(before.name) is not None


def _are_visible(keys: set[str], context: HeadlineContext) -> bool:
    """Whether a line near the headline has one of the names."""
    lines = [match_key(line.text) for line in context.lines[:MAX_LINES] if len(line.text) <= MAX_LINE_CHARS]
    return any(key in line for key in keys for line in lines)


def _full_names(authors: Sequence[Author]) -> list[Author]:
    """People with more than a single word: an author in markup may be a section or a team."""
    return [author for author in _persons(authors) if " " in author.name]


def _persons(authors: Sequence[Author]) -> list[Author]:
    return [author for author in authors if author.kind == "person"]


def _name_keys(authors: Sequence[Author]) -> set[str]:
    return {person_key(author.name) for author in authors}


def _make_byline(authors: list[Author], raw: str | None) -> Byline:
    agencies = _agency_names(author.name for author in authors)
    if not agencies and raw:
        agencies = _agency_names(split_names(PREFIX.sub("", raw)))
    only = bool(agencies) and all(agency_short_name(author.name) for author in authors)
    return Byline(authors=authors, raw=raw, agency=agencies[0] if agencies else None, agency_only=only)


def _agency_names(names: Iterable[str]) -> list[str]:
    return [short for name in names if (short := agency_short_name(name))]


def _jsonld_authors(head: PageHead) -> Iterator[Author]:
    value = head.story_node.get("author") or head.story_node.get("creator")
    for node in resolve_nodes(head.nodes, value):
        yield from _node_authors(node, head.url, head.lang)
    for line in string_values(value):
        yield from parse_byline(line, head.lang)


def _node_authors(node: Node, url: str, lang: str | None) -> Iterator[Author]:
    links = (absolute_url(href, url) for href in string_values(node.get("url")))
    link = next(filter(None, links), None)
    is_org = bool(node_types(node) & _ORGS) and "person" not in node_types(node)
    roles = {match_key(role) for role in string_values(node.get("jobTitle"))}
    for value in string_values(node.get("name")) or [_joined_name(node)]:
        line = first_text(value) or ""
        names = [line] if is_org else [author.name for author in parse_byline(line, lang)]
        names = [name for name in names if match_key(name) not in roles]
        for name in names:
            kind = "org" if is_org else author_kind(name)
            yield Author(name=name, url=link if len(names) == 1 else None, kind=kind)


def _joined_name(node: Node) -> str:
    """The name of a node that has it in parts."""
    parts = ("givenName", "additionalName", "familyName")
    return " ".join(text for part in parts if (text := first_text(node.get(part))))


def _meta_authors(head: PageHead, organisations: Collection[str]) -> Iterator[Iterator[Author]]:
    """Yield the authors of each meta tag; a line that names an organisation of the page is not divided."""
    for name in NAME_WORDS["metas"]:
        if lines := head.metas.get(name):
            in_catalogue = name in NAME_WORDS["catalogue_metas"]
            names = [invert_name(line) if in_catalogue else line for line in lines]
            yield (author for line in names for author in _line_authors(line, head.lang, organisations))


def _line_authors(line: str, lang: str | None, organisations: Collection[str]) -> Iterator[Author]:
    if squash(line) in organisations:
        yield Author(name=line, kind="org")
    else:
        yield from parse_byline(line, lang)


def find_visible_byline(
    landmarks: PageLandmarks, context: HeadlineContext, url: str, lang: str | None = None
) -> VisibleByline:
    """Find the byline beside the headline, else below the story; `lang` is the language of the page."""
    byline = _marked_byline(landmarks, context, url, lang)
    return byline if byline.authors else _labelled_byline(context, lang)


def _marked_byline(
    landmarks: PageLandmarks, context: HeadlineContext, url: str, lang: str | None
) -> VisibleByline:
    """The authors in elements marked as such; those close to the first belong to the same byline."""
    authors: list[Author] = []
    line, last = None, 0
    for element in _marked_elements(landmarks, context):
        position = landmarks.positions[element]
        if authors and position - last > MAX_GAP:
            break
        if names := _names_in_element(element, landmarks, url, lang):
            line = line or _printed_line(element)
            authors += names
            last = position
    return VisibleByline(authors=authors, line=line) if _is_byline(authors) else VisibleByline()


def _printed_line(element: HtmlElement) -> str:
    """The line of a marked element; of an inline element the line in which it stands."""
    parent = element.getparent()
    if element.tag in _INLINE and parent is not None and (line := short_text(parent, MAX_BYLINE_CHARS)):
        return line
    return short_text(element, MAX_BYLINE_CHARS)


def _is_byline(authors: list[Author]) -> bool:
    """Whether the names are a byline: several single words are the entries of a menu."""
    return len(_name_keys(authors)) < 2 or any(
        " " in author.name or author.kind == "org" for author in authors
    )


def _marked_elements(landmarks: PageLandmarks, context: HeadlineContext) -> list[HtmlElement]:
    """Elements marked as author from the headline down, then right above it; none about other stories."""
    marked = {*landmarks.author_links, *landmarks.by_kind["author"]}
    ordered = sorted(marked, key=lambda element: landmarks.positions[element])
    start = max(0, context.position - MAX_ABOVE)
    below = [element for element in ordered if landmarks.positions[element] >= context.position]
    above = [element for element in ordered if start <= landmarks.positions[element] < context.position]
    own = (
        element
        for element in (*below, *above)
        if element not in context.headline_elements
        and not _is_named_for_its_text(element)
        and not context.is_elsewhere(element)
    )
    return list(islice(own, MAX_CANDIDATES))


def _is_named_for_its_text(element: HtmlElement) -> bool:
    """Whether a heading is marked only by its id, which programs make of its words."""
    return element.tag in _HEADINGS and not element.get("class") and element.get("id") is not None


def _names_in_element(
    element: HtmlElement, landmarks: PageLandmarks, url: str, lang: str | None
) -> list[Author]:
    """The authors in the line of a marked element, unless its links to authors name them."""
    if _NOT_A_BYLINE.search(element.get("class") or ""):
        return []
    if element.tag == "meta" or element.get("content"):
        return _plausible_authors(element.get("content"), lang)
    line = short_text(element, MAX_BYLINE_CHARS)
    if not line or (_OTHER_ROLE.match(line) and not _TEXT_LABEL.search(line)):
        return []
    if element.tag == "a":
        link = absolute_url(element.get("href") or "", url)
        return [
            Author(name=author.name, url=link, kind=author.kind) for author in _plausible_authors(line, lang)
        ]
    links = element.iterdescendants("a")
    if len(line) > MAX_NAME_LINE_CHARS and any(link in landmarks.positions for link in links):
        return []  # its links follow, each as an element of its own
    return _plausible_authors(line, lang)


def _plausible_authors(line: str | None, lang: str | None) -> list[Author]:
    pairs = ((author, clean_name(author.name)) for author in parse_byline(line, lang))
    return [
        author
        for author, name in pairs
        if is_plausible_name(name)
        and (author.kind == "org" or (is_person_name(name) and not has_role_word(name)))
    ]


def _labelled_byline(context: HeadlineContext, lang: str | None) -> VisibleByline:
    """A line such as `By Awa Ndiaye` near the headline, or a line with a label anywhere."""
    for at, line in enumerate(context.lines):
        if len(line.text) > MAX_BYLINE_CHARS:
            continue
        close = at < LINES_BELOW
        if _LABEL_ALONE.match(line.text):
            text = _line_after_label(line, context.lines[at + 1 : at + 2], close=close)
        else:
            text = _labelled_part(line.text, close=close)
        if text and (authors := _plausible_authors(text, lang)) and not context.is_elsewhere(line.element):
            return VisibleByline(authors=authors, line=text)
    return VisibleByline()


def _line_after_label(label: TextBlock, following: Sequence[TextBlock], *, close: bool) -> str | None:
    """The line after a label that has a line of its own, unless it is unrelated to the label."""
    line = next(iter(following), None)
    if line is None or not _share_container(label.element, line.element, close=close):
        return None
    is_short = line.kind != "h" and len(line.text) <= MAX_NAME_LINE_CHARS and " " in line.text
    return line.text if is_short or (close and len(line.text) <= MAX_BYLINE_CHARS) else None


def _share_container(label: HtmlElement, line: HtmlElement, *, close: bool) -> bool:
    """Whether the parent of the label, or near the headline its grandparent, also holds the line."""
    containers = {*islice(label.iterancestors(), 2 if close else 1)}
    return any(above in containers for above in islice(line.iterancestors(), CONTAINER_DEPTH))


def _labelled_part(line: str, *, close: bool) -> str | None:
    """The part of a line in which a label introduces the author."""
    if _LABEL.match(line):
        return line
    parts = _BARS.split(replace_dates(line)) if close else ()
    return next((part for part in parts if _BYLINE_START.match(part)), None)


def _unlabelled_byline(context: HeadlineContext) -> list[Author]:
    """A name alone on a line below the headline, if a date is beside it or a biography on the page."""
    if context.position == 0:
        return []
    lines = context.lines[: LINES_TO_BYLINE + 1]
    for at, line in enumerate(lines[1:], start=1):
        text = line.text
        if (
            len(text) > MAX_NAME_LINE_CHARS
            or line.kind == "h"
            or not text[:1].isupper()
            or text[-1:] in ".:?!"
        ):
            continue
        is_agency = agency_short_name(text) is not None
        authors = (
            [Author(name=text, kind="org")] if is_agency else _full_names(_plausible_authors(text, None))
        )
        names = "".join(author.name for author in authors)
        rest = len(squash(text)) - len(squash(names))
        if not authors or rest > MAX_CONJUNCTION or context.is_elsewhere(line.element):
            continue
        if is_agency:
            return authors
        beside = context.lines[max(1, at - 1) : at + 2]
        if any(_has_date(other.text) for other in beside) or _has_biography(authors[0].name, context):
            return authors
    return []


def _has_date(text: str) -> bool:
    """Whether a line has a date and little else."""
    return len(text) <= MAX_DATE_CHARS and bool(find_dates(text))


def _has_biography(name: str, context: HeadlineContext) -> bool:
    """Whether a line of the page begins with the name and says who that is."""
    return any(
        line.text.startswith(name) and _BIOGRAPHY.match(line.text, len(name)) is not None
        for line in context.lines
    )
