"""Explanation of an extraction: the decision on every block of a page, and which step made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.body import NOTICE, RECURRING, STORY, BlockSelection, Body
from newscrawl.extraction.extract import ExtractionTrace
from newscrawl.extraction.labelled_boxes import FACT_BOX
from newscrawl.extraction.normalize import truncate
from newscrawl.extraction.view import OUTLET_RULE, PageView, describe_removal
from newscrawl.items import Article, BlockKind, Rejection, RemovalKind, Removed
from newscrawl.languages import detect_block_languages

PATH_FRAMES = 5
PATH_CLASSES = 2
"Elements in the path of a block, and classes named for each of them."
NAME_CHARS = 40
_ROOT_TAGS = frozenset({"html", "body"})

Decider = Literal["outlet", "platform", "memory", "witness", "judge", "opinion", "lines", "notices"]
"The step that decided; `opinion` is trafilatura, and `lines` and `notices` clean what was selected before."


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockDecision:
    """A block, with what each step made of it."""

    kind: BlockKind
    level: int | None
    text: str
    "The text on the page; `kept_text` is what is left of it."
    kept_text: str | None
    "Its text in the story; None if it is not part of the story."
    where: str
    "The innermost elements around it, written like a selector."
    hidden: bool
    mark: str | None
    "Reason of the rule that calls its element chrome."
    chosen: bool
    "Whether it is in the story container that the outlet's rule names."
    recurring: bool
    "Whether the memory of the site has it from other pages."
    alone: float | None
    "The probability that the classifier gives it without trafilatura."
    opinion: bool | None
    "Whether trafilatura selects it; None if trafilatura was not asked."
    witness: bool | None
    "Whether the witness has it; None without one, and where it does not say."
    likely: float | None
    "The final probability; None if the classifier was not asked."
    verdict: str | None
    "`story` or the reason why not; None if the page was rejected before."
    decided_by: Decider | None
    lang: str | None
    looks_like: RemovalKind | None = None
    "What it seems to be, if the classifier left it out; None where nothing shows it."

    @property
    def is_in_story(self) -> bool:
        return self.kept_text is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionCount:
    """Blocks and characters with the same verdict by the same step."""

    verdict: str | None
    decided_by: Decider | None
    blocks: int
    chars: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What happened to a page."""

    result: Article | Rejection
    decisions: list[BlockDecision]
    platforms: list[str]
    "Names of the platforms whose rules applied."
    confidence: float | None
    "Expected F1 of the selected blocks."
    asked_trafilatura: bool
    memory: str | None = None
    "Name of the site memory that was used."
    removed_parts: list[Removed] = field(default_factory=list)
    "What was taken out of the middle of blocks."

    @property
    def outcome(self) -> str:
        """`article`, or the reason of the rejection."""
        return "article" if isinstance(self.result, Article) else self.result.reason


def count_decisions(decisions: Sequence[BlockDecision]) -> list[DecisionCount]:
    """The verdicts with their totals: the story's first, then by size."""
    chars: dict[tuple[str | None, Decider | None], list[int]] = {}
    for decision in decisions:
        chars.setdefault((decision.verdict, decision.decided_by), []).append(len(decision.text))
    counts = [
        DecisionCount(verdict=verdict, decided_by=step, blocks=len(sizes), chars=sum(sizes))
        for (verdict, step), sizes in chars.items()
    ]
    return sorted(counts, key=lambda count: (count.verdict != STORY, -count.chars))


def build_explanation(trace: ExtractionTrace, *, memory: str | None = None) -> Explanation:
    """The explanation of a page; `memory` is the name of the site memory that was used, if any."""
    view, body = trace.view, trace.body
    removed_notices = [removed for removed in body.removed if removed.reason == NOTICE] if body else []
    removed_credits = [describe_removal("caption", body.credit)] if body and body.credit else []
    return Explanation(
        result=trace.result,
        decisions=_build_decisions(view, body) if view else [],
        platforms=[platform.name for platform in view.platforms] if view else [],
        confidence=body.selection.confidence if body else None,
        asked_trafilatura=body.selection.asked_trafilatura if body else False,
        memory=memory,
        removed_parts=[*(view.removed if view else []), *removed_notices, *removed_credits],
    )


def _build_decisions(view: PageView, body: Body | None) -> list[BlockDecision]:
    texts = _story_texts_by_place(view, body)
    codes = _block_languages(view.blocks, texts)
    return [_build_decision(view, body, at, texts.get(at), lang) for at, lang in enumerate(codes)]


def _build_decision(
    view: PageView, body: Body | None, place: int, kept_text: str | None, lang: str | None
) -> BlockDecision:
    block = view.blocks[place]
    verdict = body.verdicts[place] if body else None
    selection = body.selection if body else None
    return BlockDecision(
        kind=block.kind,
        level=block.level,
        text=block.text,
        kept_text=kept_text,
        where=_selector_path(block.frame),
        hidden=block.hidden,
        mark=view.chrome.get(block.frame.index),
        chosen=block.frame.index in view.body_frames,
        recurring=selection is not None and place in selection.recurring,
        alone=selection.first_probabilities[place] if selection and selection.first_probabilities else None,
        opinion=selection.trafilatura_mask[place] if selection and selection.trafilatura_mask else None,
        witness=_read_vote(selection, place),
        likely=selection.probabilities[place] if selection and selection.probabilities else None,
        verdict=verdict,
        decided_by=_find_decider(view, body.selection, place, verdict) if body and verdict else None,
        lang=lang,
        looks_like=body.kinds.get(place) if body else None,
    )


def _read_vote(selection: BlockSelection | None, place: int) -> bool | None:
    """The vote of the witness on a block."""
    vote = selection.witness if selection else None
    return {1: True, -1: False, 0: None}[vote.votes[place]] if vote else None


def _find_decider(view: PageView, selection: BlockSelection, place: int, verdict: str) -> Decider:
    if verdict == FACT_BOX or (selection.selected[place] and verdict != STORY):
        return "notices" if verdict == NOTICE else "lines"
    mark = view.chrome.get(view.blocks[place].frame.index)
    if mark is not None:
        return "outlet" if mark == OUTLET_RULE else "platform"
    if verdict == RECURRING:
        return "memory"
    if view.body_frames:
        return "outlet"
    if selection.witness is not None and selection.witness.decides:
        return "witness"
    return "opinion" if selection.replaced_by_trafilatura else "judge"


def _story_texts_by_place(view: PageView, body: Body | None) -> dict[int, str]:
    """What is left in the story of each block: cleaning may have cut off its end."""
    if body is None:
        return {}
    whole = set(map(id, body.blocks))
    originals = set(map(id, view.blocks))
    shortened = [block for block in body.blocks if id(block) not in originals]
    texts: dict[int, str] = {}
    for place, (block, verdict) in enumerate(zip(view.blocks, body.verdicts, strict=True)):
        if verdict != STORY:
            continue
        if id(block) in whole:
            texts[place] = block.text
        for rest in shortened:
            if rest.frame is block.frame and block.text.startswith(rest.text):
                texts.setdefault(place, rest.text)
    return texts


def _block_languages(blocks: Sequence[TextBlock], texts: dict[int, str]) -> list[str | None]:
    """Language codes of all blocks: detected for the story by itself, as in the article, and for the rest."""
    codes: list[str | None] = [None] * len(blocks)
    for places in (list(texts), [place for place in range(len(blocks)) if place not in texts]):
        detected = detect_block_languages([texts.get(place, blocks[place].text) for place in places]).codes
        for place, code in zip(places, detected, strict=True):
            codes[place] = code
    return codes


def _selector_path(frame: Frame) -> str:
    """The innermost elements around a block, such as `article.post > div#text > p`."""
    frames = [part for part in (frame, *frame.ancestors()) if part.tag not in _ROOT_TAGS][:PATH_FRAMES]
    return " > ".join(map(_selector_step, reversed(frames))) or frame.tag


def _selector_step(frame: Frame) -> str:
    names = [f"#{name}" for name in frame.ident.split()[:1]]
    names += [f".{name}" for name in frame.classes.split()[:PATH_CLASSES]]
    return frame.tag + "".join(truncate(name, NAME_CHARS) for name in names)
