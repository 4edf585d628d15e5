"""Boxes that their headings or names set apart from the story: facts, summaries, galleries."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.containers import Containers, ContainerTotals
from newscrawl.extraction.normalize import match_key, normalize_spaces
from newscrawl.extraction.phrases import find_phrase
from newscrawl.extraction.tags import IGNORED_TAGS
from newscrawl.package_data import read_package_toml

SUMMARY_BLOCKS = 4
"First blocks of a story, among which a summary begins."
_SUMMARY_RATIO = 2
"How many times as long as its summary a story is."
_LABEL_CHARS = 90
_MAX_BLOCK_CHARS = 700
"A box with a longer paragraph tells a story of its own."
_BOX_TAGS = frozenset({"aside", "section", "details", "fieldset"})
_SUMMARY_TAGS = _BOX_TAGS | {"div", "blockquote"}
_BOX_NAME = re.compile(
    r"box|boks|ruta|kasten|kader|encadre|fact|fakt|aside|sidebar|callout|panel|inset|recuadro|"
    r"despiece|destaque|"
    r"highlight|glance|info|note|background|border|accordion|summary|takeaway|key-?points?|repere"
)
"In small letters, which are searched for several times faster."
_FACT_NAME = re.compile(
    r"(?:^|[\s_-])(?:fact-?_?(?:box|file)|fakta-?_?(?:boks|ruta|box)|fakten-?_?box)(?:$|[\s_-])", re.I
)
"Names that need no label."
_INFO_NAME = re.compile(r"(?:^|[\s_-])info-?_?(?:box|boks|kasten|ruta)(?:$|[\s_-])", re.I)
"Boxes of all kinds have such names; they count only where the classifier took the box for none of the text."
_NO_FACTS_NAME = re.compile(
    r"author|newsletter|promo|relat|recommend|subscri|abonn|shar(?:e|ing)|social|comment|advert|sponsor|donat|"
    r"sidebar|(?<![a-z])(?:ads?|nav|menu|footer|bio|card|teaser)(?![a-z])"
)
FACT_BOX = "fact_box"
_MAX_BOX_CHARS, _MIN_BOX_CHARS = 3_000, 30
_MAX_LINKED = 0.5
"Boxes with a larger share of text in links lead to other pages."
_FIRST_LINES = 2
"Lines of a box among which an offer or a label of other stories shows what it is."
_MAX_LEVELS = 30
_NAMED_LEVELS = 2
"Elements around a block among which its box is searched for, and those around a box that must not name it."
_MAX_PICTURES = 100
_CAPTION_CHARS = 250
"A gallery with a longer text in it is a part of the story."
_GALLERY_NAME = re.compile(
    r"carr?ousel|slide-?_?show|gallery|galerie|galeria|diaporama|bildstrecke|fotostrecke|bilderstrecke|bildspel|"
    r"bildeserie|fotoserie"
)
_FIRST_ELEMENTS = 30
"Elements of a box among which its first text is searched for."
_HEADING_TAGS = frozenset(
    {"h1", "h2", "h3", "h4", "h5", "h6", "p", "li", "dt", "summary", "legend", "strong", "b"}
)
_SECTIONS, _MAX_SECTIONS = 2, 30
"""So many other sections of the same look with headings of their own show that `The facts` heads a part of
the story; and how many sections are read."""
_MAX_FRAMES = 400
"Elements of a page whose first line is read."
_ITEM_NUMBER = re.compile(r"\W{0,3}\d{1,3}\s?[.):–-]")


def find_labelled_boxes(blocks: Sequence[TextBlock], containers: Containers) -> dict[int, str]:
    """Why blocks are none of the story, by identity: `fact_box` or `summary`."""
    total = sum(len(block.text) for block in blocks)
    reasons: dict[int, str] = {}
    alike = _group_sections(containers)
    for frame, totals in islice(_possible_boxes(containers), _MAX_FRAMES):
        inside = blocks[totals.first : totals.first + totals.items]
        reason = _read_box(frame, totals, total, inside[-1].text)
        if reason == FACT_BOX and _divides_story(alike.get(_read_look(frame), ())):
            continue
        if reason is not None and all(len(block.text) <= _MAX_BLOCK_CHARS for block in inside):
            reasons |= {id(block): reason for block in inside if id(block) not in reasons}
    return reasons


def find_boxes_beside(
    blocks: Sequence[TextBlock], story: Sequence[int], dropped: Sequence[int], unlikely: Sequence[int]
) -> list[list[int]]:
    """The boxes of facts that a story has beside its text: for each the positions of its blocks.

    All but the blocks are positions among them: of the text, of what was dropped from it as a box of facts,
    and of what the classifier left out. A box of these stands between the paragraphs, or beside one in the
    same element.
    """
    if not story:
        return []
    around = _collect_frames(blocks[at].frame for at in story)
    holders = {parent.index for at in story if (parent := blocks[at].frame.parent) is not None}
    certain = set(dropped)
    boxes: dict[int, list[int]] = defaultdict(list)
    frames: dict[int, Frame] = {}
    decisions: dict[tuple[int, bool], Frame | None] = {}
    in_box: dict[int, bool] = {}
    for at in sorted({*dropped, *unlikely}):
        frame, is_amid = blocks[at].frame, at in certain or story[0] < at < story[-1]
        if (frame.index, is_amid) not in decisions:
            is_in_box = _is_in_box(frame, around, in_box)
            decisions[frame.index, is_amid] = (
                _find_box_around(frame, around, None if is_amid else holders) if is_in_box else None
            )
        box = decisions[frame.index, is_amid] or (frame if at in certain else None)
        if box is not None:
            frames[box.index] = box
            boxes[box.index].append(at)
    found: list[list[int]] = []
    for index, places in boxes.items():
        inside = [blocks[at] for at in places]
        is_above = places[-1] < story[0]
        is_certain = not certain.isdisjoint(places)
        if _holds_facts(frames[index], inside, is_above=is_above) and (is_certain or _is_short_box(inside)):
            found.append([at for at in places if find_phrase(blocks[at].text) is None])
    return found


def _collect_frames(inner: Iterable[Frame]) -> set[int]:
    """Indexes of elements and of all elements around them."""
    found: set[int] = set()
    for frame in inner:
        for around in (frame, *frame.ancestors()):
            if around.index in found:
                break
            found.add(around.index)
    return found


def _is_in_box(frame: Frame, story: Container[int], known: dict[int, bool]) -> bool:
    """Whether an element around a block may be a box and has nothing of the story in it.

    `known` has what was found for other elements: most are in no box, and share those around them.
    """
    unread: list[Frame] = []
    here: Frame | None = frame
    while here is not None and here.index not in known and here.index not in story:
        unread.append(here)
        here = here.parent
    is_inside = here is not None and known.get(here.index, False)
    for part in reversed(unread):
        is_inside = known[part.index] = is_inside or _may_be_box(part)
    return is_inside


def _find_box_around(frame: Frame, story: Container[int], beside: Container[int] | None) -> Frame | None:
    """The widest element around a block that is a box of facts and has nothing of the story in it.

    `story` has the indexes of the elements around the text; `beside` those of which the outermost such
    element has to be a child, or None where its place does not matter.
    """
    found: list[Frame] = []
    outermost = frame
    for around in islice((frame, *frame.ancestors()), _MAX_LEVELS):
        if around.index in story:
            break
        outermost = around
        if _may_be_box(around):
            found.append(around)
    parent = outermost.parent
    if not found or (beside is not None and (parent is None or parent.index not in beside)):
        return None
    return next((box for box in reversed(found) if _is_named_for_facts(box) or _is_labelled(box)), None)


def _may_be_box(frame: Frame) -> bool:
    return frame.tag in _BOX_TAGS or _is_box_name(frame.names)


@lru_cache(maxsize=16_384)
def _is_box_name(names: str) -> bool:
    return _BOX_NAME.search(names.lower()) is not None


def _is_named_for_facts(frame: Frame) -> bool:
    return _FACT_NAME.search(frame.names) is not None or (
        _INFO_NAME.search(frame.names) is not None
        and next(frame.element.iter("table", "dl", "aside"), None) is not None
    )


def _is_labelled(frame: Frame) -> bool:
    label = _first_line(frame.element)
    return 0 < len(label) <= _LABEL_CHARS and _label_pattern(FACT_BOX).match(match_key(label)) is not None


def _holds_facts(box: Frame, inside: Sequence[TextBlock], *, is_above: bool) -> bool:
    """Whether a box has neither an offer, nor other stories, nor a summary in it.

    All of these may be in a box with such a name; the label of a summary above the text may fit both.
    """
    around = (box, *islice(box.ancestors(), _NAMED_LEVELS))
    label = match_key(inside[0].text)
    is_summary = _label_pattern("summary").match(label) is not None and (
        is_above or not _label_pattern(FACT_BOX).match(label)
    )
    chars, linked_chars = (
        sum(len(block.text) for block in inside),
        sum(block.linked_chars for block in inside),
    )
    return not (
        is_summary
        or linked_chars > _MAX_LINKED * chars
        or any(find_phrase(block.text) is not None for block in inside[:_FIRST_LINES])
        or any(_NO_FACTS_NAME.search(frame.names.lower()) for frame in around)
    )


def _is_short_box(inside: Sequence[TextBlock]) -> bool:
    chars = sum(len(block.text) for block in inside)
    return (
        (len(inside) > 1 or inside[0].kind == "table")
        and _MIN_BOX_CHARS <= chars <= _MAX_BOX_CHARS
        and all(block.kind == "table" or len(block.text) <= _MAX_BLOCK_CHARS for block in inside)
    )


def _possible_boxes(containers: Containers) -> Iterator[tuple[Frame, ContainerTotals]]:
    return (
        (frame, totals)
        for frame, totals in containers.frames()
        if frame.tag in _SUMMARY_TAGS and containers.is_part(totals)
    )


def _read_look(frame: Frame) -> tuple[int, str, str]:
    """What sections of a story have in common: the element around them, their tag and their classes."""
    return frame.parent.index if frame.parent else -1, frame.tag, frame.classes


def _group_sections(containers: Containers) -> dict[tuple[int, str, str], list[Frame]]:
    """Some of the elements around the blocks in groups that look the same, without those made for asides."""
    alike: dict[tuple[int, str, str], list[Frame]] = defaultdict(list)
    for frame, _ in containers.frames():
        group = alike[_read_look(frame)] if frame.tag in _SUMMARY_TAGS - {"aside"} else []
        if len(group) < _MAX_SECTIONS and not _FACT_NAME.search(frame.names):
            group.append(frame)
    return alike


def _divides_story(sections: Sequence[Frame]) -> bool:
    """Whether several elements that look the same have headings of their own."""
    if len(sections) <= _SECTIONS:
        return False
    labels = [_first_line(frame.element) for frame in sections]
    headings = [match_key(label) for label in labels if 0 < len(label) <= _LABEL_CHARS]
    return sum(not _label_pattern(FACT_BOX).match(heading) for heading in headings) >= _SECTIONS


def _read_box(frame: Frame, totals: ContainerTotals, total: int, last: str) -> str | None:
    """What kind of box an element is: by its names, or by the label that its first line is.

    `total` counts the characters of the story, and `last` is the last text in the box.
    """
    if _FACT_NAME.search(frame.names):
        return FACT_BOX
    begins_early = totals.first < SUMMARY_BLOCKS
    is_box = _may_be_box(frame)
    if not is_box and not begins_early:
        return None
    label = _first_line(frame.element)
    if not label or len(label) > _LABEL_CHARS:
        return None
    key = match_key(label)
    is_summed_up = begins_early and total - totals.chars >= _SUMMARY_RATIO * totals.chars
    if is_summed_up and (
        _label_pattern("summary").match(key) or says_machine_made(label) or says_machine_made(last)
    ):
        return "summary"
    return FACT_BOX if is_box and _label_pattern(FACT_BOX).match(key) else None


def _first_line(element: HtmlElement) -> str:
    """The first text in an element, with the rest of its line."""
    for part in islice(element.iter(), _FIRST_ELEMENTS):
        if not isinstance(part.tag, str) or part.tag in IGNORED_TAGS or not normalize_spaces(part.text or ""):
            continue
        around = [part, *part.iterancestors()]
        inside = around[: around.index(element)] if part is not element else []
        line = next((above for above in reversed(inside) if above.tag in _HEADING_TAGS), part)
        texts = islice(line.itertext(), _FIRST_ELEMENTS) if line is not element else [part.text or ""]
        return normalize_spaces("".join(texts))
    return ""


@cache
def _label_pattern(kind: str) -> re.Pattern[str]:
    """A label as a whole line, with its topic if it has one."""
    data = read_package_toml("newscrawl.extraction", "box_labels.toml")
    labels, topics = ("|".join(re.escape(match_key(text)) for text in data[key]) for key in (kind, "topics"))
    return re.compile(rf"(?:{labels})(?:\s?[:/|-]\s?.+|\s(?:{topics})\s.+)?$")


@cache
def _made_starts() -> tuple[str, ...]:
    data = read_package_toml("newscrawl.extraction", "box_labels.toml")
    return tuple(match_key(text) for text in data["made"])


def says_machine_made(text: str) -> bool:
    """Whether a line says who or what wrote the summary of the story."""
    return len(text) <= 4 * _LABEL_CHARS and match_key(text).startswith(_made_starts())


def find_galleries(blocks: Sequence[TextBlock], containers: Containers) -> set[int]:
    """Identities of the captions in carousels and galleries, if most of the story is outside.

    Sites name all kinds of sliding boxes so; a gallery has several pictures, and no more texts than those
    and their counters.
    """
    boxes = [
        frame
        for frame, totals in islice(containers.frames(), 10 * _MAX_FRAMES)
        if containers.is_part(totals)
        and _GALLERY_NAME.search(frame.names.lower())
        and _has_pictures(frame.element, totals.items)
    ]
    if not boxes:
        return set()
    inside = containers.blocks_inside({frame.index for frame in boxes})
    captions = [block for block in blocks if id(block) in inside]
    is_list = sum(block.kind == "h" or _ITEM_NUMBER.match(block.text) is not None for block in captions) > 1
    chars = sum(len(block.text) for block in captions)
    too_long = any(len(block.text) > _CAPTION_CHARS for block in captions)
    if is_list or too_long or 2 * chars > sum(len(block.text) for block in blocks):
        return set()
    return inside


def _has_pictures(element: HtmlElement, texts: int) -> bool:
    pictures = sum(1 for _ in islice(element.iterdescendants("img"), _MAX_PICTURES))
    return pictures > 1 and texts <= 2 * pictures
