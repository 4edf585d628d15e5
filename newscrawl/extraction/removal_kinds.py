"""What the classifier left out: the kind of each block by its place, the names around it, and its wording.

The classifier says that a block is none of the story, not what it is instead. Rules say that: a second
model, fitted to the labels of rules, was alone no better than they (docs/text-quality.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, get_args

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.captions import has_credit
from newscrawl.extraction.metadata.date_parser import is_date_line
from newscrawl.extraction.normalize import match_key, text_size
from newscrawl.extraction.phrases import find_listed_phrase
from newscrawl.items import RemovalKind
from newscrawl.package_data import read_package_toml

_NAME_CHARS = 120
"Characters of an element's names that are read."
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_DATA = read_package_toml("newscrawl.extraction", "removal_kinds.toml")
_BITS = {name: 1 << at for at, name in enumerate(_DATA["names"])}
_WORDS = {word: _BITS[name] for name, words in _DATA["names"].items() for word in words}
_PREFIXES = {prefix: _BITS[name] for name, prefixes in _DATA["prefixes"].items() for prefix in prefixes}
_STARTS = tuple(_PREFIXES)
_MENU = _BITS["menu"]
"A word for parts that hold links to the rest of the site, and nothing else."
_FRAMING = sum(_BITS[name] for name in ("menu", "navigation", "share", "advert", "consent", "tag"))
"Words for parts that frame a page."
_MARKS: tuple[tuple[bool, int, RemovalKind], ...] = (
    (False, _BITS["comment"], "comment"),
    (True, _BITS["caption"], "caption"),
    (False, _BITS["people"], "people"),
    (True, _BITS["advert"], "boilerplate"),
    (False, _BITS["box"], "box"),
)
"Whether a name with the word must be close to the block, its bit, and what it means: the first counts."
_AD_LABELS = frozenset(map(match_key, _DATA["ads"]))
_BYLINE_WORDS = frozenset(_DATA["bylines"])
_PART_TAGS = frozenset({"nav", "footer", "article"})
_LINE_ENDS = re.compile(
    r"(?:19|20)\d\d\b|\b\d{1,2}[:.h]\d\d\b|\d\s?(?:minutes?|mins?|hours?|hrs?|days?|h)\s?ago\b"
)
"A year, a clock, or a time that has passed: what a short line above a story says beside its author's name."
_MAY_BE_CREDIT = re.compile(r"[©:/(\[]|\bvia\b")
_LINKED = 0.6
"A block with a larger share of its text in links is a link."
_LABEL_CHARS, _LINE_CHARS, _PARAGRAPH_CHARS, _LISTED_CHARS = 25, 100, 150, 399
"Longest label and line, shortest paragraph, and longest text of which the classifier looked up phrases."
_HEAD_BLOCKS = 15
"Blocks above the story among which its date and byline stand."
_BY_PHRASE: dict[str, RemovalKind] = {
    "comments_form": "comment",
    "consent": "boilerplate",
    "share": "boilerplate",
    "copyright": "boilerplate",
    "nav": "boilerplate",
    **{kind: kind for kind in get_args(RemovalKind)},
}


class _Place(NamedTuple):
    """What the elements around a block say about it: those that have a name."""

    names: tuple[int, int, int, int, int, int]
    "Bits for the words in their names, innermost first."
    near: int
    around: int
    "Bits of the first three, and of all."
    is_navigation: bool
    article: int
    "Index of the article element around it; -1 if there is none."


_OUTSIDE = _Place((0, 0, 0, 0, 0, 0), 0, 0, False, -1)


def find_removal_kinds(
    blocks: Sequence[TextBlock], places: Sequence[int], story: Sequence[int]
) -> dict[int, RemovalKind]:
    """What the blocks at some places seem to be; those that nothing marks are missing.

    `story` has the places of the text.
    """
    seen: dict[int, _Place] = {}
    holders = {frame.index: frame for at in story if (frame := blocks[at].frame.parent) is not None}
    articles = {_read_place(frame, seen, is_around_story=True).article for frame in holders.values()}
    head = range(story[0] - _HEAD_BLOCKS, story[0] + 1) if story else range(0)
    amid = range(head.start, story[-1]) if story else range(0)
    kinds: dict[int, RemovalKind] = {}
    for at in places:
        block = blocks[at]
        frame = block.frame
        above = seen.get(frame.parent.index) if frame.parent is not None else None
        if above is not None and above.is_navigation and frame.tag != "article":
            kinds[at] = "boilerplate"
            continue
        place = seen.get(frame.index) or _read_place(frame, seen)
        kind = _find_marked_kind(block, place) or _find_named_kind(block, place)
        if kind is None and not (block.kind == "h" and block.level == 1):
            kind = _find_link_kind(block, place) or _find_worded_kind(block, place, is_head=at in head)
        if kind is None and place.article not in articles and len(block.text) >= _PARAGRAPH_CHARS:
            kind = "other_story"
        if kind is None and len(block.text) <= _LABEL_CHARS and at not in amid:
            kind = "boilerplate"
        if kind is not None:
            kinds[at] = kind
    return kinds


def _read_place(frame: Frame, seen: dict[int, _Place], *, is_around_story: bool = False) -> _Place:
    """Read the names of an element and of those around it, each once."""
    unread: list[Frame] = []
    here: Frame | None = frame
    while here is not None and here.index not in seen:
        unread.append(here)
        here = here.parent
    place = seen[here.index] if here is not None else _OUTSIDE
    for part in reversed(unread):
        if (part.names and not place.is_navigation) or part.tag in _PART_TAGS:
            place = _enter(part, place, is_around_story=is_around_story)
        seen[part.index] = place
    return place


def _enter(frame: Frame, above: _Place, *, is_around_story: bool) -> _Place:
    tag = frame.tag
    is_article = tag == "article"
    first, second, third, fourth, fifth, _ = above.names
    own = _read_names(frame.names) if frame.names else 0
    near = own | first | second
    around = near | third | fourth | fifth
    # Boxes to share a story have a count of its comments too.
    around = around & ~_BITS["comment"] if around & _BITS["share"] else around
    # The footer of an article may hold whatever belongs to the story.
    is_navigation = (
        tag == "nav"
        or (above.is_navigation and not is_article)
        or (tag == "footer" and above.article < 0)
        or (not is_around_story and own & _MENU != 0)
    )
    article = frame.index if is_article else above.article
    return _Place((own, first, second, third, fourth, fifth), near, around, is_navigation, article)


@lru_cache(maxsize=16_384)
def _read_names(names: str) -> int:
    """Bits for the words in the names of an element, and for pairs of words."""
    bits, before = 0, ""
    for word in map(str.lower, _WORD.findall(names[:_NAME_CHARS])):
        bits |= _read_word(word) | _WORDS.get(before + word, 0)
        before = word
    return bits


@lru_cache(maxsize=16_384)
def _read_word(word: str) -> int:
    bits = _WORDS.get(word, 0)
    if bits or not word.startswith(_STARTS):
        return bits
    return next(bit for start, bit in _PREFIXES.items() if word.startswith(start))


def _find_marked_kind(block: TextBlock, place: _Place) -> RemovalKind | None:
    """The kind by marks that mean the same whatever the text is."""
    if place.is_navigation:
        return "boilerplate"
    if block.kind == "caption":
        return "caption"
    if len(block.text) <= _LABEL_CHARS and match_key(block.text) in _AD_LABELS:
        return "boilerplate"
    for is_near, bit, kind in _MARKS:
        if (place.near if is_near else place.around) & bit:
            return kind
    phrase = find_listed_phrase(block.text) if len(block.text) <= _LISTED_CHARS else None
    return _BY_PHRASE.get(phrase.reason) if phrase is not None and not phrase.edge_only else None


def _find_named_kind(block: TextBlock, place: _Place) -> RemovalKind | None:
    """The kind by names that mean something only for a line, or for a text that is no link."""
    is_related = place.around & _BITS["related"]
    if (
        place.near & _BITS["byline"]
        and len(block.text) <= _LINE_CHARS
        and block.kind != "h"
        and not is_related
    ):
        return "byline"
    if place.around & _BITS["paywall"] and block.linked_chars < _LINKED * len(block.text):
        return "paywall"
    if is_related:
        return "related"
    return "promo" if place.around & _BITS["promo"] else None


def _find_link_kind(block: TextBlock, place: _Place) -> RemovalKind | None:
    """The kind of a link: the title of a story, or a word of a menu."""
    if block.linked_chars < _LINKED * len(block.text):
        return None
    is_title = text_size(block.text) > _LABEL_CHARS
    return "related" if is_title and not place.around & _FRAMING else "boilerplate"


def _find_worded_kind(block: TextBlock, place: _Place, *, is_head: bool) -> RemovalKind | None:
    text = block.text
    if is_head and len(text) <= _LINE_CHARS and _is_byline(text):
        return "byline"
    if place.around & _FRAMING:
        return "boilerplate"
    return "caption" if _MAY_BE_CREDIT.search(text) and has_credit(text) else None


def _is_byline(text: str) -> bool:
    first = text.split(maxsplit=1)[0].rstrip(":").lower()
    return first in _BYLINE_WORDS or _LINE_ENDS.search(text) is not None or is_date_line(text)
