"""A tree -> its visible text as blocks: paragraphs, headings, list items, quotes, tables, captions.

One walk over the page; every judge of text works on what comes out of it. A block knows the frame it stands
in (the innermost block element), and the frames form the page's outline with all names that were given to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from lxml import etree
from lxml.html import HtmlElement

from newscrawl.extraction.normalize import tidy, tidy_lines
from newscrawl.items import BlockKind

# fmt: off
SILENT = frozenset({
    "script", "style", "noscript", "template", "head", "title", "meta", "link", "svg", "math",
    "iframe",     "object", "embed", "video", "audio", "canvas", "map", "area", "select", "option",
    "datalist", "textarea", "button",
    "input", "dialog", "param", "source", "track",
})
"Nothing in them is read."
KINDS: dict[str, BlockKind] = {
    "p": "p", "li": "li", "dt": "p", "dd": "p", "blockquote": "quote", "figcaption": "caption",
    "caption": "caption",
    "pre": "pre", "h1": "h", "h2": "h", "h3": "h", "h4": "h", "h5": "h", "h6": "h",
}
BREAKING = frozenset(KINDS) | {
    "html", "body", "div", "section", "article", "main", "header", "footer", "aside", "nav", "ul", "ol",
    "menu", "dl", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "form", "fieldset", "figure",
    "address", "hr",
    "center", "details", "summary",
}
"Elements that begin a block."
NAMING = frozenset({
    "class", "id", "role", "itemprop",
    "data-testid", "data-component", "data-type", "data-block", "data-module",
})
"Attributes whose values tell what an element is for."
# fmt: on


def is_breaking(element: HtmlElement) -> bool:
    """Whether an element begins a block: by HTML's own rules, and custom elements, which mostly do."""
    return element.tag in BREAKING or "-" in element.tag


def _pieces(element: HtmlElement) -> Iterator[str]:
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, part in walk:
        if event == "start":
            if part.tag in SILENT and part is not element:
                walk.skip_subtree()
                continue
            if part.tag in BREAKING or part.tag == "br":
                yield " "
            yield part.text or ""
        elif part is not element:
            yield (" " if part.tag in BREAKING else "") + (part.tail or "")


def text_of(element: HtmlElement) -> str:
    """All text inside an element as one tidy line, without scripts and the like."""
    return tidy("".join(_pieces(element)))


_CELL_TEXT = 100
"Cells of tables of figures are short; longer ones on average mean a table that lays out the page."


def data_rows(table: HtmlElement) -> list[list[str]]:
    """Rows of cell texts of a table of data; none when it only lays out the page."""
    if next(table.iterdescendants("table"), None) is not None:
        return []
    rows = [row for row in map(_cells, table.iterdescendants("tr")) if any(row)]
    cells = [cell for row in rows for cell in row]
    if not rows or max(map(len, rows)) < 2 or len(rows) < 2 or sum(map(len, cells)) > _CELL_TEXT * len(cells):
        return []
    return rows


def _cells(row: HtmlElement) -> list[str]:
    return [tidy(text_of(cell)) for cell in row.iterchildren("td", "th")]


MAX_BLOCKS = 20_000
"No page has more; what follows is left unread."
_OUTER: tuple[BlockKind, ...] = ("caption", "quote", "li", "pre")
"Kinds that a paragraph inside takes over."
_ENDS_SENTENCE = re.compile(r"[.!?…:;»”\"')\]]\s*$")
_FOR_EARS = re.compile(r"(?:^|[\s_-])(?:sr-only|visually-?hidden|screen-reader(?:-text)?)(?:$|[\s_-])", re.I)
_CLIPPED = re.compile(r"clip(?:-path)?\s*:\s*(?:rect\(\s*(?:0|1px)|inset\(\s*(?:50|100)%)", re.I)
_SPEAKING = frozenset({"span", "div", "p", "b", "em", "a", "h2", "h3"})
"Names of what only screen readers say, such as `opens new tab` after a link."
_STRONG = frozenset({"b", "strong"})
_INLINE = frozenset({"a", *_STRONG})


@dataclass(kw_only=True, slots=True, eq=False)
class Frame:
    """An element that begins a block."""

    index: int
    "Place among the page's frames; a parent's is smaller than its children's."
    element: HtmlElement
    tag: str
    parent: Frame | None
    ident: str
    classes: str
    names: str
    "Values of all attributes that name it, divided by spaces."
    hidden: bool
    "Hidden by attributes of its own or of an element above; style sheets are not read."
    depth: int

    def above(self) -> Iterator[Frame]:
        """The frames around it, innermost first."""
        frame = self.parent
        while frame is not None:
            yield frame
            frame = frame.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class RawBlock:
    kind: BlockKind
    text: str
    level: int | None = None
    frame: Frame
    linked: int = 0
    "Characters inside links."
    links: int = 0
    strong: int = 0
    "Characters in bold print."
    broken: bool = False
    "Divided from the block before by line breaks alone."

    @property
    def element(self) -> HtmlElement:
        """The innermost block element that holds the text."""
        return self.frame.element

    @property
    def hidden(self) -> bool:
        return self.frame.hidden


@dataclass(kw_only=True, slots=True)
class _Run:
    """Text collected since the last block ended."""

    pieces: list[str] = field(default_factory=list)
    linked: int = 0
    links: int = 0
    strong: int = 0
    breaks: int = 0
    broken: bool = False
    last: str = ""
    "End of the last piece that was not blank."


@dataclass(kw_only=True, slots=True)
class _Walker:
    found: list[RawBlock] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    open: list[Frame] = field(default_factory=list)
    run: _Run = field(default_factory=_Run)
    in_link: int = 0
    in_strong: int = 0

    def text(self, text: str) -> None:
        run = self.run
        if text.isspace():
            if run.pieces:
                run.pieces.append(" ")
            return
        if run.breaks:
            self._line_break()
            run = self.run
        run.pieces.append(text)
        run.last = text[-40:]
        if self.in_link:
            run.linked += len(text)
        if self.in_strong:
            run.strong += len(text)

    def _line_break(self) -> None:
        """One <br> ends a paragraph only after a sentence or a line in bold; two always do."""
        run = self.run
        if _kind_of(self.open[-1]) == "pre":
            run.pieces.append("\n" * run.breaks)
        elif run.breaks > 1 or _ENDS_SENTENCE.search(run.last) or self._is_bold():
            self.flush()
            self.run.broken = True
        else:
            run.pieces.append(" ")
        self.run.breaks = 0

    def _is_bold(self) -> bool:
        written = sum(len(piece) for piece in self.run.pieces if not piece.isspace())
        return not self.in_strong and self.run.strong == written

    def enter(self, element: HtmlElement, tag: str, attributes: Iterable[tuple[str, str]]) -> None:
        """A block element begins."""
        self.flush()
        parent = self.open[-1] if self.open else None
        names, hidden = _named(attributes) if attributes else ({}, False)
        frame = Frame(
            index=len(self.frames),
            element=element,
            tag=tag,
            parent=parent,
            ident=names.get("id", ""),
            classes=names.get("class", ""),
            names=" ".join(names.values()),
            hidden=hidden or (parent is not None and parent.hidden),
            depth=parent.depth + 1 if parent else 0,
        )
        self.frames.append(frame)
        self.open.append(frame)

    def leave(self) -> None:
        self.flush()
        self.open.pop()

    def flush(self) -> None:
        """End the block at hand."""
        run = self.run
        if not (run.pieces or run.breaks or run.links):
            return
        self.run = _Run()
        joined = "".join(run.pieces)
        if not joined or joined.isspace() or len(self.found) >= MAX_BLOCKS:
            return
        frame = self.open[-1]
        kind = _kind_of(frame)
        text = tidy_lines(joined) if kind == "pre" else tidy(joined)
        if text:
            level = _level(frame) if kind == "h" else None
            self.found.append(
                RawBlock(
                    kind=kind, text=text, level=level, frame=frame,
                    linked=run.linked, links=run.links, strong=run.strong, broken=run.broken,
                )
            )  # fmt: skip

    def table(self, element: HtmlElement, rows: list[list[str]]) -> None:
        """A table of data is one block, a row a line."""
        if len(self.found) < MAX_BLOCKS:
            text = "\n".join(" | ".join(cells) for cells in rows)
            links = list(element.iterdescendants("a"))
            linked = sum(len(text_of(link)) for link in links)
            frame = self.open[-1]
            self.found.append(RawBlock(kind="table", text=text, frame=frame, linked=linked, links=len(links)))


def outline_of(
    root: HtmlElement, *, also: Collection[HtmlElement] = (), without: Collection[HtmlElement] = ()
) -> tuple[list[RawBlock], list[Frame]]:
    """Blocks below `root` in page order, and the frames of the elements that could hold one.

    `also` are elements that begin a block whatever they are, `without` those that are not read.
    """
    out = _Walker()
    begins, skipped = frozenset(also), frozenset(without)
    walk = etree.iterwalk(root, events=("start", "end"))
    silent: HtmlElement | None = None
    # Every element of every page comes through here: what is asked of all is written out, not called.
    for event, element in walk:
        tag = element.tag
        if event == "start":
            named = element.items() if tag in _SPEAKING else ()
            if tag in SILENT or (named and _is_for_ears(named)) or element in skipped:
                silent = element
                walk.skip_subtree()
            elif tag in BREAKING or "-" in tag or not out.open or element in begins:
                out.enter(element, tag, named or element.items())
                if tag == "table" and (rows := data_rows(element)):
                    out.table(element, rows)
                    walk.skip_subtree()
                elif text := element.text:
                    out.text(text)
            else:
                _enter_inline(out, tag)
                if text := element.text:
                    out.text(text)
        else:
            if out.open and out.open[-1].element is element:
                out.leave()
            elif tag in _INLINE and element is not silent:
                _leave_inline(out, tag)
            if element is not root and (text := element.tail):
                out.text(text)
    out.flush()
    return out.found, out.frames


def _is_for_ears(named: Iterable[tuple[str, str]]) -> bool:
    """Whether only screen readers are meant to say it, by its name or by being clipped to nothing."""
    for name, value in named:
        if name == "class" and _is_named_for_ears(value):
            return True
        if name == "style" and "absolute" in value and _CLIPPED.search(value):
            return True
    return False


@lru_cache(maxsize=8192)
def _is_named_for_ears(classes: str) -> bool:
    return _FOR_EARS.search(classes) is not None


def _enter_inline(out: _Walker, tag: str) -> None:
    if tag == "br":
        out.run.breaks += 1
    elif tag == "a":
        out.in_link += 1
        out.run.links += 1
    elif tag in _STRONG:
        out.in_strong += 1


def _leave_inline(out: _Walker, tag: str) -> None:
    if tag == "a":
        out.in_link -= 1
    else:
        out.in_strong -= 1


def _named(attributes: Iterable[tuple[str, str]]) -> tuple[dict[str, str], bool]:
    """What an element is called by which attribute, and whether its attributes hide it."""
    names: dict[str, str] = {}
    hidden = False
    for name, value in attributes:
        if name in NAMING:
            names[name] = value
        elif name == "style":
            hidden = hidden or "display:none" in value.replace(" ", "").lower()
        elif name == "hidden":
            hidden = True
    return names, hidden


def _kind_of(frame: Frame | None) -> BlockKind:
    """By the innermost element with a kind, unless a quote, list item or caption is around it."""
    inner: BlockKind | None = None
    while frame is not None:
        kind = KINDS.get(frame.tag)
        if kind is not None:
            inner = inner or kind
            if kind in _OUTER:
                return "h" if inner == "h" and kind != "li" else kind
        frame = frame.parent
    return inner or "p"


def _level(frame: Frame | None) -> int | None:
    while frame is not None and KINDS.get(frame.tag) != "h":
        frame = frame.parent
    return int(frame.tag[1]) if frame is not None else None
