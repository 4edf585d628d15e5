"""Takes a feed apart whose XML is broken, so that a fault in an entry costs at most that entry.

A parser that recovers goes on within the fault: a comment, a quote or an instruction that never ends takes
all later entries with it, and a stray end tag closes the feed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from lxml import etree

from newscrawl.discovery.xml import local_name

ENTRY_NAMES = frozenset({"item", "entry"})
_ENTRY = r"(?:[A-Za-z_][\w.-]{0,30}:)?(?:item|entry)"
_ENTRY_START = re.compile(rf"<{_ENTRY}(?=[\s/>])", re.IGNORECASE)
_ENTRY_END = re.compile(rf"</{_ENTRY}\s{{0,100}}>", re.IGNORECASE)
_NEXT_ENTRY = re.compile(rf"</{_ENTRY}\s{{0,100}}>\s{{0,1000}}(?=<{_ENTRY}[\s/>])", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.:-]{0,99})(?=[\s/>])([^<>]{0,16384})>")
_ROOT_TAG = re.compile(r"<[^<>]{1,16384}>")
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w.:-]{0,99})\s{0,20}=\s{0,20}[\"']?([^\"'\s<>]{1,4096})")
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>"))
_ADDRESSES = frozenset({"link", "guid", "id", "origlink"})
_LINES = frozenset({"title", "description", "summary", "pubdate"})
"Elements in which no address can stand: if one follows, the end tag is missing."
Parse = Callable[[str], etree._Element | None]


class Markup(NamedTuple):
    """A piece of markup in a text."""

    kind: Literal["cdata", "section", "open", "tag", "bare"]
    """`section`: a comment or an instruction; `open`: how a CDATA or another section begins that never ends;
    `bare`: a `<` that begins nothing."""
    start: int
    end: int


def count_usable_entries(root: etree._Element) -> int:
    """Entries that name a page or themselves."""
    return sum(map(_has_address, root.iter("{*}item", "{*}entry")))


def find_entry_starts(text: str) -> list[int]:
    """Where entries begin: outside of sections, and wherever an entry has just ended."""
    starts = {match.end() for match in _NEXT_ENTRY.finditer(text)}
    starts.update(
        part.start
        for part in iter_markup(text)
        if part.kind in ("tag", "bare") and _ENTRY_START.match(text, part.start)
    )
    return sorted(starts)


def parse_entries_apart(text: str, starts: list[int], parse: Parse) -> etree._Element | None:
    """The feed with each of its entries parsed alone; None when its head cannot be read.

    `parse` recovers from faults and gives None when nothing is left.
    """
    root = parse(text[: starts[0]])
    opening = _ROOT_TAG.match(text)
    if root is None or opening is None:
        return None
    channels = list(root.iter("{*}channel"))
    parent = root if local_name(root.tag) in ("feed", "rdf") or not channels else channels[-1]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        entry = _parse_entry(opening[0], _cut_behind_entry(text[start:end]), parse)
        if entry is not None:
            parent.append(entry)
    return root


def _cut_behind_entry(fragment: str) -> str:
    """The fragment up to its last end tag of an entry; the whole fragment if there is none."""
    ends = [match.end() for match in _ENTRY_END.finditer(fragment)]
    return fragment[: ends[-1]] if ends else fragment


def _parse_entry(opening: str, fragment: str, parse: Parse) -> etree._Element | None:
    entry = _first_entry(parse(opening + fragment))
    if entry is not None and _has_address(entry):
        return entry
    mended = _first_entry(parse(opening + mend_entry(fragment)))
    return mended if mended is not None else entry


def _first_entry(root: etree._Element | None) -> etree._Element | None:
    return None if root is None else next(root.iter("{*}item", "{*}entry"), None)


def _has_address(entry: etree._Element) -> bool:
    addresses = (child for child in entry if local_name(child.tag) in _ADDRESSES)
    return any((child.text or child.get("href") or "").strip() for child in addresses)


def mend_entry(fragment: str) -> str:
    """An entry in which every tag has its counterpart and nothing begins that does not end."""
    parts: list[str] = []
    names: list[str] = []
    at = 0
    for part in iter_markup(fragment):
        parts.append(fragment[at : part.start])
        at = part.end
        if part.kind == "cdata":
            parts.append(fragment[part.start : part.end])
        elif part.kind == "bare":
            parts.append("&lt;")
        elif part.kind == "tag":
            parts.append(_mend_tag(fragment[part.start : part.end], names))
    parts.append(fragment[at:])
    return "".join(parts) + "".join(f"</{name}>" for name in reversed(names))


def _mend_tag(tag: str, names: list[str]) -> str:
    """The tag as it fits to the elements that are open; `names` are theirs, the entry's own first."""
    match = _TAG.match(tag)
    assert match
    is_end, name, attributes = match.groups()
    if is_end:
        # The entry ends where its fragment does.
        if name not in names[1:]:
            return ""
        closed = names[len(names) - 1 - names[::-1].index(name) :]
        del names[-len(closed) :]
        return "".join(f"</{each}>" for each in reversed(closed))
    is_empty = attributes.endswith("/")
    unended: list[str] = []
    if local_name(name) in _ADDRESSES and len(names) > 1 and local_name(names[1]) in _LINES:
        unended, names[1:] = names[:0:-1], []
    ends = "".join(f"</{each}>" for each in unended)
    if not is_empty:
        names.append(name)
    if any(attributes.count(quote) % 2 for quote in "\"'"):
        pairs = dict(_ATTRIBUTE.findall(attributes.removesuffix("/")))
        values = "".join(f' {key}="{value}"' for key, value in pairs.items())
        tag = f"<{name}{values}{'/' if is_empty else ''}>"
    return ends + tag


def iter_markup(text: str) -> Iterator[Markup]:
    """The markup of a text in its order."""
    endless: set[str] = set()
    at = 0
    while (at := text.find("<", at)) >= 0:
        part = _read_markup(text, at, endless)
        yield part
        at = part.end


def _read_markup(text: str, at: int, endless: set[str]) -> Markup:
    """The markup at `at`; `endless` collects what is known not to end, so that its end is sought once."""
    for opening, closing in _SECTIONS:
        if not text.startswith(opening, at):
            continue
        end = -1 if opening in endless else text.find(closing, at + len(opening))
        if end < 0:
            endless.add(opening)
            return Markup("open", at, at + len(opening))
        return Markup("cdata" if opening == "<![CDATA[" else "section", at, end + len(closing))
    match = _TAG.match(text, at)
    return Markup("tag", at, match.end()) if match else Markup("bare", at, at + 1)
