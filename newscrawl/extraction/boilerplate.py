"""What is learned of a site over its pages: texts that recur at the same kind of place are chrome.

A text counts once for each *story* it stands with, not for each page: a live blog at ten addresses, or a
story that is printed again under another headline, is one story, and its text is no chrome. What looked like
chrome on most of its pages goes when it stands with three stories. What looked like the story's own text must
besides be usual at its kind of place, the more so amid a story, and all of it together be the lesser part.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from typing import Any, NamedTuple

from newscrawl.extraction.blocks import Frame, RawBlock
from newscrawl.extraction.cleaning import byline_in
from newscrawl.extraction.normalize import cut, key, plain_of, trimmed
from newscrawl.extraction.view import View
from newscrawl.extraction.wire_notices import MAX_CHARS, notices

DIGEST_BYTES = 6
"Two texts of one outlet share a digest once in some millions of pages."
MAX_SEEN = 500
"Texts noted of a page; of the longer pages the first ones."
TITLE_CHARS = 200
_LEVELS = 5
_CLASSES = 3
_WHOLE_PAGE = frozenset({"html", "body", "main", "article"})
"Their classes often name the page: its number, its section, its tags."


class Mark(NamedTuple):
    """A text at a kind of place."""

    place: str
    words: str


class Seen(NamedTuple):
    """A text on a page."""

    mark: Mark
    chars: int
    inside: bool
    "Whether it looked like a part of the story, before any memory was asked."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageNote:
    """A page as the memory sees it."""

    url: str
    "The page's identity: a page that is read again replaces its older note."
    day: str
    "ISO date of the capture; empty where it is not known."
    title: str
    "Key of the headline."
    seen: tuple[Seen, ...]


def note_of(view: View, inside: Sequence[bool], *, url: str, day: str, title: str) -> PageNote:
    """The note of a page; `inside` says for each block of the view whether it looked like the story."""
    found: dict[Mark, Seen] = {}
    for mark, block, held in zip(marks_of(view), view.blocks, inside, strict=True):
        if mark is not None and (len(found) < MAX_SEEN or mark in found):
            before = mark in found and found[mark].inside
            found[mark] = Seen(mark, len(block.text), held or before)
    return PageNote(url=url, day=day, title=cut(key(title), TITLE_CHARS), seen=tuple(found.values()))


def marks_of(view: View) -> list[Mark | None]:
    """The mark of each block; None for one without words, or that is hidden."""
    places = _places(view.frames)
    found: list[Mark | None] = []
    for block in view.blocks:
        words = "" if block.hidden else trimmed(plain_of(block.text))
        place = places[block.frame.index]
        found.append(Mark(_digest(f"{place} {block.kind}"), _digest(words)) if words else None)
    return found


def _places(frames: Iterable[Frame]) -> list[str]:
    """For each frame the chain of elements that ends there."""
    chains: list[tuple[str, ...]] = []
    for frame in frames:
        above = chains[frame.parent.index] if frame.parent else ()
        chains.append((*above[1 - _LEVELS :], _called(frame)))
    return ["/".join(chain) for chain in chains]


def _called(frame: Frame) -> str:
    if frame.tag in _WHOLE_PAGE or not frame.classes:
        return frame.tag
    stable = sorted(name for name in frame.classes.split() if not any(map(str.isdigit, name)))
    return ".".join([frame.tag, *stable[:_CLASSES]])


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


LONG = 40
"Characters from which a text tells one story from another."
_SAME_TEXT = 0.8
"Share of the shorter story that the longer one must hold."
_SAME_TITLE_TEXT = 0.3
"The same where the headlines are alike."
_SAME_TITLE = 0.5
"Share of the words of both headlines that they have in common."


def stories_of(pages: Sequence[PageNote]) -> list[list[PageNote]]:
    """The pages, those of one story together."""
    texts = [_texts(page) for page in pages]
    leader = list(range(len(pages)))
    for (one, other), shared in sorted(_shared(texts).items()):
        least = min(sum(texts[one].values()), sum(texts[other].values()))
        enough = _SAME_TITLE_TEXT if _same_title(pages[one], pages[other]) else _SAME_TEXT
        if shared >= enough * least:
            leader[_first(leader, other)] = _first(leader, one)
    groups: dict[int, list[PageNote]] = defaultdict(list)
    for at, page in enumerate(pages):
        groups[_first(leader, at)].append(page)
    return list(groups.values())


def _texts(page: PageNote) -> dict[str, int]:
    """Digests of the story's longer texts, with their characters."""
    return {seen.mark.words: seen.chars for seen in page.seen if seen.inside and seen.chars >= LONG}


def _shared(texts: Sequence[dict[str, int]]) -> Counter[tuple[int, int]]:
    """Characters that two pages have in common, for all that have any."""
    holders: dict[str, list[int]] = defaultdict(list)
    for at, own in enumerate(texts):
        for words in own:
            holders[words].append(at)
    shared: Counter[tuple[int, int]] = Counter()
    for words, found in holders.items():
        for pair in combinations(found, 2):
            shared[pair] += texts[pair[0]][words]
    return shared


def _same_title(one: PageNote, other: PageNote) -> bool:
    own, others = set(one.title.split()), set(other.title.split())
    return bool(own & others) and len(own & others) >= _SAME_TITLE * len(own | others)


def _first(leader: list[int], at: int) -> int:
    while leader[at] != at:
        leader[at] = leader[leader[at]]
        at = leader[at]
    return at


MIN_STORIES = 3
"Different stories a text must stand with."
_AT_THE_EDGE = 0.25
"Share of the stories with this kind of place that must have the text there, before or after a story."
_AMID = 0.5
"The same between two paragraphs of a story."
_AMID_SHORT = 0.75
"The same for a line so short that it may be a sub-headline."
_SHORT = 60


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a text at a kind of place."""

    stories: int
    inside: bool
    "Whether it mostly looked like the story's own."
    share: float
    "Of the stories with this kind of place."


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier pages of an outlet taught."""

    known: dict[Mark, _Known]
    "Texts that stand with enough stories."
    story_places: frozenset[str]
    "Kinds of places where the text of stories stands."
    name: str = ""
    "Of its file; empty where it stands in none."

    def recurring(self, view: View) -> frozenset[int]:
        """Places, among the view's blocks, of those that stand on the site's other pages too."""
        marks = marks_of(view)
        found = {
            at: self.known[mark] for at, mark in enumerate(marks) if mark is not None and mark in self.known
        }
        if not found:
            return frozenset()
        own = [at for at, mark in enumerate(marks) if at not in found and self._is_own(view, at, mark)]
        outer = {at for at, known in found.items() if not known.inside}
        inner = {at for at, known in found.items() if known.inside and _usual(view.blocks, at, known, own)}
        return _lesser(view.blocks, outer, inner, own)

    def _is_own(self, view: View, at: int, mark: Mark | None) -> bool:
        """Whether an unknown text stands where stories stand: the page's own, most likely."""
        if mark is None or mark.place not in self.story_places:
            return False
        return view.blocks[at].kind != "h" and view.blocks[at].frame.index not in view.chrome


def memory_of(notes: Iterable[PageNote], name: str = "") -> Memory:
    """What these pages teach."""
    pages = list(notes)
    at_place: Counter[str] = Counter()
    with_mark: Counter[Mark] = Counter()
    inside: Counter[Mark] = Counter()
    for story in _by_story(pages):
        at_place.update({place for place, _ in story})
        with_mark.update(list(story))
        inside.update(mark for mark, held in story.items() if held)
    shares = {mark: count / at_place[mark.place] for mark, count in with_mark.items()}
    known = {
        mark: _Known(count, 2 * inside[mark] > count, shares[mark])
        for mark, count in with_mark.items()
        if count >= MIN_STORIES
    }
    return Memory(known, frozenset(_story_places(inside, shares, at_place)), name)


def _by_story(pages: Sequence[PageNote]) -> Iterator[dict[Mark, bool]]:
    """For each story the texts on any of its pages, and whether they looked like its own."""
    for group in stories_of(pages):
        found: dict[Mark, bool] = {}
        for page in group:
            for seen in page.seen:
                found[seen.mark] = found.get(seen.mark, False) or seen.inside
        yield found


def _story_places(inside: Counter[Mark], shares: dict[Mark, float], at_place: Counter[str]) -> Iterator[str]:
    """Places where a story has at least one text of its own, on average."""
    own: Counter[str] = Counter()
    for mark, count in inside.items():
        if count < MIN_STORIES or shares[mark] < _AT_THE_EDGE:
            own[mark.place] += count
    return (place for place, count in own.items() if count >= at_place[place])


def _usual(blocks: Sequence[RawBlock], at: int, known: _Known, own: Sequence[int]) -> bool:
    """Whether a text that looks like the story's is usual enough at its place to be none of it."""
    if _is_heard(blocks[at].text):
        return False
    if not own or at < own[0] or at > own[-1]:
        return known.share >= _AT_THE_EDGE
    block = blocks[at]
    if block.kind == "h" and at + 1 in own:  # it heads a text of this page alone
        return False
    return known.share >= (_AMID_SHORT if len(block.text) <= _SHORT else _AMID)


def _is_heard(text: str) -> bool:
    """Whether later steps take the line out and keep what it says: who wrote it, whose text it is."""
    if byline_in(text) is not None:
        return True
    return len(text) <= MAX_CHARS and any(notice.pattern.search(text) for notice in notices())


def _lesser(
    blocks: Sequence[RawBlock], outer: set[int], inner: set[int], own: Sequence[int]
) -> frozenset[int]:
    """The texts to go: none where the page's own text is the lesser part beside them."""
    left = _chars(blocks, own)
    if not left:
        return frozenset()
    if _chars(blocks, inner) > left:
        inner = set()
    whole = _chars(blocks, [at for at, block in enumerate(blocks) if not block.hidden])
    return frozenset(at for at in outer | inner if 2 * len(blocks[at].text) <= whole)


def _chars(blocks: Sequence[RawBlock], places: Iterable[int]) -> int:
    """Characters outside links."""
    return sum(max(0, len(blocks[at].text) - blocks[at].linked) for at in places)


SCHEMA = "newscrawl.memory/1"
MAX_PAGES = 300
"Pages remembered of an outlet; older ones are forgotten."
MAX_DAYS = 180
"A page is forgotten when it is so much older than the newest one."


def remembered(notes: Iterable[PageNote]) -> list[PageNote]:
    """The pages worth remembering, oldest first; the newest note of each page."""
    newest: dict[str, PageNote] = {}
    for note in sorted(notes, key=lambda note: (note.day, note.title, note.seen)):
        newest[note.url] = note
    found = sorted(newest.values(), key=_age)[-MAX_PAGES:]
    oldest = _days_before(found[-1].day) if found else ""
    return [note for note in found if note.day >= oldest]


def _age(note: PageNote) -> tuple[str, str]:
    """Pages of one day in an order that prefers none of the site's sections."""
    return note.day, blake2b(note.url.encode(), digest_size=8).hexdigest()


def _days_before(day: str) -> str:
    try:
        return (dt.date.fromisoformat(day) - dt.timedelta(days=MAX_DAYS)).isoformat()
    except (ValueError, OverflowError):
        return ""


def notes_to_json(notes: Sequence[PageNote]) -> bytes:
    """What `notes_of_json` reads: each text with its place once, the pages by number."""
    sizes: dict[Mark, int] = {}
    for seen in (seen for note in notes for seen in note.seen):
        sizes[seen.mark] = max(seen.chars, sizes.get(seen.mark, 0))
    marks = sorted(sizes)
    numbers = {mark: number for number, mark in enumerate(marks)}
    pages = [
        {
            "url": note.url,
            "day": note.day,
            "title": note.title,
            "inside": sorted(numbers[seen.mark] for seen in note.seen if seen.inside),
            "outside": sorted(numbers[seen.mark] for seen in note.seen if not seen.inside),
        }
        for note in notes
    ]
    told = {"schema": SCHEMA, "texts": [[*mark, sizes[mark]] for mark in marks], "pages": pages}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def notes_of_json(data: bytes) -> list[PageNote]:
    """Notes of pages; ValueError where the data holds none."""
    try:
        told: Any = json.loads(data)
        if told["schema"] != SCHEMA:
            raise ValueError(f"a memory of another kind: {told['schema']!r}")
        seen = [(Mark(str(place), str(words)), int(chars)) for place, words, chars in told["texts"]]
        return [_note(page, seen) for page in told["pages"]]
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"no memory: {error!r}") from error


def _note(page: Any, known: Sequence[tuple[Mark, int]]) -> PageNote:
    return PageNote(
        url=str(page["url"]),
        day=str(page["day"]),
        title=str(page["title"]),
        seen=(*_seen(page["inside"], known, inside=True), *_seen(page["outside"], known, inside=False)),
    )


def _seen(numbers: Iterable[int], known: Sequence[tuple[Mark, int]], *, inside: bool) -> Iterator[Seen]:
    for number in numbers:
        mark, chars = known[number]
        yield Seen(mark, chars, inside)
