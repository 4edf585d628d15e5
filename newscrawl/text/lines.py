"""Line rules: what is left of chrome among a story's own blocks, found by position and wording."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from newscrawl.parts import Removed
from newscrawl.text.blocks import RawBlock
from newscrawl.text.folding import key
from newscrawl.text.moments import is_date_line
from newscrawl.text.phrases import Phrase, phrase_of
from newscrawl.text.prune import removal

HEAD = 5
"So many first blocks count as the head of a story, where headline, standfirst, byline and date are repeated."
TAIL = 5
MAX_LISTED = 25
"A list of links under a label is no longer than this."
LISTED_CHARS = 160
_BYLINE = re.compile(
    r"^(?:par|by|propos recueillis par|r[eé]dig[eé] par|[eé]crit par|publi[eé] par|written by|posted by|"
    r"reported by|from)\s?:?\s"
    r"(?P<who>(?:(?!\.\s)[^:;!?]){2,80})$",
    re.IGNORECASE,
)
_NAME_LIKE = re.compile(
    r"^[A-ZÀ-Ý@][\w'’.-]*(?:[ ,/&|]+(?:[A-ZÀ-Ý][\w'’.-]*|et|and|avec|with|de|du|des|la|le|"
    r"l['’]|d['’]|in|à|at|for|pour|of|the|van|von|ben|el|al)){0,11}\W*$"
)
_SENTENCE_END = re.compile(r"[.!?…]\W{0,3}$")
_NO_LETTERS = re.compile(r"^[\W\d_]{0,60}$")


@dataclass(kw_only=True, slots=True)
class Cleaned:
    blocks: list[RawBlock]
    removed: list[Removed] = field(default_factory=list)
    byline: str | None = None
    "The byline that stood in the text, verbatim."


def clean_lines(
    blocks: list[RawBlock], *, titles: set[str], lede: str | None, captions: set[str], linked: set[str]
) -> Cleaned:
    """The blocks without lines of chrome; the sets hold keys of titles, captions and bare links."""
    out = Cleaned(blocks=[block for block in blocks if block.text])
    _drop(out, "caption", lambda _, block: block.kind == "caption" or key(block.text) in captions)
    _drop(out, "empty", lambda _, block: block.kind != "table" and _says_nothing(block.text))
    _lists(out)
    _phrases(out)
    _drop(out, "related", lambda _, block: block.kind in {"p", "li"} and key(block.text) in linked)
    _edges(out)
    _repeats(out, titles, "repeated")
    if lede:
        _repeats(out, {key(lede)}, "standfirst")
    _edges(out)
    _loose_headings(out)
    return out


def _drop(out: Cleaned, reason: str, where: Callable[[int, RawBlock], bool]) -> None:
    kept: list[RawBlock] = []
    for at, block in enumerate(out.blocks):
        if where(at, block):
            out.removed.append(removal(reason, block.text))
        else:
            kept.append(block)
    out.blocks = kept


def _says_nothing(text: str) -> bool:
    return bool(_NO_LETTERS.match(text)) and not text.isalnum()


def _lists(out: Cleaned) -> None:
    """Labels that open a list of links, with the list."""
    drop: dict[int, str] = {}
    size = len(out.blocks)
    for at, block in enumerate(out.blocks):
        phrase = phrase_of(block.text)
        if at in drop or phrase is None or not phrase.heads_list or not _counts(phrase, at, size):
            continue
        drop[at] = phrase.reason
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


def _is_furniture(block: RawBlock) -> bool:
    return byline_in(block.text) is not None or is_date_line(block.text)


def byline_in(text: str) -> str | None:
    """The line itself where it is a byline: a word such as `par`, then names and nothing else."""
    found = _BYLINE.match(text)
    if (
        found is None
        or len(found.group("who").split()) > 12
        or not _NAME_LIKE.match(found.group("who").strip())
    ):
        return None
    return text


def _repeats(out: Cleaned, keys: set[str], reason: str) -> None:
    keys = {one for one in keys if one}
    _drop(out, reason, lambda at, block: at < HEAD and key(block.text) in keys)


def _loose_headings(out: Cleaned) -> None:
    """Headings with nothing under them."""
    while out.blocks and out.blocks[-1].kind == "h":
        out.removed.append(removal("loose_heading", out.blocks.pop().text))
