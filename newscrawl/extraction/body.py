"""The body of a story: blocks are selected, lines cleaned, and standfirst and wire notices taken out.

Every block of the page gets a single verdict: `story`, or the reason why it is not in the text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from configparser import ConfigParser
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import accumulate, chain, compress, groupby

from lxml.html import HtmlElement

from newscrawl.extraction import platforms
from newscrawl.extraction.article_parts import MIN_STORY_CHARS
from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.classifier.model import THRESHOLD, BlockClassifier, load_default_model
from newscrawl.extraction.classifier.outline import Row
from newscrawl.extraction.classifier.text_features import read_page_hints
from newscrawl.extraction.cleaning import clean_blocks
from newscrawl.extraction.context import PageContext
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.labelled_boxes import FACT_BOX, find_boxes_beside
from newscrawl.extraction.metadata.topics import declares_article
from newscrawl.extraction.normalize import match_key
from newscrawl.extraction.removal_kinds import find_removal_kinds
from newscrawl.extraction.script_story import read_script_story
from newscrawl.extraction.standfirst import find_described_lede, find_marked_lede
from newscrawl.extraction.view import (
    MAX_REMOVED,
    OUTLET_RULE,
    PageView,
    describe_removal,
    find_doubtful_marks,
    is_unfolded,
    prune_tree,
    remove_marks,
)
from newscrawl.extraction.wire_notices import WireEvidence, extract_notices, find_nearby_notices
from newscrawl.extraction.witness_vote import WitnessVote, weigh_witness
from newscrawl.items import PageType, RemovalKind, Removed

MIN_CHARS = 80
"A page with less text holds no story."
STORY = "story"
OUTSIDE = "outside"
"Not in the container that the outlet's rule names."
HIDDEN = "hidden"
"Likely, but in a hidden element, and not likely enough to be a part that the reader unfolds."
NOTICE = "notice"
RECURRING = "recurring"
"The memory of the site has the block from other pages."
UNLIKELY = "unlikely"
"Rejected by the classifier, for no reason that a rule could name."
_SUSPICIOUS = 2
"How many times as long as the text that rules call chrome the other text must be, to leave them unchecked."
_TOOK_MUCH = 0.25
"Share of the likely story that rules take from it, above which the article is flagged."
_ELSEWHERE = frozenset({
    "standfirst", "repeated", "byline", "kicker", "comments", "comments_form", "consent", NOTICE, RECURRING,
    FACT_BOX, "summary",
})  # fmt: skip
"Verdicts on text that is in other fields of the article, or surely not the story's."
_MIN_PARTIAL_CHARS = 25
"A shorter block counts as selected by trafilatura only if it is a whole line of its text."
_DOUBTFUL_CHARS = 250
"For a shorter story trafilatura is asked as well."
_MAX_FRAMES, _MAX_DEPTH = 10_000, 150
"Trafilatura does not get larger or deeper pages: its time grows with the square and the cube."
_UNLIKELY = 0.25
"Blocks less likely than this are dropped even if trafilatura selects them."
_SURELY = 0.9
"Hidden blocks must be this likely: some pages unfold their story by script."
_FIRST = 0.4
"A sentence right above the first paragraph, in the same container, need not be any likelier."
_HEADING = 0.3
"A heading in the middle of the story need not be any likelier."
_SENTENCE_WORDS, _SENTENCE_ENDS = 3, (".", "!", "?", "…")
_BLOCKS_ABOVE = 3
"A block must be selected among these above such a heading, and the block right below."


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockSelection:
    selected: list[bool]
    "For each block of the view."
    recurring: frozenset[int]
    "Indexes of the blocks that the memory of the site has from other pages."
    probabilities: list[float] = field(default_factory=list)
    "For each block, that it belongs to the story; empty if the outlet's rule decided."
    first_probabilities: list[float] = field(default_factory=list)
    "The same before trafilatura was asked; empty if the outlet's rule decided."
    asked_trafilatura: bool = False
    trafilatura_mask: list[bool] = field(default_factory=list)
    "The blocks that trafilatura selects; empty if it was not asked."
    replaced_by_trafilatura: bool = False
    "Whether its selection was taken as it is, since the classifier found next to nothing."
    confidence: float = 1.0
    "Expected F1 of the selection; 1 if the outlet's rule decided."
    page_type: tuple[PageType, float] | None = None
    "What the page looks like, with a probability; None if it declares its type or a rule decided."
    witness: WitnessVote | None = None
    "What the witness says; None without one, and where it is a teaser or says nothing about the page."


def select_blocks(context: PageContext, tree: HtmlElement, head: PageHead, view: PageView) -> BlockSelection:
    """Select the blocks of the story. If trafilatura is asked, chrome is removed from `tree` first."""
    classifier = context.classifier or load_default_model()
    _check_marks(classifier, head, view)
    recurring = context.memory.find_recurring(view) if context.memory else frozenset()
    is_chrome = [block.frame.index in view.chrome or at in recurring for at, block in enumerate(view.blocks)]
    if view.body_frames:
        chosen = [
            block.frame.index in view.body_frames and not chrome
            for block, chrome in zip(view.blocks, is_chrome, strict=True)
        ]
        vote = None
        if context.witness:
            # It changes nothing of the text, and shows when a site is redesigned and the rule no longer fits.
            likely = classifier.predict(
                view.blocks, view.frames, read_page_hints(head), view.chrome
            ).probabilities
            vote = weigh_witness(context.witness, head, view, likely, is_chrome, chosen=chosen)
        return BlockSelection(selected=chosen, recurring=recurring, witness=vote)
    prediction = classifier.predict(view.blocks, view.frames, read_page_hints(head), view.chrome)
    vote = weigh_witness(context.witness, head, view, prediction.probabilities, is_chrome)
    likely, selected = prediction.probabilities, _select_likely(view, prediction.probabilities, is_chrome)
    is_decided = vote is not None and vote.decides
    is_doubtful = not is_decided and (
        not prediction.is_sure or _selected_chars(view, selected) < _DOUBTFUL_CHARS
    )
    ask_trafilatura = bool(view.blocks) and is_doubtful and _is_affordable(view)
    mask: list[bool] = []
    replaced = False
    if ask_trafilatura:
        prune_tree(view)
        mask = trafilatura_keep_mask(tree, head.url, view.blocks)
        likely = classifier.predict_with_trafilatura(prediction, mask)
        selected = _select_likely(view, likely, is_chrome)
        alternative = [
            keep and not chrome and probability > _UNLIKELY
            for keep, chrome, probability in zip(mask, is_chrome, likely, strict=True)
        ]
        if _selected_chars(view, selected) < _DOUBTFUL_CHARS < _selected_chars(view, alternative):
            selected, replaced = alternative, True
    if vote is not None:
        likely = vote.adjust(likely)
        selected = (
            vote.in_story if is_decided else selected if replaced else _select_likely(view, likely, is_chrome)
        )
    return BlockSelection(
        selected=selected if is_decided else _add_headings(view, selected, likely, is_chrome),
        probabilities=[float(probability) for probability in likely],
        first_probabilities=[float(probability) for probability in prediction.probabilities],
        trafilatura_mask=mask,
        replaced_by_trafilatura=replaced,
        confidence=prediction.expected_f1,
        page_type=(
            classifier.predict_page_type(prediction) if view.blocks and not declares_article(head) else None
        ),
        asked_trafilatura=ask_trafilatura,
        recurring=recurring,
        witness=vote,
    )


def _check_marks(classifier: BlockClassifier, head: PageHead, view: PageView) -> None:
    """Take back the rules of platforms that would take most of the likely story."""
    inside, outside = 0, 0
    for block in view.blocks:
        if block.frame.index in view.chrome:
            inside += max(0, len(block.text) - block.linked_chars)
        else:
            outside += max(0, len(block.text) - block.linked_chars)
    if inside < MIN_STORY_CHARS or inside <= outside / _SUSPICIOUS:
        return
    if view.body_frames:
        likely = [block.frame.index in view.body_frames for block in view.blocks]
    else:
        prediction = classifier.predict(view.blocks, view.frames, read_page_hints(head))
        likely = [bool(probability > THRESHOLD) for probability in prediction.probabilities]
    if doubtful := find_doubtful_marks(view, likely):
        remove_marks(view, doubtful)


def _is_affordable(view: PageView) -> bool:
    """Whether trafilatura can read the page in reasonable time."""
    links = sum(block.link_count for block in view.blocks)
    return len(view.frames) + links <= _MAX_FRAMES and max(frame.depth for frame in view.frames) <= _MAX_DEPTH


def _select_likely(view: PageView, likely: Row, is_chrome: Sequence[bool]) -> list[bool]:
    selected = [
        bool(probability > (_SURELY if block.hidden and not is_unfolded(block) else THRESHOLD)) and not chrome
        for block, probability, chrome in zip(view.blocks, likely, is_chrome, strict=True)
    ]
    first = selected.index(True) if True in selected else 0
    if first and likely[first - 1] > _FIRST and not is_chrome[first - 1]:
        selected[first - 1] = _is_first_sentence(view.blocks[first - 1], view.blocks[first])
    return selected


def _is_first_sentence(line: TextBlock, below: TextBlock) -> bool:
    """Whether a line is an unlinked sentence in the same container as the paragraph below it."""
    containers = (below.frame, below.frame.parent)
    is_plain = line.kind == "p" and not line.linked_chars and not line.hidden
    is_sentence = line.text.rstrip('"”»’ ').endswith(_SENTENCE_ENDS)
    return (
        is_plain
        and is_sentence
        and len(line.text.split()) >= _SENTENCE_WORDS
        and line.frame.parent in containers
    )


def _add_headings(
    view: PageView, selected: Sequence[bool], likely: Row, is_chrome: Sequence[bool]
) -> list[bool]:
    """The selection, with headings in the middle of the story that share a container with what they head."""
    extended = list(selected)
    for at in range(1, len(extended) - 1):
        block, below = view.blocks[at], view.blocks[at + 1]
        if block.kind != "h" or extended[at] or is_chrome[at] or likely[at] < _HEADING:
            continue
        above = selected[max(0, at - _BLOCKS_ABOVE) : at]
        if selected[at + 1] and any(above) and block.frame.parent is below.frame.parent:
            extended[at] = True
    return extended


def _selected_chars(view: PageView, selected: Sequence[bool]) -> int:
    return count_chars([block for block, keep in zip(view.blocks, selected, strict=True) if keep])


def count_chars(blocks: list[TextBlock]) -> int:
    return sum(len(block.text) for block in blocks)


def trafilatura_keep_mask(tree: HtmlElement, url: str, blocks: Sequence[TextBlock]) -> list[bool]:
    """For each block whether trafilatura, in precision mode, has it in the story."""
    lines = _trafilatura_lines(tree, url)
    whole_lines, joined = set(lines), "\n".join(lines)
    keys = [match_key(block.text) for block in blocks]
    return [
        bool(key) and (key in whole_lines or (len(key) > _MIN_PARTIAL_CHARS and key in joined))
        for key in keys
    ]


def _trafilatura_lines(tree: HtmlElement, url: str) -> list[str]:
    from trafilatura import bare_extraction

    document = bare_extraction(
        tree,
        url=url,
        favor_precision=True,
        include_comments=False,
        include_tables=True,
        with_metadata=False,
        output_format="python",
        config=_trafilatura_config(),
    )
    body = getattr(document, "body", None)
    if body is None:
        return []
    return [
        match_key("".join(part.itertext()))
        for part in body.iter("p", "head", "item", "quote", "code", "row", "cell")
    ]


@cache
def _trafilatura_config() -> ConfigParser:
    """The library's settings, fixed here so that new defaults change nothing."""
    from trafilatura.settings import use_config

    config = use_config()
    config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "250"
    config["DEFAULT"]["MIN_OUTPUT_SIZE"] = "1"
    return config


@dataclass(frozen=True, kw_only=True, slots=True)
class FactBox:
    """A box of facts beside the text."""

    text: str
    "Its lines, separated by line feeds."
    after: int
    "The number of the story's blocks above it."


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    blocks: list[TextBlock]
    wire: WireEvidence
    byline: str | None
    "The byline found among the lines of the story."
    lede: str | None
    removed: list[Removed]
    verdicts: list[str]
    "For each block of the view: `story`, or why it is not in the text."
    selection: BlockSelection
    kinds: dict[int, RemovalKind] = field(default_factory=dict)
    "What the blocks that the classifier left out seem to be, by their place in the view."
    boxes: list[FactBox] = field(default_factory=list)
    "In page order."
    credit: str | None = None
    "The credit of a picture that was cut from the last paragraph."
    from_script: bool = False
    "Whether the story was found in the scripts of the page, not in its blocks."

    score: float | None = None
    "Expected F1 of the text as it is written; None if the classifier has not seen it."
    is_cut_by_rules: bool = False
    "Whether rules took much of the likely story."

    @property
    def text(self) -> str:
        """The blocks, separated by blank lines."""
        return "\n\n".join(block.text for block in self.blocks)


def extract_body(
    context: PageContext,
    head: PageHead,
    tree: HtmlElement,
    view: PageView,
    *,
    titles: set[str],
    authors: Sequence[str] = (),
    live: bool = False,
) -> Body:
    """The story of a page. May remove chrome from `tree`, so read everything else there before."""
    lines = view.visible_blocks
    marked_lede = find_marked_lede(
        tree, lines, selector=context.rule.lede, marks=platforms.standfirst_patterns(view.platforms)
    )
    selection = select_blocks(context, tree, head, view)
    chosen = [block for block, keep in zip(view.blocks, selection.selected, strict=True) if keep]
    scripted: list[TextBlock] = []
    if not view.body_frames and count_chars(chosen) < _DOUBTFUL_CHARS:
        scripted = read_script_story(head, tree, titles, lines)
    if count_chars(scripted) <= count_chars(chosen):
        scripted = []
    if scripted:
        # Next to nothing on the page: its few blocks are teasers or a notice to switch scripts on.
        chosen, selection = scripted, replace(selection, selected=[False] * len(view.blocks))
    lede = marked_lede or find_described_lede(head, lines, chosen, titles)
    cleaned = clean_blocks(chosen, titles=titles, lede=lede, authors=authors, live=live, url=head.url)
    if lede and count_chars(cleaned.blocks) < MIN_CHARS <= count_chars(chosen):
        # A text that is all there is to read is not a standfirst.
        lede, cleaned = (
            None,
            clean_blocks(chosen, titles=titles, lede=None, authors=authors, live=live, url=head.url),
        )
    blocks, wire, notices = extract_notices(cleaned.blocks)
    find_nearby_notices(lines, blocks, wire)
    whole_notices = {id(block): NOTICE for block in cleaned.blocks if block.text in notices}
    verdicts = _find_verdicts(view, selection, cleaned.dropped | whole_notices)
    if vote := selection.witness:
        # What cleaning takes out would not have been in the text without the witness either.
        dropped = set(cleaned.dropped)
        if any(vote.agreement.extra):
            own = list(compress(view.blocks, vote.agreement.chooses(vote.has)))
            own_lede = marked_lede or find_described_lede(head, lines, own, titles)
            own_text = clean_blocks(
                own, titles=titles, lede=own_lede, authors=authors, live=live, url=head.url
            )
            dropped |= own_text.dropped.keys()
        agreement = vote.agreement.without(view.blocks, dropped)
        selection = replace(selection, witness=replace(vote, agreement=agreement))
    boxes = [] if scripted else _take_boxes(view, verdicts)
    kinds = find_removal_kinds(
        view.blocks,
        [at for at, verdict in enumerate(verdicts) if verdict == UNLIKELY],
        [at for at, verdict in enumerate(verdicts) if verdict == STORY],
    )
    return Body(
        blocks=blocks,
        wire=wire,
        byline=cleaned.byline,
        lede=lede,
        removed=[
            *(describe_removal(NOTICE, text) for text in notices),
            *(describe_removal("caption", text) for text in [cleaned.credit] if text),
            *view.removed,
            *_describe_removals(view.blocks, verdicts, kinds),
        ],
        verdicts=verdicts,
        kinds=kinds,
        selection=selection,
        boxes=_place_boxes(view, blocks, boxes),
        credit=cleaned.credit,
        from_script=bool(scripted),
        score=None if scripted else _expect_f1(view, selection, verdicts),
        is_cut_by_rules=not scripted and _removed_share(view, selection, verdicts) > _TOOK_MUCH,
    )


def _expect_f1(view: PageView, selection: BlockSelection, verdicts: Sequence[str]) -> float:
    """The expected F1 of the blocks that are written, if the probabilities are calibrated."""
    if not selection.probabilities:
        return selection.confidence
    written, hits, story = 0.0, 0.0, 0.0
    for block, verdict, probability in zip(view.blocks, verdicts, selection.probabilities, strict=True):
        if verdict not in _ELSEWHERE:
            story += len(block.text) * probability
        if verdict == STORY:
            written += len(block.text)
            hits += len(block.text) * probability
    return 2 * hits / max(1.0, written + story)


def _removed_share(view: PageView, selection: BlockSelection, verdicts: Sequence[str]) -> float:
    """The share of the likely story that rules of platforms and line rules took."""
    written, removed = 0, 0
    likely = [value > THRESHOLD for value in selection.probabilities] or selection.selected
    for block, verdict, is_likely in zip(view.blocks, verdicts, likely, strict=True):
        if verdict == STORY:
            written += len(block.text)
        elif is_likely and verdict not in _ELSEWHERE | {UNLIKELY, HIDDEN, OUTSIDE, OUTLET_RULE}:
            removed += len(block.text)
    return removed / max(1, written + removed)


def _find_verdicts(view: PageView, selection: BlockSelection, dropped: dict[int, str]) -> list[str]:
    verdicts: list[str] = []
    default = OUTSIDE if view.body_frames else UNLIKELY
    for at, (block, selected) in enumerate(zip(view.blocks, selection.selected, strict=True)):
        reason = view.chrome.get(block.frame.index) or (RECURRING if at in selection.recurring else default)
        if reason == UNLIKELY and block.hidden and selection.probabilities[at] > THRESHOLD:
            reason = HIDDEN
        verdicts.append(dropped.get(id(block), STORY) if selected else reason)
    return verdicts


def _take_boxes(view: PageView, verdicts: list[str]) -> list[list[int]]:
    """The positions of the blocks of each box of facts; their verdicts are changed to say so."""
    places: dict[str, list[int]] = {STORY: [], FACT_BOX: [], UNLIKELY: []}
    for at, verdict in enumerate(verdicts):
        if verdict in places and not (verdict == UNLIKELY and view.blocks[at].hidden):
            places[verdict].append(at)
    boxes = find_boxes_beside(view.blocks, places[STORY], places[FACT_BOX], places[UNLIKELY])
    for at in chain.from_iterable(boxes):
        verdicts[at] = FACT_BOX
    return sorted(boxes)


def _place_boxes(view: PageView, story: Sequence[TextBlock], boxes: Sequence[Sequence[int]]) -> list[FactBox]:
    if not boxes:
        return []
    places = {id(block): at for at, block in enumerate(view.blocks)}
    # A block that was cut or joined is none of the page's: it stands where the one above it does.
    above = list(accumulate((places.get(id(block), 0) for block in story), max))
    return [
        FactBox(
            text="\n".join(view.blocks[at].text for at in box),
            after=bisect_right(above, box[0]),
        )
        for box in boxes
    ]


def _describe_removals(
    blocks: Sequence[TextBlock], verdicts: Sequence[str], kinds: dict[int, RemovalKind]
) -> list[Removed]:
    """What is not in the text: neighbours of a reason and kind together, what no rule names last.

    Where that makes more entries than an article has, all that no rule names is together by its kind.
    """
    runs: list[tuple[str, RemovalKind | None, str]] = []
    for (verdict, kind), run in groupby(range(len(blocks)), key=lambda at: (verdicts[at], kinds.get(at))):
        if verdict not in {STORY, NOTICE}:
            runs.append((verdict, kind, " ".join(blocks[at].text for at in run)))
    runs.sort(key=lambda run: run[0] in {OUTSIDE, UNLIKELY})
    if len(runs) > MAX_REMOVED:
        together: dict[RemovalKind | None, list[str]] = {}
        for verdict, kind, text in runs:
            if verdict == UNLIKELY:
                together.setdefault(kind, []).append(text)
        runs = [run for run in runs if run[0] != UNLIKELY]
        runs += [(UNLIKELY, kind, " ".join(texts)) for kind, texts in together.items()]
    return [describe_removal(verdict, text, kind) for verdict, kind, text in runs]
