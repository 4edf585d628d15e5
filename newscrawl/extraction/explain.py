"""What became of each block of a page, and who said so: the account a person reads to see why a line went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from newscrawl.extraction.blocks import Frame, RawBlock
from newscrawl.extraction.body import NOTICE, RECURRING, STORY, Body
from newscrawl.extraction.extract import Explained
from newscrawl.extraction.normalize import cut
from newscrawl.extraction.view import OUTLET_RULE, View
from newscrawl.items import Article, BlockKind, Rejection, Removed
from newscrawl.languages import languages_of

"From above this the judge keeps a block."
"A whole block that was lifted out as a notice."
PATH_FRAMES = 5
PATH_CLASSES = 2
"So many frames of a block's path are named, each with so many of its classes."
NAME_CHARS = 40
_ROOTS = frozenset({"html", "body"})

Decider = Literal["outlet", "platform", "memory", "judge", "opinion", "lines", "notices"]
"Who had the last word; `opinion` is the second one, `lines` and `notices` clean what was chosen."


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One block with all votes on it."""

    kind: BlockKind
    level: int | None
    text: str
    "As it stands on the page; `kept_text` is what is left of it."
    kept_text: str | None
    "Its text in the story; None where it is not part of it."
    where: str
    "The innermost elements it stands in, as a selector would name them."
    hidden: bool
    mark: str | None
    "Reason of the rule that calls its element chrome."
    chosen: bool
    "Whether it stands in the outlet's container of the story."
    recurring: bool
    "Whether the site's memory knows it from other pages."
    alone: float | None
    "The judge's likelihood before a second opinion was heard."
    opinion: bool | None
    "Whether the second opinion keeps it; None where none was asked."
    likely: float | None
    "The judge's likelihood, the second opinion heard; None where the judge had no say."
    verdict: str | None
    "`story` or the reason why not; None where the page was refused before."
    decided_by: Decider | None
    lang: str | None

    @property
    def kept(self) -> bool:
        return self.kept_text is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How much ended with one verdict."""

    verdict: str | None
    decided_by: Decider | None
    blocks: int
    chars: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """A page's account."""

    result: Article | Rejection
    lines: list[Line]
    platforms: list[str]
    "Names of the platforms whose rules were in force."
    confidence: float | None
    "How sure the choice of blocks is: the F1 to be expected of it."
    asked: bool
    "Whether a second opinion was heard."
    memory: str | None = None
    "Name of the site's memory that was asked."
    taken: list[Removed] = field(default_factory=list)
    "What was taken out of the middle of blocks."

    @property
    def outcome(self) -> str:
        """`article`, or the reason of the rejection."""
        return "article" if isinstance(self.result, Article) else self.result.reason


def tallies_of(lines: Sequence[Line]) -> list[Tally]:
    """The verdicts with what they took, the story's first, then the largest."""
    chars: dict[tuple[str | None, Decider | None], list[int]] = {}
    for line in lines:
        chars.setdefault((line.verdict, line.decided_by), []).append(len(line.text))
    found = [
        Tally(verdict=verdict, decided_by=by, blocks=len(sizes), chars=sum(sizes))
        for (verdict, by), sizes in chars.items()
    ]
    return sorted(found, key=lambda tally: (tally.verdict != STORY, -tally.chars))


def audit_of(explained: Explained, *, memory: str | None = None) -> Audit:
    """The account of a page that was read, with the memory of this name if any."""
    view, body = explained.view, explained.body
    if view is None:
        return Audit(
            result=explained.result, lines=[], platforms=[], confidence=None, asked=False, memory=memory
        )
    return Audit(
        result=explained.result,
        lines=_lines(view, body),
        platforms=[platform.name for platform in view.held],
        confidence=body.story.confidence if body else None,
        asked=body.story.asked if body else False,
        memory=memory,
        taken=_taken(view, body),
    )


def _lines(view: View, body: Body | None) -> list[Line]:
    texts = _kept_texts(view, body)
    codes = _codes(view.blocks, texts)
    return [_line(view, body, place, texts.get(place), codes[place]) for place in range(len(view.blocks))]


def _line(view: View, body: Body | None, place: int, kept_text: str | None, lang: str | None) -> Line:
    block = view.blocks[place]
    verdict = body.verdicts[place] if body else None
    return Line(
        kind=block.kind,
        level=block.level,
        text=block.text,
        kept_text=kept_text,
        where=path_of(block.frame),
        hidden=block.hidden,
        mark=view.chrome.get(block.frame.index),
        chosen=block.frame.index in view.chosen,
        recurring=body is not None and place in body.story.recurring,
        alone=body.story.alone[place] if body and body.story.alone else None,
        opinion=body.story.opinion[place] if body and body.story.opinion else None,
        likely=body.story.likely[place] if body and body.story.likely else None,
        verdict=verdict,
        decided_by=_decider(view, body, place, verdict) if body and verdict else None,
        lang=lang,
    )


def _decider(view: View, body: Body, place: int, verdict: str) -> Decider:
    if verdict == NOTICE and body.story.kept[place]:
        return "notices"
    if body.story.kept[place] and verdict != STORY:
        return "lines"
    mark = view.chrome.get(view.blocks[place].frame.index)
    if mark is not None:
        return "outlet" if mark == OUTLET_RULE else "platform"
    if verdict == RECURRING:
        return "memory"
    if view.chosen:
        return "outlet"
    return "opinion" if body.story.taken_whole else "judge"


def _kept_texts(view: View, body: Body | None) -> dict[int, str]:
    """What is left in the story of each block, by its place; cleaning may have cut a block's end off."""
    if body is None:
        return {}
    whole = {id(block): block.text for block in body.blocks}
    found = set(map(id, view.blocks))
    shortened = [block for block in body.blocks if id(block) not in found]
    texts: dict[int, str] = {}
    for place, (block, verdict) in enumerate(zip(view.blocks, body.verdicts, strict=True)):
        if verdict != STORY:
            continue
        if id(block) in whole:
            texts[place] = whole[id(block)]
        elif rest := next((one for one in shortened if _is_rest(one, block)), None):
            texts[place] = rest.text
    return texts


def _is_rest(rest: RawBlock, block: RawBlock) -> bool:
    return rest.frame is block.frame and block.text.startswith(rest.text)


def _codes(blocks: Sequence[RawBlock], texts: dict[int, str]) -> list[str | None]:
    """Languages of all blocks: the story's among themselves, as the article has them, and the others'."""
    codes: list[str | None] = [None] * len(blocks)
    for places in (list(texts), [place for place in range(len(blocks)) if place not in texts]):
        found = languages_of([texts.get(place, blocks[place].text) for place in places]).codes
        for place, code in zip(places, found, strict=True):
            codes[place] = code
    return codes


def _taken(view: View, body: Body | None) -> list[Removed]:
    lifted = [one for one in body.removed if one.reason == NOTICE] if body else []
    return [*view.removed, *lifted]


def path_of(frame: Frame) -> str:
    """`article.post > div#text > p`: the innermost elements, the outermost of them first."""
    frames = [one for one in (frame, *frame.above()) if one.tag not in _ROOTS][:PATH_FRAMES]
    return " > ".join(map(_step, reversed(frames))) or frame.tag


def _step(frame: Frame) -> str:
    names = [f"#{name}" for name in frame.ident.split()[:1]]
    names += [f".{name}" for name in frame.classes.split()[:PATH_CLASSES]]
    return frame.tag + "".join(cut(name, NAME_CHARS) for name in names)
