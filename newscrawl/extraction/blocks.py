"""Parsed page -> its visible text as blocks: paragraphs, headings, list items, quotes, tables, captions.

A single walk over the tree produces the blocks that every later step works on. Each block refers to its
frame, the innermost block-level element around it. The frames form the page's outline and carry the class
names, ids and roles that the page gives its parts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import dataclass, field

from lxml import etree
from lxml.html import HtmlElement

from newscrawl.extraction.hiding import HIDDEN_STYLE, find_hiding, is_for_screen_readers, is_hint_class
from newscrawl.extraction.normalize import has_more_chars, normalize_lines, normalize_spaces
from newscrawl.extraction.tags import (
    BLOCK_TAGS,
    BOLD_TAGS,
    IGNORED_TAGS,
    KIND_BY_TAG,
    NAMING_ATTRIBUTES,
    SCREEN_READER_TAGS,
    TEXT_TAGS,
)
from newscrawl.items import BlockKind

MAX_BLOCKS = 20_000
"Blocks read from a page; the text after them is ignored."
_CELL_CHARS = 100
"Cells of data tables are short; a longer average means that the table lays out the page."
_ENDING_CHARS = 40
"Characters at the end of a text that show whether a sentence ends with it."
_ENCLOSING_KINDS: tuple[BlockKind, ...] = ("caption", "quote", "li", "pre")
"Kinds that also apply to the paragraphs inside such an element."
Kinds = tuple[BlockKind, BlockKind | None]
"What a block right inside a frame is, and the innermost kind that also applies to all inside; None if none."
_SENTENCE_END = re.compile(r"[.!?…:;»”\"')\]。！？」』]\s*$")
_INDENT = re.compile(r"\s*(?:\u3000|\u00a0\s?\u00a0)")
"Spaces at the beginning of a paragraph: one ideographic space, or two that do not break."
_HINT_CHARS, _UNSEEN_CHARS = 160, 400
"Longest hint amid a sentence, and text for screen readers; a longer one is a story, or the rest of it."
_WORD_CHARS = 60
"Longest word or term that a page puts into a button or an element of its own."
_GOES_ON = re.compile(r"\s*(?:[,.;:!?)…’'»”-]|[^\W\d_A-ZÀ-ÖØ-Þ])")
"Text that goes on after a word rather than beginning anew."
_DROP_CAP_CLASS = re.compile(
    r"drop-?_?cap|(?:^|[\s_-])let{1,2}rine|first-?letter|initial-?cap|cap-?letter", re.I
)
_DROP_CAP = re.compile(r"[\"“«‘'(]?\s?[^\W\d_]$")
_WHOLE_WORDS = frozenset("AIÀYOÔEÉ")
"Capitals that may be a word, so that a space after them stays."
_NO_WORD = re.compile(r"[^\w\"“”«»„'’$€£%&+=<>/.,;:!?()-]{1,4}")
"Symbols such as the `#` or arrow of a link to a heading."
_QUOTE_MARKS = "\"“”«»„‘’'"
_COUNTED_INLINE_TAGS = frozenset({"a", "q", *BOLD_TAGS})


@dataclass(kw_only=True, slots=True, eq=False)
class Frame:
    """An element that begins a block: a node of the page's outline."""

    index: int
    "Position among the page's frames; a parent's is smaller than its children's."
    element: HtmlElement
    tag: str
    parent: Frame | None
    ident: str
    classes: str
    names: str
    "Values of all its naming attributes, separated by spaces."
    hidden: bool
    "Whether attributes of the element or of an ancestor hide it; style sheets are not read."
    depth: int

    def ancestors(self) -> Iterator[Frame]:
        """The frames around it, innermost first."""
        frame = self.parent
        while frame is not None:
            yield frame
            frame = frame.parent


@dataclass(kw_only=True, slots=True, unsafe_hash=True)
class TextBlock:
    """A paragraph or another unit of visible text, which nothing changes."""

    # Not frozen, since a frozen one takes five times as long to make, and a page has hundreds.

    kind: BlockKind
    text: str
    level: int | None = None
    "1 to 6 for headings, else None."
    frame: Frame
    linked_chars: int = 0
    "Characters inside links."
    link_count: int = 0
    bold_chars: int = 0
    after_line_break: bool = False
    "Whether only line breaks separate it from the block before."

    @property
    def element(self) -> HtmlElement:
        """The innermost block element that holds the text."""
        return self.frame.element

    @property
    def hidden(self) -> bool:
        return self.frame.hidden


def is_block_element(element: HtmlElement) -> bool:
    """Whether an element begins a block: by HTML's own rules, or as a custom element, which mostly do."""
    return element.tag in BLOCK_TAGS or "-" in element.tag


def inner_text(element: HtmlElement) -> str:
    """All text inside an element as a single normalized line, without scripts and the like."""
    return normalize_spaces("".join(list_text(element)))


def list_text_in_python(element: HtmlElement) -> list[str]:
    """Pieces of the text inside an element, with a space where a block begins or ends."""
    pieces: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, part in walk:
        if event == "start":
            if part.tag in IGNORED_TAGS and part is not element:
                walk.skip_subtree()
                continue
            if part.tag in BLOCK_TAGS or part.tag == "br":
                pieces.append(" ")
            pieces.append(part.text or "")
        elif part is not element:
            pieces.append((" " if part.tag in BLOCK_TAGS else "") + (part.tail or ""))
    return pieces


def read_data_table(table: HtmlElement) -> list[list[str]]:
    """Rows of cell texts of a data table; empty for one that lays out the page, be it with bullets."""
    if next(table.iterdescendants("table"), None) is not None:
        return []
    every_row = ([inner_text(cell) for cell in row.iterchildren("td", "th")] for row in table.iter("tr"))
    rows = [row for row in every_row if any(row)]
    cells = [cell for row in rows for cell in row]
    is_grid = len(rows) >= 2 and max(sum(map(bool, row)) for row in rows) >= 2
    return rows if is_grid and sum(map(len, cells)) <= _CELL_CHARS * len(cells) else []


def build_outline(
    root: HtmlElement, *, also: Collection[HtmlElement] = (), without: Collection[HtmlElement] = ()
) -> tuple[list[TextBlock], list[Frame]]:
    """Blocks below `root` in page order, and the frames of all elements that could hold a block.

    Elements in `also` begin a block whatever their tag; elements in `without` are skipped.
    """
    builder = OutlineBuilder()
    walk_outline(root, builder, frozenset(also), frozenset(without))
    builder.end_block()
    return builder.blocks, builder.frames


def walk_outline_in_python(
    root: HtmlElement, builder: OutlineBuilder, extra: Set[HtmlElement], skipped: Set[HtmlElement]
) -> None:
    """Hand all elements and texts of a page to the builder, in page order."""
    walk = etree.iterwalk(root, events=("start", "end"))
    ignored: HtmlElement | None = None
    # Every element of every page passes through this loop, so its checks are inlined rather than called.
    for event, element in walk:
        tag = element.tag
        if event == "start":
            attributes = element.items() if tag in SCREEN_READER_TAGS else ()
            if (
                (tag in IGNORED_TAGS and not (tag == "button" and builder.is_word(element)))
                or (attributes and builder.is_unseen(element, attributes))
                or element in skipped
            ):
                ignored = element
                walk.skip_subtree()
            elif tag in BLOCK_TAGS or builder.is_custom_block(element, tag) or element in extra:
                builder.enter_block(element, tag, attributes or element.items())
                if tag == "table" and builder.add_table(element):
                    walk.skip_subtree()
                elif text := element.text:
                    builder.add_text(text)
            else:
                builder.enter_inline(element, tag)
                if text := element.text:
                    builder.add_text(text)
        else:
            if (frame := builder.frame) is not None and frame.element is element:
                builder.leave_block()
            elif tag in _COUNTED_INLINE_TAGS and element is not ignored:
                builder.leave_inline(element, tag)
            if element is not root and (text := element.tail):
                builder.add_text(text.lstrip() if builder.is_split_word(element, text) else text)


def _is_hint(element: HtmlElement, attributes: Iterable[tuple[str, str]]) -> bool:
    """Whether an element is a part of a sentence that shows only on demand, such as the text of a tooltip."""
    for name, value in attributes:
        if (name == "role" and value == "tooltip") or (name == "class" and is_hint_class(value)):
            return not has_more_chars(element.itertext(), _HINT_CHARS)
        if element.tag in BLOCK_TAGS:
            continue
        if name == "hidden" or (name == "style" and HIDDEN_STYLE.search(value)):
            return not has_more_chars(element.itertext(), _HINT_CHARS)
        if name == "aria-hidden" and value == "true":
            # What has letters is shown, and may be the visible half of a word that is read out otherwise.
            return _NO_WORD.fullmatch(inner_text(element)) is not None
    return False


def _is_link(element: HtmlElement) -> bool:
    """Whether an `a` element leads somewhere; one with a name alone is a place, and often not closed."""
    return element.get("href") is not None or not (element.get("name") or element.get("id"))


def _has_quote_marks(element: HtmlElement) -> bool:
    return (element.text or "").lstrip()[:1] in {*_QUOTE_MARKS}


def _read_drop_cap(image: HtmlElement) -> str | None:
    """The capital that an image shows at the beginning of a word."""
    letter, rest = image.get("alt") or "", image.tail or ""
    return letter if len(letter) == 1 and letter.isupper() and rest[:1].islower() else None


@dataclass(kw_only=True, slots=True)
class _PendingText:
    """Text collected since the last block ended."""

    pieces: list[str] = field(default_factory=list)
    chars: int = 0
    linked_chars: int = 0
    link_count: int = 0
    bold_chars: int = 0
    line_breaks: int = 0
    "Line breaks since the last piece that was not blank."
    after_line_break: bool = False
    last: str = ""
    "The last piece that was not blank."


@dataclass(kw_only=True, slots=True)
class OutlineBuilder:
    """State of the walk over a page, and what each element and text changes in it."""

    blocks: list[TextBlock] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    kinds: list[Kinds] = field(default_factory=list)
    "Those of each frame."
    frame: Frame | None = None
    "The innermost open frame."
    pending: _PendingText = field(default_factory=_PendingText)
    link_depth: int = 0
    bold_depth: int = 0

    def add_text(self, text: str) -> None:
        pending = self.pending
        if text.isspace():
            if pending.pieces:
                pending.pieces.append(" ")
            return
        if pending.line_breaks:
            self._end_line(text)
            pending = self.pending
        pending.pieces.append(text)
        pending.chars += len(text)
        pending.last = text
        if self.link_depth:
            pending.linked_chars += len(text)
        if self.bold_depth:
            pending.bold_chars += len(text)

    def is_word(self, element: HtmlElement) -> bool:
        """Whether an element is a word amid a sentence."""
        tail = element.tail or ""
        return (
            self._is_amid_text()
            and _GOES_ON.match(tail) is not None
            and next(element.iterdescendants(*BLOCK_TAGS), None) is None
            and len(inner_text(element)) <= _WORD_CHARS
        )

    def is_custom_block(self, element: HtmlElement, tag: str) -> bool:
        """Whether an element is the first, or a custom one that is no part of the line around it."""
        if self.frame is None or "-" not in tag:
            return self.frame is None
        is_in_line = self.frame.tag in TEXT_TAGS or self._is_amid_text()
        goes_on = is_in_line or _GOES_ON.match(element.tail or "") is not None
        return not goes_on or next(element.iterdescendants(*BLOCK_TAGS), None) is not None

    def _is_amid_text(self) -> bool:
        """Whether the text so far is a sentence that has not ended."""
        pending = self.pending
        is_open = bool(pending.last) and not pending.line_breaks
        return is_open and _SENTENCE_END.search(pending.last[-_ENDING_CHARS:]) is None

    @staticmethod
    def is_unseen(element: HtmlElement, attributes: Iterable[tuple[str, str]]) -> bool:
        """Whether an element is for screen readers alone, or shows only on demand."""
        signs = find_hiding(attributes)
        if not signs:
            return False
        if is_for_screen_readers(signs):
            return not has_more_chars(element.itertext(), _UNSEEN_CHARS)
        return _is_hint(element, signs)

    @staticmethod
    def is_split_word(element: HtmlElement, rest: str) -> bool:
        """Whether an element is the drop capital of a word whose rest follows after a space."""
        if (
            not rest[0].isspace()
            or rest.isspace()
            or not (classes := element.get("class"))
            or not _DROP_CAP_CLASS.search(classes)
        ):
            return False
        letter = inner_text(element)
        is_letter = _DROP_CAP.fullmatch(letter) is not None and letter[-1] not in _WHOLE_WORDS
        return is_letter and rest.lstrip()[:1].islower()

    def _end_line(self, following: str) -> None:
        """End the paragraph at two <br>, or one after a sentence or bold line, or before an indented one."""
        pending = self.pending
        is_bold = not self.bold_depth and pending.bold_chars == pending.chars
        ending = pending.last[-_ENDING_CHARS:]
        is_end = pending.line_breaks > 1 or _SENTENCE_END.search(ending) or is_bold
        assert self.frame is not None
        if self.kinds[self.frame.index][0] == "pre":
            pending.pieces.append("\n" * pending.line_breaks)
        elif is_end or _INDENT.match(following):
            self.end_block()
            self.pending.after_line_break = True
        else:
            pending.pieces.append(" ")
        self.pending.line_breaks = 0

    def enter_block(self, element: HtmlElement, tag: str, attributes: Iterable[tuple[str, str]]) -> None:
        self.end_block()
        names, hidden = _read_attributes(attributes) if attributes else ({}, False)
        parent = self.frame
        frame = Frame(
            index=len(self.frames),
            element=element,
            tag=tag,
            parent=parent,
            ident=names.get("id", ""),
            classes=names.get("class", ""),
            names=" ".join(names.values()),
            hidden=hidden or (parent is not None and parent.hidden),
            depth=parent.depth + 1 if parent is not None else 0,
        )
        self.kinds.append(nest_kind(tag, None if parent is None else self.kinds[parent.index]))
        self.frames.append(frame)
        self.frame = frame

    def leave_block(self) -> None:
        self.end_block()
        assert self.frame is not None
        self.frame = self.frame.parent

    def enter_inline(self, element: HtmlElement, tag: str) -> None:
        if tag == "br":
            self.pending.line_breaks += 1
        elif tag == "a" and _is_link(element):
            self.link_depth += 1
            self.pending.link_count += 1
        elif tag in BOLD_TAGS:
            self.bold_depth += 1
        elif tag == "q" and not _has_quote_marks(element):
            self.add_text("“")
        elif tag == "img" and (letter := _read_drop_cap(element)):
            self.add_text(letter)

    def leave_inline(self, element: HtmlElement, tag: str) -> None:
        if tag == "a":
            self.link_depth -= _is_link(element)
        elif tag in BOLD_TAGS:
            self.bold_depth -= 1
        elif not _has_quote_marks(element):
            self.add_text("”")

    def end_block(self) -> None:
        """Turn the pending text, if any, into a block."""
        pending = self.pending
        if not (pending.pieces or pending.line_breaks or pending.link_count):
            return
        self.pending = _PendingText()
        joined = "".join(pending.pieces)
        if not joined or joined.isspace() or len(self.blocks) >= MAX_BLOCKS:
            return
        frame = self.frame
        assert frame is not None
        kind = self.kinds[frame.index][0]
        if joined[:1].islower() and (letter := self._pop_drop_cap()):
            joined = letter + joined
        if text := normalize_lines(joined) if kind == "pre" else normalize_spaces(joined):
            self.blocks.append(
                TextBlock(
                    kind=kind,
                    text=text,
                    level=_heading_level(frame) if kind == "h" else None,
                    frame=frame,
                    linked_chars=pending.linked_chars,
                    link_count=pending.link_count,
                    bold_chars=pending.bold_chars,
                    after_line_break=pending.after_line_break,
                )
            )

    def _pop_drop_cap(self) -> str | None:
        """Remove the block before if it is the drop capital of this one, and return its text."""
        last = self.blocks[-1] if self.blocks else None
        if last is None or last.kind not in {"p", "h"} or not _DROP_CAP.fullmatch(last.text):
            return None
        if not last.text[-1].isupper():
            return None
        self.blocks.pop()
        return last.text + " " * (last.text[-1] in "ÀYÔ")

    def add_table(self, element: HtmlElement) -> bool:
        """Add a data table as a single block with a line for each row; whether it is one."""
        rows = read_data_table(element)
        if rows and len(self.blocks) < MAX_BLOCKS:
            assert self.frame is not None
            links = list(element.iterdescendants("a"))
            self.blocks.append(
                TextBlock(
                    kind="table",
                    text="\n".join(" | ".join(cells) for cells in rows),
                    frame=self.frame,
                    linked_chars=sum(len(inner_text(link)) for link in links),
                    link_count=len(links),
                )
            )
        return bool(rows)


def nest_kind(tag: str, around: Kinds | None) -> Kinds:
    """The kinds of a frame: its innermost, unless a quote, list item or caption encloses it."""
    own = KIND_BY_TAG.get(tag)
    if own is None:
        return around or ("p", None)
    if own in _ENCLOSING_KINDS:
        return own, own
    if around is None or (enclosing := around[1]) is None:
        return own, None
    return "h" if own == "h" and enclosing != "li" else enclosing, enclosing


def _read_attributes(attributes: Iterable[tuple[str, str]]) -> tuple[dict[str, str], bool]:
    """The naming attributes of an element, and whether its attributes hide it."""
    names: dict[str, str] = {}
    hidden = False
    for name, value in attributes:
        if name in NAMING_ATTRIBUTES:
            names[name] = value
        elif name == "style":
            hidden = hidden or HIDDEN_STYLE.search(value) is not None
        elif name == "hidden":
            hidden = True
    return names, hidden


def _heading_level(frame: Frame | None) -> int | None:
    while frame is not None and KIND_BY_TAG.get(frame.tag) != "h":
        frame = frame.parent
    return int(frame.tag[1]) if frame is not None else None


try:
    from newscrawl.extraction.compiled_walk import list_text, walk_outline
except (ImportError, TypeError, ValueError):  # not compiled here, or for another lxml
    list_text, walk_outline = list_text_in_python, walk_outline_in_python
