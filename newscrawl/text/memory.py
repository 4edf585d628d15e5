"""What is learned of a site over its pages: texts that recur at the same kind of place are chrome.

A text counts once for each *story* it stands with, not for each page: a live blog at ten addresses, or a
story that is printed again under another headline, is one story, and its text is no chrome. What looked like
chrome on most of its pages goes when it stands with three stories. What looked like the story's own text must
besides be usual at its kind of place, the more so amid a story, and all of it together be the lesser part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from newscrawl.text.alike import stories_of
from newscrawl.text.blocks import RawBlock
from newscrawl.text.lines import byline_in
from newscrawl.text.notices import MAX_CHARS, notices
from newscrawl.text.sightings import Mark, PageNote, marks_of
from newscrawl.text.view import View

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
