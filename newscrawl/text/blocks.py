"""A tree -> its visible text as blocks: paragraphs, headings, list items, quotes, tables, captions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree
from lxml.html import HtmlElement

from newscrawl.parts import BlockKind
from newscrawl.text.folding import tidy, tidy_lines

MAX_BLOCKS = 20_000
"No page has more; what follows is left unread."
SILENT = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "head",
        "title",
        "meta",
        "link",
        "svg",
        "math",
        "iframe",
        "object",
        "embed",
        "video",
        "audio",
        "canvas",
        "map",
        "area",
        "select",
        "option",
        "datalist",
        "textarea",
        "button",
        "input",
        "dialog",
        "param",
        "source",
        "track",
    ]
)
# The second half are the names trafilatura gives in its own trees.
_KINDS: dict[str, BlockKind] = {
    "p": "p", "li": "li", "dt": "p", "dd": "p", "blockquote": "quote", "figcaption": "caption",
    "caption": "caption",
    "pre": "pre", "h1": "h", "h2": "h", "h3": "h", "h4": "h", "h5": "h", "h6": "h",
    "head": "h", "item": "li", "quote": "quote", "code": "pre",
}  # fmt: skip
_BREAKING = frozenset(_KINDS) - {"head", "code"} | frozenset(
    [
        "html",
        "body",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "aside",
        "nav",
        "ul",
        "ol",
        "dl",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "form",
        "fieldset",
        "figure",
        "address",
        "hr",
        "center",
        "details",
        "summary",
        "list",
        "row",
        "cell",
    ]
)
_OUTER: tuple[BlockKind, ...] = ("caption", "quote", "li", "pre")
"Kinds that a paragraph inside takes over."
_ENDS_SENTENCE = re.compile(r"[.!?…:;»”\"')\]]\s*$")
_CELL_TEXT = 100
"Cells of tables of figures are short; longer ones on average mean a table that lays out the page."


@dataclass(frozen=True, kw_only=True, slots=True)
class RawBlock:
    kind: BlockKind
    text: str
    level: int | None = None
    element: HtmlElement
    "The innermost block element that holds the text."


@dataclass(slots=True)
class _Collector:
    """Text runs between block boundaries."""

    found: list[RawBlock] = field(default_factory=list)
    open: list[tuple[HtmlElement, BlockKind | None]] = field(default_factory=list)
    buffer: list[str] = field(default_factory=list)
    breaks: int = 0
    last: str = ""
    "End of the last piece that was not blank."

    def text(self, text: str | None) -> None:
        if text and not text.isspace():
            if self.breaks:
                self._line_break()
            self.buffer.append(text)
            self.last = text[-40:]
        elif text:
            self.buffer.append(" ")

    def _line_break(self) -> None:
        """One <br> ends a paragraph only after a sentence; two always do."""
        if self.kind == "pre":
            self.buffer.append("\n" * self.breaks)
        elif self.breaks > 1 or _ENDS_SENTENCE.search(self.last):
            self.flush()
        else:
            self.buffer.append(" ")
        self.breaks = 0

    @property
    def kind(self) -> BlockKind:
        kinds = [kind for _, kind in self.open if kind]
        outer = next((kind for kind in reversed(kinds) if kind in _OUTER), None)
        return "h" if kinds and kinds[-1] == "h" and outer != "li" else outer or "p"

    def flush(self) -> None:
        joined, self.buffer, self.breaks, self.last = "".join(self.buffer), [], 0, ""
        if not self.open or not (joined and not joined.isspace()):
            return
        kind = self.kind
        text = tidy_lines(joined) if kind == "pre" else tidy(joined)
        if text and len(self.found) < MAX_BLOCKS:
            element = self.open[-1][0]
            level = _level(self.open) if kind == "h" else None
            self.found.append(RawBlock(kind=kind, text=text, level=level, element=element))


def _level(opened: list[tuple[HtmlElement, BlockKind | None]]) -> int | None:
    element = next(element for element, kind in reversed(opened) if kind == "h")
    name = element.get("rend") or element.tag
    return int(name[-1]) if name[-1:] in set("123456") else None


def blocks_of(root: HtmlElement, *, hidden: bool = True) -> list[RawBlock]:
    """Blocks below `root` in page order; `hidden=False` leaves out what a style or attribute hides."""
    out = _Collector()
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            if (tag in SILENT and not _is_heading(element)) or (not hidden and is_hidden(element)):
                walk.skip_subtree()
            elif tag == "table" and (rows := _data_rows(element)):
                _table(out, element, rows)
                walk.skip_subtree()
            else:
                _enter(out, element, tag)
        else:
            _leave(out, element)
            if element is not root:
                out.text(element.tail)
    out.flush()
    return out.found


def _is_heading(element: HtmlElement) -> bool:
    return element.tag == "head" and element.get("rend") is not None


def is_hidden(element: HtmlElement) -> bool:
    """Hidden by its own attributes; style sheets are not read."""
    style = element.get("style")
    hides = style is not None and "display:none" in style.replace(" ", "").lower()
    return hides or element.get("hidden") is not None


def _enter(out: _Collector, element: HtmlElement, tag: str) -> None:
    if tag in {"br", "lb"}:
        out.breaks += 1
    elif tag in _BREAKING or _is_heading(element) or not out.open:
        out.flush()
        out.open.append((element, _KINDS.get(tag)))
    out.text(element.text)


def _leave(out: _Collector, element: HtmlElement) -> None:
    if out.open and out.open[-1][0] is element:
        out.flush()
        out.open.pop()


def _table(out: _Collector, element: HtmlElement, rows: list[list[str]]) -> None:
    out.flush()
    text = "\n".join(" | ".join(cells) for cells in rows)
    if len(out.found) < MAX_BLOCKS:
        out.found.append(RawBlock(kind="table", text=text, element=element))


def _data_rows(table: HtmlElement) -> list[list[str]]:
    """Rows of cell texts of a table of data; none when it only lays out the page."""
    if next(table.iterdescendants("table"), None) is not None:
        return []
    rows = [row for row in map(_cells, table.iterdescendants("tr", "row")) if any(row)]
    cells = [cell for row in rows for cell in row]
    if not rows or max(map(len, rows)) < 2 or len(rows) < 2 or sum(map(len, cells)) > _CELL_TEXT * len(cells):
        return []
    return rows


def _cells(row: HtmlElement) -> list[str]:
    return [tidy(text_of(cell)) for cell in row.iterchildren("td", "th", "cell")]


def _pieces(element: HtmlElement) -> Iterator[str]:
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, part in walk:
        if event == "start":
            if part.tag in SILENT and part is not element:
                walk.skip_subtree()
                continue
            if part.tag in _BREAKING or part.tag in {"br", "lb"}:
                yield " "
            yield part.text or ""
        elif part is not element:
            yield (" " if part.tag in _BREAKING else "") + (part.tail or "")


def text_of(element: HtmlElement) -> str:
    """All text inside an element as one tidy line, without scripts and the like."""
    return tidy("".join(_pieces(element)))
