"""The byline as readers see it: marked elements and labelled lines near the headline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.parts import Author
from newscrawl.text.blocks import RawBlock
from newscrawl.text.folding import key
from newscrawl.text.names import is_name, is_role, looks_like_person, names_in, trimmed, without_dates
from newscrawl.text.nearness import BELOW, Near
from newscrawl.text.signs import Signs, short_text
from newscrawl.urls import absolute

MAX_CANDIDATES = 40
MAX_CHARS = 160
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
    if element.tag in _INLINE and parent is not None and (line := short_text(parent, MAX_CHARS)):
        return line
    return short_text(element, MAX_CHARS)


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
    line = short_text(element, MAX_CHARS)
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
        if len(line.text) > MAX_CHARS:
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
    return line.text if is_short or (close and len(line.text) <= MAX_CHARS) else None


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
