"""Turn annotated pages into training samples: features as in a crawl, and a label for each block."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lxml import etree
from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.body import trafilatura_keep_mask
from newscrawl.extraction.classifier.features import Matrix, block_features
from newscrawl.extraction.classifier.lexicon import name_hashes, word_hashes
from newscrawl.extraction.classifier.outline import Indexes, Outline, Row
from newscrawl.extraction.classifier.text_features import WORDS, read_page_hints, split_words
from newscrawl.extraction.head import read_head
from newscrawl.extraction.parse import RejectReason, parse_page
from newscrawl.extraction.tags import NAMING_ATTRIBUTES
from newscrawl.extraction.view import build_view, prune_tree
from newscrawl.items import PageType
from newscrawl.outlet import Rule
from tools.training.pages import FOLDS, Page

UNKNOWN = -1.0
"The label of blocks about which the annotation says nothing."
_SPACE = re.compile(r"\s+")
_INSIDE = 0.6
"A block is in the story if more than this share of its trigrams is."
_MAX_BLOCK_WEIGHT = 300
"Characters from which a block weighs no more among its neighbours."
_SHORT_NEAR = 3
_SHORT_MASS = 100
"Characters of the story that must be near a block of less than three words, or it is there by chance."
_MIN_TITLE_OVERLAP = 0.7
_MIN_SEGMENT_PART = 25
"A shorter block inside an annotated segment is no evidence."
_NEWS_WEIGHT = 2.5
"News pages count more than the blogs and guides of the general corpus."
_PAGE_TYPES: dict[str, PageType] = {
    "article": "article",
    "listing": "listing",
    "collection": "listing",
    "forum": "forum",
    "product": "product",
}
_BARE = 5
"Of every so many articles, one is also learnt without the names of its elements, every other without tags."
_NAMING_TAGS = frozenset({
    "article", "main", "nav", "header", "footer", "aside", "section", "ul", "ol", "li",
    "h1", "h2", "h3", "h4", "h5", "h6", "figure", "figcaption", "p",
})  # fmt: skip
GENERAL = frozenset({"wcxb"})
"Corpora that have other pages than news."


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """An annotated page, ready for training."""

    lot: int
    "A number drawn for its site, independent of its fold."
    measures: Matrix
    outline: Outline
    name_hashes: Indexes
    word_hashes: Indexes
    labels: Row
    choice: Row
    "1 for the blocks that trafilatura keeps."
    is_news: bool
    page_type: PageType

    @property
    def weights(self) -> Row:
        words = np.clip(self.measures[:, WORDS].astype(np.float64), 1, 150)
        return np.asarray(np.sqrt(words) * (_NEWS_WEIGHT if self.is_news else 1.0))


def make_samples(page: Page) -> list[Sample]:
    """Make the samples of a page: itself, and of some pages a bare copy; none if it has no blocks."""
    is_bare = (False, True) if page.page_type == "article" and page.draw % _BARE == 0 else (False,)
    return [sample for bare in is_bare if (sample := _make_sample(page, bare=bare)) is not None]


def _make_sample(page: Page, *, bare: bool) -> Sample | None:
    charset = f"; charset={page.charset}" if page.charset else ""
    parsed = parse_page(page.html, {"content-type": f"text/html{charset}"})
    if isinstance(parsed, RejectReason):
        return None
    if bare:
        _strip_names(parsed.tree, keep_tags=page.draw % (2 * _BARE) == 0)
    head = read_head(parsed.tree, page.url, {})
    view = build_view(parsed.tree, head, Rule())
    if not view.blocks:
        return None
    hints = read_page_hints(head)
    outline = Outline(view.blocks, view.frames)
    measures = block_features(view.blocks, outline, hints, view.chrome)
    labels = label_blocks(page, view.blocks, hints.title)
    page_type = _PAGE_TYPES.get(page.page_type, "other")
    choice: list[bool] = []
    if page_type == "article":
        prune_tree(view)
        choice = trafilatura_keep_mask(parsed.tree, page.url, view.blocks)
    return Sample(
        lot=page.lot // FOLDS,
        measures=measures,
        outline=outline,
        name_hashes=name_hashes(view.frames, outline),
        word_hashes=word_hashes(view.blocks),
        labels=labels,
        choice=np.array(choice, np.float64),
        is_news=page.dataset not in GENERAL,
        page_type=page_type,
    )


def _strip_names(tree: HtmlElement, *, keep_tags: bool) -> None:
    """Take from a page what names its parts: old and hand-made pages have nothing but text in containers."""
    for element in tree.iter(etree.Element):
        for name in NAMING_ATTRIBUTES & set(element.keys()):
            del element.attrib[name]
        if not keep_tags and element.tag in _NAMING_TAGS:
            element.tag = "div"


def label_blocks(page: Page, blocks: Sequence[TextBlock], title: frozenset[str]) -> Row:
    """Label each block by the annotated text: 1 in the story, 0 not, or `UNKNOWN`."""
    if page.body is None:
        return _segment_labels(page, blocks)
    shares = _story_shares(page.body, blocks)
    _drop_repeats(page.body, blocks, shares)
    _drop_strays(blocks, shares)
    for at, block in enumerate(blocks):
        # Corpora differ in whether the headline is part of the text; a rule decides it, not the classifier.
        if (
            shares[at] > _INSIDE
            and len(block.text) < _MAX_BLOCK_WEIGHT
            and _title_overlap(block, title) > _MIN_TITLE_OVERLAP
        ) or block.text in page.uncertain:
            shares[at] = UNKNOWN
    return np.where(shares == UNKNOWN, UNKNOWN, (shares > _INSIDE).astype(np.float64))


def _story_shares(body: str, blocks: Sequence[TextBlock]) -> Row:
    words = split_words(body)
    trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
    joined = f" {' '.join(words)} "
    return np.array([_story_share(split_words(block.text), trigrams, joined) for block in blocks], np.float64)


def _story_share(words: list[str], trigrams: Counter[tuple[str, str, str]], joined: str) -> float:
    if not words:
        return UNKNOWN
    if len(words) < 3:
        return float(f" {' '.join(words)} " in joined)
    own = list(zip(words, words[1:], words[2:], strict=False))
    return sum(trigram in trigrams for trigram in own) / len(own)


def _weights(blocks: Sequence[TextBlock], shares: Row) -> Row:
    sizes = np.array([min(len(block.text), _MAX_BLOCK_WEIGHT) for block in blocks], np.float64)
    return np.asarray((shares > _INSIDE) * sizes)


def _drop_repeats(body: str, blocks: Sequence[TextBlock], shares: Row) -> None:
    """Of a text that the page repeats, only the occurrences where the story is densest are in the story."""
    joined = f" {' '.join(split_words(body))} "
    weights = _weights(blocks, shares)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    positions: dict[str, list[int]] = defaultdict(list)
    for at, block in enumerate(blocks):
        if shares[at] > _INSIDE:
            positions[block.text].append(at)
    for text, indexes in positions.items():
        times = max(1, joined.count(f" {' '.join(split_words(text))} "))
        densest = sorted(
            indexes, key=lambda at: weights[at] - (sums[min(len(blocks), at + 9)] - sums[max(0, at - 8)])
        )
        shares[densest[times:]] = 0.0


def _drop_strays(blocks: Sequence[TextBlock], shares: Row) -> None:
    """Short blocks that have nothing of the story near them are not in the story."""
    weights = _weights(blocks, shares)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    for at, block in enumerate(blocks):
        if shares[at] > _INSIDE and len(split_words(block.text)) < 3:
            near = sums[min(len(blocks), at + _SHORT_NEAR + 1)] - sums[max(0, at - _SHORT_NEAR)]
            if near - weights[at] < _SHORT_MASS:
                shares[at] = 0.0


def _title_overlap(block: TextBlock, title: frozenset[str]) -> float:
    own = frozenset(split_words(block.text))
    return len(own & title) / (len(own | title) or 1)


def _segment_labels(page: Page, blocks: Sequence[TextBlock]) -> Row:
    inside = [_join_spaces(segment) for segment in page.inside]
    outside = [_join_spaces(segment) for segment in page.outside]
    return np.array(
        [_segment_label(_join_spaces(block.text), inside, outside) for block in blocks], np.float64
    )


def _segment_label(text: str, inside: list[str], outside: list[str]) -> float:
    wanted = any(segment in text for segment in inside)
    unwanted = any(segment in text for segment in outside)
    if wanted or unwanted:
        return UNKNOWN if wanted and unwanted else float(wanted)
    return 1.0 if len(text) > _MIN_SEGMENT_PART and any(text in segment for segment in inside) else UNKNOWN


def _join_spaces(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
