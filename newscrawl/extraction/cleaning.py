"""Line rules: what is left of chrome among a story's own blocks, found by position and wording."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from newscrawl.extraction.blocks import Frame, RawBlock
from newscrawl.extraction.metadata.date_parser import is_date_line
from newscrawl.extraction.normalize import key
from newscrawl.extraction.phrases import Phrase, phrase_of

MIN_ITEMS = 3
_LINKED_OF_LISTS = 0.6
_LISTED = 0.35
"Share of links in a list whose every item holds one."
_ITEM_CHARS = 160
_TEASER_CHARS = 120
"Items of such a list, and blocks of such a box, are no longer on average."
_MOST = 0.35
"A container with a larger share of the story's text is the story, whatever it holds."
_MIN_STORY = 250
"So much text makes a story; where the first article has less, the others may be its parts."


@dataclass(slots=True)
class _Sum:
    first: RawBlock
    items: int = 0
    chars: int = 0
    linked: int = 0
    unlinked: int = 0
    "Items without a link."

    def add(self, block: RawBlock) -> None:
        self.items += 1
        self.chars += len(block.text)
        self.linked += block.linked
        self.unlinked += not block.linked


class Boxes:
    """The containers a story's blocks stand in, each with what it holds of them."""

    def __init__(self, blocks: Sequence[RawBlock]) -> None:
        self._blocks = blocks
        self._total = sum(len(block.text) for block in blocks)
        self._sums: dict[int, _Sum] = {}
        for block in blocks:
            for frame in _around(block):
                self._sums.setdefault(frame.index, _Sum(block)).add(block)

    def link_lists(self) -> set[int]:
        """Identities of the blocks that stand in a container made mostly of short links."""
        lists = {index for index, one in self._sums.items() if self._is_link_list(one)}
        return {id(block) for block in self._blocks if any(frame.index in lists for frame in _around(block))}

    def box_of(self, label: RawBlock) -> set[int]:
        """Identities of the blocks in the widest box of short blocks that a label opens, with the label."""
        box: Frame | None = None
        for frame in _around(label):
            one = self._sums[frame.index]
            short = one.chars <= min(_MOST * self._total, _TEASER_CHARS * one.items)
            if one.first is not label or not short:
                break
            box = frame
        if box is None:
            return {id(label)}
        return {id(block) for block in self._blocks if any(frame is box for frame in _around(block))}

    def _is_link_list(self, one: _Sum) -> bool:
        share = _LINKED_OF_LISTS if one.unlinked else _LISTED
        small = one.chars <= min(_ITEM_CHARS * one.items, _MOST * self._total)
        return one.items >= MIN_ITEMS and small and one.linked >= share * one.chars


def second_articles(blocks: Sequence[RawBlock]) -> set[int]:
    """Identities of the blocks in `article` elements below the one the story begins in."""
    nearest = [next((frame for frame in _around(block) if frame.tag == "article"), None) for block in blocks]
    if not blocks or nearest[0] is None:
        return set()
    first = [at for at, frame in enumerate(nearest) if frame is nearest[0]]
    if sum(len(blocks[at].text) for at in first) < _MIN_STORY:
        return set()
    return {id(blocks[at]) for at in range(first[-1] + 1, len(blocks)) if nearest[at] is not None}


def _around(block: RawBlock) -> Iterator[Frame]:
    yield block.frame
    yield from block.frame.above()


HEAD = 5
"So many first blocks count as the head of a story, where headline, standfirst, byline and date are repeated."
TAIL = 5
_END = 2
MAX_LISTED = 25
"A list of links under a label is no longer than this."
LISTED_CHARS = 160
_BYLINE = re.compile(
    r"^(?:par|by|propos recueillis par|r[eé]dig[eé] par|[eé]crit par|publi[eé] par|written by|posted by|"
    r"soumis par|submitted by|reported by|from)\s?:?\s"
    r"(?P<who>(?:(?!\.\s)[^:;!?]){2,80})$",
    re.IGNORECASE,
)
_NAME_LIKE = re.compile(
    r"^[A-ZÀ-Ý@][\w'’.-]*(?:[ ,/&|]+(?:[A-ZÀ-Ý][\w'’.-]*|et|and|avec|with|de|du|des|la|le|"
    r"l['’]|d['’]|in|à|at|for|pour|of|the|van|von|ben|el|al)){0,11}\W*$"
)
_SENTENCE_END = re.compile(r"[.!?…]\W{0,3}$")
_LINKED = 0.9
_LINK_CHARS = 200
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+$|\S+@\S+\.\w+$", re.IGNORECASE)
"An address that is spelt out is read as part of the story."
_CREDITED = re.compile(
    r"[(\[]\s?(?:image|photo|picture|pic|foto|bild|credit|crédit|crédits)s?\s?[:©/][^()\[\]]{0,80}[)\]]\s*$",
    re.I,
)
_PLACED = re.compile(r"^(?:image|picture|photo) (?:copyright|source|credit|caption)\b", re.I)
_SIGNED = re.compile(
    r"(?:^|[.!?)»”]\s|\s[–—-]\s)(?:photos?|images?|fotos?|bild|cr[ée]dits?)\s?[:©]\s?[^.!?:]{2,40}$", re.I
)
_SMALL_FILES = re.compile(r"\bcookies?\b|\bpetits fichiers\b|\btraceurs\b|\bsmall files\b", re.I)
_KEPT_WHERE = re.compile(
    r"votre (?:appareil|navigateur|visite)|vos préférences|identifiant|unique (?:id|identifier)|"
    r"your (?:device|browser|visit|preferences)",
    re.I,
)
_BY_US = re.compile(r"\b(?:nous|notre|nos|ce site|we|our|this (?:web)?site)\b", re.I)
_CREDITED_CHARS = 300
_GALLERY = 0.5
"A page with a larger share of its text in captions is a gallery."
_COMMENT_COUNT = re.compile(
    r"^\W*\d*\s*(?:comments?|commentaires?|kommentare?|comentarios)\s*[(\[]?\s*\d*\s*[)\]]?$", re.I
)
_BIOGRAPHY = re.compile(r"\b(?:is|was|est|ist|writes|covers|joined|reports|couvre|works)\b")
_BIOGRAPHY_START, _BIOGRAPHY_END = 60, 140
"The name stands in so many first characters, what is told of it in so many."
_BESIDE = re.compile(r"\s+[-–—|•·]\s+")
_NAME_CHARS = 60
_CONTACT = re.compile(r"(?:e-?mail\s?:?\s?)?\S+@\S+\.\w{2,12}$|@\w{2,30}$", re.I)
_NO_LETTERS = re.compile(r"^[\W\d_]{0,60}$")


@dataclass(kw_only=True, slots=True)
class Cleaned:
    blocks: list[RawBlock]
    dropped: dict[int, str] = field(default_factory=dict)
    "Reasons by the identity of the block."
    byline: str | None = None
    "The byline that stood in the text, verbatim."


def clean_lines(
    blocks: Sequence[RawBlock],
    *,
    titles: set[str],
    lede: str | None,
    authors: Sequence[str] = (),
    live: bool = False,
) -> Cleaned:
    """The blocks without lines of chrome; `titles` are keys of the headline's spellings.

    A `live` page tells its story in many articles.
    """
    out = Cleaned(blocks=list(blocks))
    _captions(out)
    _drop(out, "empty", lambda _, block: block.kind != "table" and _says_nothing(block.text))
    _drop(out, "comments", lambda _, block: _COMMENT_COUNT.match(block.text) is not None)
    foot = {id(block) for block in out.blocks[-TAIL:]}
    _drop(out, "consent", lambda _, block: id(block) in foot and _asks_consent(block.text))
    _labelled(out)
    second = set() if live else second_articles(out.blocks)
    _drop(out, "second_article", lambda _, block: id(block) in second)
    _lists(out)
    _phrases(out)
    linked = Boxes(out.blocks).link_lists()
    _drop(out, "related", lambda _, block: id(block) in linked or _is_link(block))
    _edges(out)
    _above_headline(out, titles)
    _repeats(out, titles, "repeated")
    if lede:
        _repeats(out, {key(lede)}, "standfirst")
    _edges(out)
    _biographies(out, authors)
    _loose_headings(out)
    return out


def _drop(out: Cleaned, reason: str, where: Callable[[int, RawBlock], bool]) -> None:
    kept: list[RawBlock] = []
    for at, block in enumerate(out.blocks):
        if where(at, block):
            out.dropped[id(block)] = reason
        else:
            kept.append(block)
    out.blocks = kept


def _is_credited(text: str) -> bool:
    """A caption by its credit, wherever markup has put it."""
    found = _CREDITED.search(text) or _SIGNED.search(text) or _PLACED.match(text)
    return len(text) <= _CREDITED_CHARS and found is not None


def _asks_consent(text: str) -> bool:
    """A banner's sentence: small files, where they are kept or what for, and who keeps them."""
    return all(pattern.search(text) for pattern in (_SMALL_FILES, _KEPT_WHERE, _BY_US))


def _is_link(block: RawBlock) -> bool:
    """A line that is a link and nothing else: a teaser of another story."""
    short = block.kind in {"p", "li"} and len(block.text) <= _LINK_CHARS
    return short and not _ADDRESS.match(block.text) and block.linked >= _LINKED * len(block.text)


def _says_nothing(text: str) -> bool:
    return bool(_NO_LETTERS.match(text)) and not text.isalnum()


def _captions(out: Cleaned) -> None:
    """Captions go, but for pages that tell their story in them."""
    total = sum(len(block.text) for block in out.blocks)
    kept = sum(len(block.text) for block in out.blocks if block.kind == "caption") > _GALLERY * total
    _drop(out, "caption", lambda _, block: (block.kind == "caption" and not kept) or _is_credited(block.text))


def _lists(out: Cleaned) -> None:
    """Labels that open a list of links, with the list."""
    drop: dict[int, str] = {}
    size, boxes = len(out.blocks), Boxes(out.blocks)
    for at, block in enumerate(out.blocks):
        phrase = phrase_of(block.text)
        if at in drop or phrase is None or not phrase.heads_list or not _counts(phrase, at, size):
            continue
        drop[at] = phrase.reason
        boxed = boxes.box_of(block)
        drop |= {place: phrase.reason for place, one in enumerate(out.blocks) if id(one) in boxed}
        for below in range(at + 1, min(size, at + 1 + MAX_LISTED)):
            if not _listed(out.blocks[below]):
                break
            drop[below] = phrase.reason
    _drop_for(out, {id(out.blocks[at]): reason for at, reason in drop.items()})


def _drop_for(out: Cleaned, reasons: dict[int, str]) -> None:
    """Drop blocks by identity, each for its own reason."""
    for reason in dict.fromkeys(reasons.values()):
        chosen = {ident for ident, why in reasons.items() if why == reason}
        _drop(out, reason, partial(_is_among, chosen))


def _is_among(chosen: set[int], _: int, block: RawBlock) -> bool:
    return id(block) in chosen


def _listed(block: RawBlock) -> bool:
    """Whether it reads like an entry of a list of links, not like a paragraph."""
    return (
        len(block.text) <= LISTED_CHARS and block.kind in {"li", "p"} and not _SENTENCE_END.search(block.text)
    )


def _counts(phrase: Phrase, at: int, size: int) -> bool:
    return not phrase.edge or at < HEAD or at >= size - TAIL


def _phrases(out: Cleaned) -> None:
    size = len(out.blocks)
    found = [phrase_of(block.text) for block in out.blocks]
    reasons = {
        id(block): phrase.reason
        for at, (block, phrase) in enumerate(zip(out.blocks, found, strict=True))
        if phrase is not None and _counts(phrase, at, size)
    }
    _drop_for(out, reasons)


def _edges(out: Cleaned) -> None:
    """Bylines and dates that stand as lines of their own at the head or the foot."""
    size = len(out.blocks)
    at_edge = {id(block) for at, block in enumerate(out.blocks) if at < HEAD or at >= size - TAIL}
    for block in out.blocks:
        if id(block) in at_edge and (who := byline_in(block.text)):
            out.byline = out.byline or who
    _drop(out, "byline", lambda _, block: id(block) in at_edge and _is_furniture(block))


def _labelled(out: Cleaned) -> None:
    """A byline in two lines: a label such as `Par`, and below it a name."""
    for label, who in pairwise(out.blocks):
        phrase = phrase_of(label.text)
        is_name = len(who.text) <= _NAME_CHARS and _NAME_LIKE.match(who.text) and not phrase_of(who.text)
        if phrase is not None and phrase.reason == "byline" and is_name and who.kind == "p":
            out.byline = out.byline or f"{label.text} {who.text}"
            _drop_for(out, {id(label): "byline", id(who): "byline"})
            return


def _is_furniture(block: RawBlock) -> bool:
    return byline_in(block.text) is not None or is_date_line(block.text)


def byline_in(text: str) -> str | None:
    """The byline of a line that holds one, perhaps with a date beside it, and nothing else."""
    parts = _BESIDE.split(text)
    said = [part for part in parts if not is_date_line(part)]
    return _byline(said[0]) if len(said) == 1 else None


def _byline(text: str) -> str | None:
    """The line itself where it is a word such as `par`, then names and nothing else."""
    found = _BYLINE.match(text)
    if (
        found is None
        or len(found.group("who").split()) > 12
        or not _NAME_LIKE.match(found.group("who").strip())
    ):
        return None
    return text


def _biographies(out: Cleaned, authors: Sequence[str]) -> None:
    """Who the authors are, and how to reach them, below the story."""
    names = [name.casefold() for name in authors if " " in name]
    tail, end = ({id(block) for block in out.blocks[-size:]} for size in (TAIL, _END))
    _drop(out, "author_box", lambda _, block: id(block) in tail and _is_about(block.text, names))
    _drop(out, "author_box", lambda _, block: id(block) in end and bool(_CONTACT.match(block.text)))


def _is_about(text: str, names: Sequence[str]) -> bool:
    start = text[:_BIOGRAPHY_START].casefold()
    return any(name in start for name in names) and _BIOGRAPHY.search(text[:_BIOGRAPHY_END]) is not None


def _above_headline(out: Cleaned, titles: set[str]) -> None:
    """Short lines over the headline: the paper's name, a section, a kicker."""
    head = out.blocks[:HEAD]
    below = next((at for at, block in enumerate(head) if key(block.text) in titles), 0)
    above = {id(block) for block in head[:below]}
    _drop(out, "kicker", lambda _, block: id(block) in above and not _SENTENCE_END.search(block.text))


def _repeats(out: Cleaned, keys: set[str], reason: str) -> None:
    keys = {one for one in keys if one}
    _drop(out, reason, lambda at, block: at < HEAD and key(block.text) in keys)


def _loose_headings(out: Cleaned) -> None:
    """Headings with nothing under them."""
    while out.blocks and out.blocks[-1].kind == "h":
        out.dropped[id(out.blocks.pop())] = "loose_heading"
