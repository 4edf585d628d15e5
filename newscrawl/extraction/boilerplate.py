"""Boilerplate of a site: texts that recur at the same kind of place on its pages are chrome.

A text counts once for each *story* it occurs with, not for each page: a live blog at ten addresses, or a
story published again under another headline, is a single story, and its own text must not count as chrome.

A text that looked like chrome on most of its pages is dropped once it occurs with three stories. A text that
looked like part of the story must also be usual at its kind of place, the more so in the middle of a story,
and all such texts together must be shorter than the rest of the story.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from typing import Any

from pydantic_core import to_json

from newscrawl.digests import blake2b_digest
from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.cleaning import parse_byline_line
from newscrawl.extraction.normalize import match_key, truncate
from newscrawl.extraction.view import PageView
from newscrawl.extraction.wire_notices import MAX_CHARS, load_notices

DIGEST_BYTES = 6
"Two texts of an outlet share a digest once in some millions of pages."
_DIGITS = 2 * DIGEST_BYTES
_CACHED_LINES = 4096
"Lines, places and elements that a process remembers: those of a site recur on all its pages."
MAX_OCCURRENCES = 500
"Texts recorded of a page; of longer pages, the first ones."
TITLE_CHARS = 200
MIN_STORIES = 3
"Different stories with which a text must occur."
SCHEMA = "newscrawl.memory/1"
MAX_PAGES = 300
"Pages remembered of an outlet; older ones are forgotten."
MAX_DAYS = 180
"A page is forgotten once it is this much older than the newest page."
_PATH_LEVELS = 5
_PATH_CLASSES = 3
_WHOLE_PAGE_TAGS = frozenset({"html", "body", "main", "article"})
"Their classes often name the page itself: its number, its section, its tags."
_MIN_STORY_TEXT = 40
"Characters from which a text distinguishes stories."
_SAME_TEXT = 0.8
"Share of the shorter story that the longer story must contain."
_SAME_TITLE_TEXT = 0.3
"The same share where the headlines are alike."
_SAME_TITLE = 0.5
"Share of the words of both headlines that they have in common."
_USUAL_AT_EDGE = 0.25
"Share of the stories with this kind of place that must have the text there, before or after a story."
_USUAL_IN_STORY = 0.5
"The same share between two paragraphs of a story."
_USUAL_SHORT_LINE = 0.75
"The same share for a line so short that it may be a sub-headline."
_SHORT_LINE = 60


BlockKey = str
"A text at a kind of place: the hex digest of the place, then that of the text."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRecord:
    """What the memory needs of a page."""

    url: str
    "Identifies the page: a newer record replaces an older record."
    day: str
    "ISO date of the capture; empty if unknown."
    title: str
    "Match key of the headline."
    inside: Mapping[BlockKey, int]
    "Characters of the texts that looked like part of the story, before any memory was consulted."
    outside: Mapping[BlockKey, int]
    "Characters of the other texts."


def record_page(view: PageView, in_story: Sequence[bool], *, url: str, day: str, title: str) -> PageRecord:
    """The record of a page; `in_story` tells for each block of the view whether it looked like the story."""
    chars: dict[BlockKey, int] = {}
    story: set[BlockKey] = set()
    for key, block, is_story in zip(block_keys(view), view.blocks, in_story, strict=True):
        if key is not None and (len(chars) < MAX_OCCURRENCES or key in chars):
            chars[key] = len(block.text)
            if is_story:
                story.add(key)
    return PageRecord(
        url=url,
        day=day,
        title=truncate(match_key(title), TITLE_CHARS),
        inside={key: size for key, size in chars.items() if key in story},
        outside={key: size for key, size in chars.items() if key not in story},
    )


def block_keys(view: PageView) -> list[BlockKey | None]:
    """The key of each block; None for hidden blocks and blocks without words."""
    above: dict[int, str] = {}
    keys: list[BlockKey | None] = []
    for block in view.blocks:
        digest = "" if block.hidden else _digest_line(block.text)
        if not digest:
            keys.append(None)
            continue
        frame = block.frame
        around = frame.parent.index if frame.parent else -1
        if around not in above:
            above[around] = _path_above(frame)
        place = f"{above[around]}{_path_step(frame.tag, frame.classes)} {block.kind}"
        keys.append(_digest_place(place) + digest)
    return keys


def _path_above(frame: Frame) -> str:
    """The path of elements that leads to a frame, the same for all inside the same element."""
    path, other, levels = "", frame.parent, _PATH_LEVELS - 1
    # Not by `ancestors`: this runs for most blocks of a page, and a generator takes longer than the rest.
    while other is not None and levels:
        path = f"{_path_step(other.tag, other.classes)}/{path}"
        other, levels = other.parent, levels - 1
    return path


@lru_cache(maxsize=_CACHED_LINES)
def _path_step(tag: str, classes: str) -> str:
    if tag in _WHOLE_PAGE_TAGS or not classes:
        return tag
    stable = sorted(name for name in classes.split() if not any(map(str.isdigit, name)))
    return ".".join([tag, *stable[:_PATH_CLASSES]])


@lru_cache(maxsize=_CACHED_LINES)
def _digest_line(text: str) -> str:
    """The digest of a line in whatever spelling; empty if it has no words."""
    key = match_key(text)
    return blake2b_digest(key, DIGEST_BYTES).hex() if key else ""


@lru_cache(maxsize=_CACHED_LINES)
def _digest_place(place: str) -> str:
    return blake2b_digest(place, DIGEST_BYTES).hex()


def group_by_story(pages: Sequence[PageRecord]) -> list[list[PageRecord]]:
    """The pages in groups of the same story."""
    texts = [_story_texts(page) for page in pages]
    leaders = list(range(len(pages)))
    for (left, right), shared in sorted(_shared_chars(texts).items()):
        shorter = min(sum(texts[left].values()), sum(texts[right].values()))
        enough = _SAME_TITLE_TEXT if _have_same_title(pages[left], pages[right]) else _SAME_TEXT
        if shared >= enough * shorter:
            leaders[_find_leader(leaders, right)] = _find_leader(leaders, left)
    groups: dict[int, list[PageRecord]] = defaultdict(list)
    for at, page in enumerate(pages):
        groups[_find_leader(leaders, at)].append(page)
    return list(groups.values())


def _story_texts(page: PageRecord) -> dict[str, int]:
    """Digests of the longer texts of the story, with their characters."""
    return {key[_DIGITS:]: chars for key, chars in page.inside.items() if chars >= _MIN_STORY_TEXT}


def _shared_chars(texts: Sequence[dict[str, int]]) -> Counter[tuple[int, int]]:
    """Characters that each two pages have in common, for pairs that have any."""
    pages_by_text: dict[str, list[int]] = defaultdict(list)
    for at, digests in enumerate(texts):
        for digest in digests:
            pages_by_text[digest].append(at)
    shared: Counter[tuple[int, int]] = Counter()
    for digest, pages in pages_by_text.items():
        for pair in combinations(pages, 2):
            shared[pair] += texts[pair[0]][digest]
    return shared


def _have_same_title(left: PageRecord, right: PageRecord) -> bool:
    left_words, right_words = set(left.title.split()), set(right.title.split())
    common = left_words & right_words
    return bool(common) and len(common) >= _SAME_TITLE * len(left_words | right_words)


def _find_leader(leaders: list[int], at: int) -> int:
    while leaders[at] != at:
        leaders[at] = leaders[leaders[at]]
        at = leaders[at]
    return at


@dataclass(frozen=True, slots=True)
class _RecurringBlock:
    """Statistics of a text at a kind of place."""

    stories: int
    in_story: bool
    "Whether it mostly looked like part of the story."
    share: float
    "Share of the stories with this kind of place that have the text there."


@dataclass(frozen=True, slots=True)
class SiteMemory:
    """What earlier pages of an outlet taught."""

    recurring_blocks: dict[BlockKey, _RecurringBlock]
    "Texts that occur with enough stories."
    story_places: frozenset[str]
    "Kinds of places that hold the text of stories."
    name: str = ""
    "Name of its file; empty if it was not read from a file."

    def find_recurring(self, view: PageView) -> frozenset[int]:
        """Indexes of the view's blocks that are the site's boilerplate."""
        keys = block_keys(view)
        recurring = {
            at: self.recurring_blocks[key]
            for at, key in enumerate(keys)
            if key is not None and key in self.recurring_blocks
        }
        if not recurring:
            return frozenset()
        own = [at for at, key in enumerate(keys) if at not in recurring and self._is_own(view, at, key)]
        outside = {at for at, block in recurring.items() if not block.in_story}
        inside = {
            at for at, block in recurring.items() if block.in_story and _is_usual(view.blocks, at, block, own)
        }
        return _limit_removal(view.blocks, outside, inside, own)

    def _is_own(self, view: PageView, at: int, key: BlockKey | None) -> bool:
        """Whether a text that does not recur is where stories are, and so most likely the page's own."""
        if key is None or key[:_DIGITS] not in self.story_places:
            return False
        return view.blocks[at].kind != "h" and view.blocks[at].frame.index not in view.chrome


def _is_usual(blocks: Sequence[TextBlock], at: int, recurring: _RecurringBlock, own: Sequence[int]) -> bool:
    """Whether a text that looks like the story's is too usual at its place to be part of it."""
    if _is_evidence(blocks[at].text):
        return False
    if not own or at < own[0] or at > own[-1]:
        return recurring.share >= _USUAL_AT_EDGE
    block = blocks[at]
    if block.kind == "h" and at + 1 in own:  # it heads a text of this page alone
        return False
    return recurring.share >= (_USUAL_SHORT_LINE if len(block.text) <= _SHORT_LINE else _USUAL_IN_STORY)


def _is_evidence(text: str) -> bool:
    """Whether later steps turn the line into metadata: a byline or a wire notice."""
    if parse_byline_line(text) is not None:
        return True
    return len(text) <= MAX_CHARS and any(notice.pattern.search(text) for notice in load_notices())


def _limit_removal(
    blocks: Sequence[TextBlock], outside: set[int], inside: set[int], own: Sequence[int]
) -> frozenset[int]:
    """The blocks to drop; those that look like the story's only if the page has more text of its own."""
    own_chars = _unlinked_chars(blocks, own)
    if not own_chars:
        return frozenset()
    if _unlinked_chars(blocks, inside) > own_chars:
        inside = set()
    visible = _unlinked_chars(blocks, [at for at, block in enumerate(blocks) if not block.hidden])
    return frozenset(at for at in outside | inside if 2 * len(blocks[at].text) <= visible)


def _unlinked_chars(blocks: Sequence[TextBlock], places: Iterable[int]) -> int:
    """Characters outside links."""
    return sum(max(0, len(blocks[at].text) - blocks[at].linked_chars) for at in places)


def build_memory(records: Iterable[PageRecord], name: str = "") -> SiteMemory:
    """The memory that these pages give."""
    with_place: Counter[str] = Counter()
    with_text: Counter[BlockKey] = Counter()
    in_story: Counter[BlockKey] = Counter()
    for group in group_by_story(list(records)):
        inside = set(chain.from_iterable(page.inside for page in group))
        texts = inside.union(*(page.outside for page in group))
        with_place.update({key[:_DIGITS] for key in texts})
        with_text.update(texts)
        in_story.update(inside)
    recurring_blocks = {
        key: _RecurringBlock(count, 2 * in_story[key] > count, count / with_place[key[:_DIGITS]])
        for key, count in with_text.items()
        if count >= MIN_STORIES
    }
    return SiteMemory(recurring_blocks, _find_story_places(in_story, recurring_blocks, with_place), name)


def _find_story_places(
    in_story: Counter[BlockKey], recurring: Mapping[BlockKey, _RecurringBlock], with_place: Counter[str]
) -> frozenset[str]:
    """Places where a story has, on average, at least a single text of its own."""
    own: Counter[str] = Counter()
    for key, count in in_story.items():
        if count < MIN_STORIES or recurring[key].share < _USUAL_AT_EDGE:
            own[key[:_DIGITS]] += count
    return frozenset(place for place, count in own.items() if count >= with_place[place])


def latest_records(records: Iterable[PageRecord]) -> list[PageRecord]:
    """The records worth remembering, oldest first: the newest of each page, of recent pages only."""
    newest: dict[str, PageRecord] = {}
    for record in records:
        other = newest.get(record.url)
        if other is None or _capture_order(other) < _capture_order(record):
            newest[record.url] = record
    # The order of the pages of a day favours none of the site's sections.
    by_age = sorted(newest.values(), key=lambda record: (record.day, blake2b_digest(record.url, 8)))
    latest = by_age[-MAX_PAGES:]
    oldest_day = _earliest_day(latest[-1].day) if latest else ""
    return [record for record in latest if record.day >= oldest_day]


def _capture_order(record: PageRecord) -> tuple[Any, ...]:
    """Sorts the records of a page: by day, and those of a day in some order that does not change."""
    return record.day, record.title, sorted(record.inside.items()), sorted(record.outside.items())


def _earliest_day(newest: str) -> str:
    try:
        return (dt.date.fromisoformat(newest) - dt.timedelta(days=MAX_DAYS)).isoformat()
    except (ValueError, OverflowError):
        return ""


def dump_records(records: Sequence[PageRecord]) -> bytes:
    """JSON for `load_records`: each text with its place is written once, and pages refer to it by number."""
    sizes: dict[BlockKey, int] = {}
    for texts in chain.from_iterable((record.inside, record.outside) for record in records):
        for key, chars in texts.items():
            if chars > sizes.get(key, -1):
                sizes[key] = chars
    keys = sorted(sizes)
    numbers = {key: number for number, key in enumerate(keys)}
    pages = [
        {
            "day": record.day,
            "inside": sorted(map(numbers.__getitem__, record.inside)),
            "outside": sorted(map(numbers.__getitem__, record.outside)),
            "title": record.title,
            "url": record.url,
        }
        for record in records
    ]
    listed = [[key[:_DIGITS], key[_DIGITS:], sizes[key]] for key in keys]
    # Keys in the order of the alphabet: equal memories are equal bytes, whatever version wrote them.
    data = {"pages": pages, "schema": SCHEMA, "texts": listed}
    return to_json(data) + b"\n"


def load_records(data: bytes) -> list[PageRecord]:
    """The records in the data of `dump_records`; ValueError if it holds none."""
    try:
        memory: Any = json.loads(data)
        if memory["schema"] != SCHEMA:
            raise ValueError(f"a memory with another schema: {memory['schema']!r}")
        texts = [(_join_digests(place, text), int(chars)) for place, text, chars in memory["texts"]]
        return [_load_record(page, texts) for page in memory["pages"]]
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"not a memory: {error!r}") from error


def _join_digests(place: str, text: str) -> BlockKey:
    key = place + text
    if len(place) != _DIGITS or len(key) != 2 * _DIGITS:
        raise ValueError(f"not a memory: digests {place!r} and {text!r}")
    return key


def _load_record(page: Any, texts: Sequence[tuple[BlockKey, int]]) -> PageRecord:
    return PageRecord(
        url=str(page["url"]),
        day=str(page["day"]),
        title=str(page["title"]),
        inside=dict(map(texts.__getitem__, page["inside"])),
        outside=dict(map(texts.__getitem__, page["outside"])),
    )
