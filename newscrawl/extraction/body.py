"""The body of a story: blocks are selected, lines cleaned, and standfirst and wire notices taken out.

Every block of the page gets a single verdict: `story`, or the reason why it is not in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from configparser import ConfigParser
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby, islice, takewhile
from operator import itemgetter

from lxml.html import HtmlElement

from newscrawl.extraction import platforms
from newscrawl.extraction.article_parts import MIN_STORY_CHARS
from newscrawl.extraction.blocks import TextBlock, inner_text
from newscrawl.extraction.classifier.features import Row
from newscrawl.extraction.classifier.model import THRESHOLD, BlockClassifier, load_default_model
from newscrawl.extraction.classifier.text_features import read_page_hints
from newscrawl.extraction.cleaning import clean_blocks
from newscrawl.extraction.context import PageContext
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text
from newscrawl.extraction.metadata.date_parser import find_dates
from newscrawl.extraction.metadata.topics import declares_article
from newscrawl.extraction.normalize import match_key, truncate
from newscrawl.extraction.platforms import NamePatterns, frame_names
from newscrawl.extraction.script_story import read_script_story
from newscrawl.extraction.view import (
    OUTLET_RULE,
    PageView,
    describe_removal,
    find_doubtful_marks,
    prune_tree,
    remove_marks,
    select_elements,
)
from newscrawl.extraction.wire_notices import WireEvidence, extract_notices, find_nearby_notices
from newscrawl.items import PageType, Removed

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
_HEADING = 0.3
"A heading in the middle of the story need not be any likelier."
_BLOCKS_ABOVE = 3
"A block must be selected among these above such a heading, and the block right below."
MIN_LEDE_CHARS = 25
MAX_LEDE_CHARS = 2_000
_LEDE_NAME = re.compile(
    r"stand-?first|chap(?:o|eau)\b|sub-?-?(?:title|head|hed)|sous-titre|\bdeck?\b|lede|\blead|excerpt|"
    r"intro\b|summary|teaser-text|accroche|tagline",
    re.I,
)
FIRST_PARAGRAPH, LAST_PARAGRAPH = 3, 6
"Paragraphs (by index) that show that the story has begun."
_MIN_BOLD = 0.9
_MAX_LINES_BETWEEN, _MAX_DATE_LINE_CHARS = 6, 120
"How many lines may follow the lede before a line with a date, and the most characters of that line."
_MAX_PARENTS = 2
"The name that marks a standfirst is on its element, or at most this many elements above."


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


def select_blocks(context: PageContext, tree: HtmlElement, head: PageHead, view: PageView) -> BlockSelection:
    """Select the blocks of the story. If trafilatura is asked, chrome is removed from `tree` first."""
    classifier = context.classifier or load_default_model()
    _check_marks(classifier, head, view)
    recurring = context.memory.find_recurring(view) if context.memory else frozenset()
    is_chrome = [block.frame.index in view.chrome or at in recurring for at, block in enumerate(view.blocks)]
    if view.body_frames:
        return BlockSelection(
            selected=[
                block.frame.index in view.body_frames and not chrome
                for block, chrome in zip(view.blocks, is_chrome, strict=True)
            ],
            recurring=recurring,
        )
    prediction = classifier.predict(view.blocks, view.frames, read_page_hints(head), view.chrome)
    likely, selected = prediction.probabilities, _select_likely(view, prediction.probabilities, is_chrome)
    is_doubtful = not prediction.is_sure or _selected_chars(view, selected) < _DOUBTFUL_CHARS
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
    return BlockSelection(
        selected=_add_headings(view, selected, likely, is_chrome),
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
    return [
        bool(probability > (_SURELY if block.hidden else THRESHOLD)) and not chrome
        for block, probability, chrome in zip(view.blocks, likely, is_chrome, strict=True)
    ]


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
        scripted = read_script_story(head, tree, titles)
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
    return Body(
        blocks=blocks,
        wire=wire,
        byline=cleaned.byline,
        lede=lede,
        removed=[
            *(describe_removal(NOTICE, text) for text in notices),
            *view.removed,
            *_describe_removals(view.blocks, verdicts),
        ],
        verdicts=verdicts,
        selection=selection,
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


def find_marked_lede(
    tree: HtmlElement, lines: Sequence[TextBlock], *, selector: str | None, marks: NamePatterns
) -> str | None:
    """Find the lede by the outlet's selector or the platform's names, before chrome is removed."""
    for element in select_elements(tree, selector):
        if text := inner_text(element):
            return truncate(text, MAX_LEDE_CHARS)
    if not marks:
        return None
    for line in lines:
        frames = [line.frame, *islice(line.frame.ancestors(), _MAX_PARENTS)]
        names = (name for frame in frames for name in frame_names(frame))
        if _has_lede_length(line.text) and marks.find_reason(names):
            return line.text
    return None


def _has_lede_length(line: str) -> bool:
    return MIN_LEDE_CHARS <= len(line) <= MAX_LEDE_CHARS


def find_described_lede(
    head: PageHead, lines: Sequence[TextBlock], story: Sequence[TextBlock], titles: set[str]
) -> str | None:
    """Find a declared description that readers see too, outside the story or set apart from it."""
    descriptions = [
        first_text(head.story_node.get("description")),
        head.meta("og:description"),
        head.meta("description"),
        head.meta("twitter:description"),
    ]
    keys = {match_key(text) for text in descriptions if text and _has_lede_length(text)} - titles
    body = {match_key(block.text) for block in story}
    before = _lines_before_story(lines, story)
    for at, line in enumerate(before):
        key = match_key(line.text)
        if not _has_lede_length(line.text) or not any(_matches_description(key, other) for other in keys):
            continue
        if key not in body or _is_set_apart(line) or (key in keys and _stands_apart(before, at, body)):
            return line.text
    return None


def _stands_apart(lines: Sequence[TextBlock], at: int, body: set[str]) -> bool:
    """Whether a line with a date separates it from the story that begins below."""
    if any(match_key(line.text) in body and line.kind != "h" for line in lines[:at]):
        return False
    below = lines[at + 1 : at + 1 + _MAX_LINES_BETWEEN]
    between = takewhile(lambda line: match_key(line.text) not in body, below)
    return any(len(line.text) <= _MAX_DATE_LINE_CHARS and find_dates(line.text) for line in between)


def _lines_before_story(lines: Sequence[TextBlock], story: Sequence[TextBlock]) -> list[TextBlock]:
    """The lines above the fourth paragraph of the story: its first may be the standfirst itself."""
    paragraphs = [block for block in story if block.kind == "p"]
    stop = {match_key(block.text) for block in paragraphs[FIRST_PARAGRAPH:LAST_PARAGRAPH]}
    end = next((at for at, line in enumerate(lines) if match_key(line.text) in stop), len(lines))
    return list(lines[:end])


def _matches_description(line: str, description: str) -> bool:
    short = description.removesuffix("[...]").removesuffix("...").rstrip(" .")
    return line == description or (len(short) >= 60 and line.startswith(short))


def _is_set_apart(line: TextBlock) -> bool:
    """Whether markup sets it apart from the story: its own name, or that of a box with nothing else in it."""
    if line.kind == "h" or line.bold_chars >= _MIN_BOLD * len(line.text):
        return True
    for element in (line.element, *islice(line.element.iterancestors(), _MAX_PARENTS)):
        if _LEDE_NAME.search(f"{element.get('class') or ''} {element.get('itemprop') or ''}"):
            return element is line.element or inner_text(element) == line.text
    return False


def _find_verdicts(view: PageView, selection: BlockSelection, dropped: dict[int, str]) -> list[str]:
    verdicts: list[str] = []
    default = OUTSIDE if view.body_frames else UNLIKELY
    for at, (block, selected) in enumerate(zip(view.blocks, selection.selected, strict=True)):
        reason = view.chrome.get(block.frame.index) or (RECURRING if at in selection.recurring else default)
        if reason == UNLIKELY and block.hidden and selection.probabilities[at] > THRESHOLD:
            reason = HIDDEN
        verdicts.append(dropped.get(id(block), STORY) if selected else reason)
    return verdicts


def _describe_removals(blocks: Sequence[TextBlock], verdicts: Sequence[str]) -> list[Removed]:
    """What is not in the text: neighbours with the same reason together, what no rule names last."""
    runs = [
        (verdict, " ".join(block.text for block, _ in run))
        for verdict, run in groupby(zip(blocks, verdicts, strict=True), key=itemgetter(1))
        if verdict not in {STORY, NOTICE}
    ]
    runs.sort(key=lambda run: run[0] in {OUTSIDE, UNLIKELY})
    return [describe_removal(verdict, text) for verdict, text in runs]
