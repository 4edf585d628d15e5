"""Line rules: chrome among the chosen blocks of a story, recognized by position and wording."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby, islice, pairwise, takewhile
from operator import itemgetter

from newscrawl.extraction.article_parts import MIN_STORY_CHARS, find_second_articles
from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.captions import cut_credit, find_credited_ending, has_credit
from newscrawl.extraction.containers import MIN_ITEMS, PURE_LIST_LINK_SHARE, Containers, enclosing
from newscrawl.extraction.embeds import find_embed_remains, find_placeholders, join_posts
from newscrawl.extraction.entry_lines import are_newest_first, is_signature, read_entry_line
from newscrawl.extraction.inserted_boxes import find_polls, find_story_cards
from newscrawl.extraction.labelled_boxes import find_galleries, find_labelled_boxes
from newscrawl.extraction.metadata.date_parser import is_date_line
from newscrawl.extraction.normalize import match_key
from newscrawl.extraction.phrases import Phrase, find_phrase, split_related_line
from newscrawl.extraction.press_footers import find_company_notices

_CERTAIN = frozenset({"second_article", "repeated", "standfirst", "consent"})
"Reasons that leave a story whatever they take."
_MAX_LOOSE_HEADINGS = 3
"More headings in a row, without text below, are the items of a list."
HEAD = 5
"First blocks of a story, among which headline, standfirst, byline and date are repeated."
TAIL = 5
_END = 2
MAX_LISTED = 25
"Longest list of links below a label."
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
_TEASER_LINK_SHARE = 0.9
"A block with a larger share of linked text is a teaser."
_LINK_CHARS = 200
_SENTENCE_CHARS = 60
"Shortest paragraph that may be a link as a whole and still belong to the story."
_PULL_QUOTE_CHARS = (20, 400)
"Shortest and longest quote that is taken for a repetition."
_MAX_PULL_QUOTES = 100
"Each is compared with every paragraph; no story has so many."
_PULL_QUOTE_LEVELS = 10
"Elements around a block that may say that it is a pull quote."
_PULL_QUOTE_NAME = re.compile(r"pull-?_?quote|exergue|(?:^|[\s_-])(?:citation|quote)(?:$|[\s_-])", re.I)
_REPEATED_CHARS = 80
"Shortest paragraph of which a second copy is none of the story."
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+$|\S+@\S+\.\w+$", re.IGNORECASE)
"An address that is spelt out is part of the story."
_COOKIES = re.compile(r"\bcookies?\b|\bpetits fichiers\b|\btraceurs\b|\bsmall files\b", re.I)
_COOKIE_PURPOSE = re.compile(
    r"votre (?:appareil|navigateur|visite)|vos préférences|identifiant|unique (?:id|identifier)|"
    r"your (?:device|browser|visit|preferences)",
    re.I,
)
_BY_US = re.compile(r"\b(?:nous|notre|nos|ce site|we|our|this (?:web)?site)\b", re.I)
_GALLERY_SHARE = 0.5
"A page with a larger share of its text in captions is a gallery."
_COMMENT_COUNT = re.compile(
    r"^\W*\d*\s*(?:comments?|commentaires?|kommentare?|comentarios)\s*[(\[]?\s*\d*\s*[)\]]?$", re.I
)
_BIOGRAPHY = re.compile(r"\b(?:is|was|est|ist|writes|covers|joined|reports|couvre|works)\b")
_BIOGRAPHY_NAME_WINDOW, _BIOGRAPHY_VERB_WINDOW = 60, 140
"First characters in which a biography has the name, and its verb."
_BESIDE = re.compile(r"\s+[-–—|•·]\s+")
_NAME_CHARS = 60
_CONTACT = re.compile(r"(?:e-?mail\s?:?\s?)?\S+@\S+\.\w{2,12}$|@\w{2,30}$", re.I)
_FIGURE = re.compile(r"[$€£]?\d{1,3}(?:[., ]\d{3})+(?:[.,]\d\d?)?\s?[$€£%]?$|\d{4}\s?[–—-]\s?\d{4}$")
_TIME_NAME = re.compile(
    r"(?:^|[\s_-])(?:time|date|datetime|timestamp|clock|horaire|heure|uhrzeit|hora|hour)(?:$|[\s_-])", re.I
)
_LIVE_ADDRESS = re.compile(
    r"/(?:live|liveblog|live-?ticker|newsticker|en-?direct|en-?vivo|ao-?vivo|diretta|direkte)(?:/|$)|"
    r"live-?blog|live-?ticker|live-updates|en-direct-|as-it-happened|minute-by-minute|minuto-a-minuto",
    re.I,
)
_NO_LETTERS = re.compile(r"^[\W\d_]{0,60}$")


@dataclass(kw_only=True, slots=True)
class CleanedBlocks:
    blocks: list[TextBlock]
    max_drop: int = MIN_STORY_CHARS
    "Characters that a rule may take for one reason."
    dropped: dict[int, str] = field(default_factory=dict)
    "Reasons by the identity of the block."
    byline: str | None = None
    "The byline among the blocks, verbatim."
    credit: str | None = None
    "The credit of a picture that was cut from the last paragraph."
    _containers: tuple[list[TextBlock], Containers] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def containers(self) -> Containers:
        """The elements around the blocks; the same until blocks are dropped."""
        if self._containers is None or self._containers[0] is not self.blocks:
            self._containers = self.blocks, Containers(self.blocks)
        return self._containers[1]

    def drop(self, reason: str, condition: Callable[[TextBlock], bool]) -> None:
        """Drop the blocks for which the condition holds."""
        self.drop_ids({id(block): reason for block in self.blocks if condition(block)})

    def drop_ids(self, reasons: dict[int, str], *, is_certain: bool = False) -> None:
        """Drop blocks by identity, each for its own reason.

        Blocks that are most of the story stay unless the rule is certain: it must be wrong.
        """
        if not reasons:
            return
        chars: Counter[str] = Counter()
        for block in self.blocks:
            if id(block) in reasons:
                chars[reasons[id(block)]] += len(block.text)
        reasons = {
            key: reason
            for key, reason in reasons.items()
            if is_certain or reason in _CERTAIN or chars[reason] <= self.max_drop
        }
        if not reasons:
            return
        self.dropped |= reasons
        self.blocks = [block for block in self.blocks if id(block) not in reasons]


def clean_blocks(
    blocks: Sequence[TextBlock],
    *,
    titles: set[str],
    lede: str | None,
    authors: Sequence[str] = (),
    live: bool = False,
    url: str = "",
) -> CleanedBlocks:
    """The blocks without chrome; `titles` are the match keys of the headline's spellings.

    A `live` page tells its story in many articles. `url` is the address of the page.
    """
    chars = sum(len(block.text) for block in blocks)
    story = CleanedBlocks(blocks=list(blocks), max_drop=max(MIN_STORY_CHARS, chars // 2))
    _drop_copies(story)
    credited = find_credited_ending(story.blocks)
    _drop_captions(story, credited)
    figures = _find_figures(story.blocks)
    story.drop(
        "empty",
        lambda block: block.kind != "table" and id(block) not in figures and _is_wordless(block.text),
    )
    story.drop("comments", lambda block: _COMMENT_COUNT.match(block.text) is not None)
    foot = {id(block) for block in story.blocks[-TAIL:]}
    story.drop("consent", lambda block: id(block) in foot and _asks_consent(block.text))
    _drop_two_line_byline(story)
    second = set() if live else find_second_articles(story.blocks, titles, url)
    story.drop("second_article", lambda block: id(block) in second)
    polls, cards = find_polls(story.blocks), set() if live else find_story_cards(story.blocks, url)
    story.drop("poll", lambda block: id(block) in polls)
    remains, placeholders = find_embed_remains(story.blocks), find_placeholders(story.blocks)
    story.drop("embed", lambda block: id(block) in remains)
    story.drop("repeated", lambda block: id(block) in placeholders)
    story.drop_ids(find_labelled_boxes(story.blocks, story.containers))
    about = find_company_notices(story.blocks)
    story.drop("boilerplate", lambda block: id(block) in about)
    _drop_entry_lines(story, authors, live=live or _LIVE_ADDRESS.search(url) is not None)
    story.drop("related", lambda block: id(block) in cards)
    _drop_labelled_lists(story)
    _drop_phrases(story)
    listed = story.containers.link_lists()
    linked = _find_linked_sentences(story.blocks)
    story.drop("related", lambda block: id(block) in listed or (_is_link(block) and id(block) not in linked))
    _drop_pull_quotes(story)
    _drop_bylines_and_dates(story)
    _drop_kickers(story, titles)
    _drop_repeats(story, titles, "repeated")
    if lede:
        _drop_repeats(story, {match_key(lede)}, "standfirst")
    _drop_bylines_and_dates(story)
    _drop_author_boxes(story, authors)
    loose = list(takewhile(lambda block: block.kind == "h", reversed(story.blocks)))
    if len(loose) <= _MAX_LOOSE_HEADINGS:
        story.drop_ids(dict.fromkeys(map(id, loose), "loose_heading"))
    # Last, so that every block that is dropped is one of the page's own.
    _cut_credit(story, credited)
    story.blocks = join_posts(story.blocks)
    return story


def _drop_copies(story: CleanedBlocks) -> None:
    """Drop second copies of a story, such as the one for small screens."""
    first: dict[str, int] = {}
    offsets = [at - first.setdefault(block.text, at) for at, block in enumerate(story.blocks)]
    for offset, run in groupby(zip(offsets, story.blocks, strict=True), key=itemgetter(0)):
        copies = [block for _, block in run] if offset else []
        if len(copies) >= MIN_ITEMS and sum(len(block.text) for block in copies) >= MIN_STORY_CHARS:
            story.drop_ids(dict.fromkeys(map(id, copies), "repeated"))


def _drop_captions(story: CleanedBlocks, credited: TextBlock | None) -> None:
    """Drop captions, unless the page tells its story in them; `credited` is a paragraph that is none."""
    total = sum(len(block.text) for block in story.blocks)
    in_captions = sum(len(block.text) for block in story.blocks if block.kind == "caption")
    is_gallery = in_captions > _GALLERY_SHARE * total
    story.drop(
        "caption",
        lambda block: (
            (block.kind == "caption" and not is_gallery) or (block is not credited and has_credit(block.text))
        ),
    )
    shown = find_galleries(story.blocks, story.containers)
    story.drop("caption", lambda block: id(block) in shown)


def _cut_credit(story: CleanedBlocks, credited: TextBlock | None) -> None:
    if credited is None or not any(block is credited for block in story.blocks):
        return
    rest = cut_credit(credited.text)
    story.credit = credited.text[len(rest) :].strip(" –—|-")
    story.blocks = [replace(block, text=rest) if block is credited else block for block in story.blocks]


def _find_figures(blocks: Sequence[TextBlock]) -> set[int]:
    """Identities of lines that are a number or years, amid the paragraphs of the story."""
    is_figure = [block.kind == "p" and _FIGURE.match(block.text) is not None for block in blocks]
    figures: set[int] = set()
    for at in range(_END, len(blocks) - _END) if any(is_figure) else ():
        if is_figure[at] and all(
            other.kind == "p" and other.frame.parent is blocks[at].frame.parent
            for other in (blocks[at - 1], blocks[at + 1])
        ):
            figures.add(id(blocks[at]))
    return figures


def _is_wordless(text: str) -> bool:
    return bool(_NO_LETTERS.match(text)) and not text.isalnum()


def _asks_consent(text: str) -> bool:
    """Whether it is a banner's sentence: it mentions cookies, their purpose or place, and who sets them."""
    return all(pattern.search(text) for pattern in (_COOKIES, _COOKIE_PURPOSE, _BY_US))


def _drop_two_line_byline(story: CleanedBlocks) -> None:
    """Drop a byline in two lines: a label such as `Par`, and below it a name."""
    for label, name in pairwise(story.blocks):
        phrase = find_phrase(label.text)
        is_name = len(name.text) <= _NAME_CHARS and _NAME_LIKE.match(name.text) and not find_phrase(name.text)
        if phrase is not None and phrase.reason == "byline" and is_name and name.kind == "p":
            story.byline = story.byline or f"{label.text} {name.text}"
            story.drop_ids({id(label): "byline", id(name): "byline"})
            return


def _drop_labelled_lists(story: CleanedBlocks) -> None:
    """Drop labels that open a list of links, together with the list."""
    blocks = story.blocks
    sentences = _find_sentences(blocks)
    reasons: dict[int, str] = {}
    for at, block in enumerate(blocks):
        phrase = find_phrase(block.text)
        if (
            id(block) in reasons
            or phrase is None
            or not phrase.opens_list
            or not _applies_at(phrase, at, blocks, sentences)
        ):
            continue
        listed = takewhile(_is_list_entry, blocks[at + 1 : at + 1 + MAX_LISTED])
        box = story.containers.teaser_box(block)
        reasons |= dict.fromkeys([id(block), *box, *map(id, listed)], phrase.reason)
    story.drop_ids(reasons)


def _is_list_entry(block: TextBlock) -> bool:
    """Whether a block reads like an entry of a list of links rather than a paragraph."""
    is_short = len(block.text) <= LISTED_CHARS and block.kind in {"li", "p"}
    return is_short and not _SENTENCE_END.search(block.text)


def _applies_at(phrase: Phrase, at: int, blocks: Sequence[TextBlock], sentences: range) -> bool:
    """Whether a phrase counts at a place; `sentences` are positions, first to last."""
    if phrase.outside_only:
        block = blocks[at]
        is_linked = 2 * block.linked_chars >= len(block.text)
        return is_linked or (at not in sentences and not _SENTENCE_END.search(block.text))
    return not phrase.edge_only or at < HEAD or at >= len(blocks) - TAIL


def _find_sentences(blocks: Sequence[TextBlock]) -> range:
    """Positions from the first to the last sentence of some length; empty if there is none."""
    places = [
        at
        for at, block in enumerate(blocks)
        if block.kind in {"p", "li", "quote"}
        and len(block.text) >= _SENTENCE_CHARS
        and _SENTENCE_END.search(block.text)
    ]
    return range(places[0], places[-1] + 1) if places else range(0)


def _drop_phrases(story: CleanedBlocks) -> None:
    sentences = _find_sentences(story.blocks)
    reasons: dict[int, str] = {}
    for at, block in enumerate(story.blocks):
        phrase = find_phrase(block.text)
        if phrase is not None and _applies_at(phrase, at, story.blocks, sentences):
            reasons[id(block)] = phrase.reason
        elif _leads_to_other_story(block):
            reasons[id(block)] = "related"
    story.drop_ids(reasons, is_certain=True)


def _leads_to_other_story(block: TextBlock) -> bool:
    """Whether a line is a label such as `Les også` and a title that is a link."""
    line = split_related_line(block.text)
    return line is not None and bool(line.title) and 5 * block.linked_chars >= 4 * len(line.title)


def _drop_entry_lines(story: CleanedBlocks, authors: Sequence[str], *, live: bool) -> None:
    """Drop lines that say only when an entry was posted, and by whom."""
    lines = {
        id(block): line
        for block in story.blocks
        if block.kind != "table" and (line := read_entry_line(block.text)) is not None
    }
    if not lines:
        return
    posted = sum(line.is_posted for line in lines.values())
    # Lines that follow each other are a programme or results, not the heads of entries.
    clocks = [
        line
        for block, below in pairwise(story.blocks)
        if (line := lines.get(id(block))) is not None and not line.is_posted and id(below) not in lines
    ]
    is_live = live or posted >= MIN_ITEMS or are_newest_first(clocks)
    names = {*authors, *(line.name for line in lines.values())} if is_live else set()
    reasons: dict[int, str] = {}
    for block, beside in zip(story.blocks, _neighbours(story.blocks), strict=True):
        line = lines.get(id(block))
        if line is None:
            is_beside = is_live and not lines.keys().isdisjoint(beside) and is_signature(block.text)
            if block.kind == "p" and (block.text in names or is_beside):
                reasons[id(block)] = "byline"
            continue
        # Bare clocks may head the parts of a story that is told by the hour, or what speakers say.
        if line.is_posted or is_live or (not line.name and _is_marked_time(block)):
            reasons[id(block)] = "byline"
    story.drop_ids(reasons)


def _neighbours(blocks: Sequence[TextBlock]) -> list[set[int]]:
    """For each block the identities of those right before and after."""
    keys = [id(block) for block in blocks]
    return [{*keys[max(0, at - 1) : at], *keys[at + 1 : at + 2]} for at in range(len(keys))]


def _is_marked_time(block: TextBlock) -> bool:
    """Whether the markup of a line says that it is a time."""
    element = block.element
    is_time = element.tag == "time" or next(element.iterdescendants("time"), None) is not None
    return is_time or _TIME_NAME.search(block.frame.names) is not None


def _is_link(block: TextBlock) -> bool:
    """Whether a line is a link and nothing else: a teaser of another story."""
    short = block.kind in {"p", "li"} and len(block.text) <= _LINK_CHARS
    return (
        short
        and not _ADDRESS.match(block.text)
        and block.linked_chars >= _TEASER_LINK_SHARE * len(block.text)
    )


def _find_linked_sentences(blocks: Sequence[TextBlock]) -> set[int]:
    """Identities of paragraphs that are a link as a whole, yet a sentence among those of the story."""
    return {
        id(block)
        for before, block, after in zip(blocks, blocks[1:], blocks[2:], strict=False)
        if block.kind == "p"
        and len(block.text) >= _SENTENCE_CHARS
        and _SENTENCE_END.search(block.text)
        and not find_phrase(block.text)
        and all(_is_plain_neighbour(other, block) for other in (before, after))
    }


def _is_plain_neighbour(other: TextBlock, block: TextBlock) -> bool:
    """Whether a paragraph beside another is one of the same container, and no link."""
    return (
        other.kind == "p"
        and other.frame.parent is block.frame.parent
        and other.linked_chars < PURE_LIST_LINK_SHARE * len(other.text)
    )


def _drop_pull_quotes(story: CleanedBlocks) -> None:
    """Drop quotes that repeat words of a paragraph, and paragraphs of some length that stand there twice."""
    keys = {id(block): match_key(block.text) for block in story.blocks if block.kind != "table"}
    texts = [keys[id(block)] for block in story.blocks if block.kind in {"p", "li"}]
    quoted = (
        block
        for block in story.blocks
        if id(block) in keys
        and _PULL_QUOTE_CHARS[0] <= len(block.text) <= _PULL_QUOTE_CHARS[1]
        and _is_pull_quote(block)
    )
    repeats = {
        id(block): "repeated"
        for block in islice(quoted, _MAX_PULL_QUOTES)
        if any(keys[id(block)] in text and keys[id(block)] != text for text in texts)
    }
    first: dict[str, TextBlock] = {}
    for block in story.blocks:
        key = keys.get(id(block), "")
        if block.kind == "p" and len(key) >= _REPEATED_CHARS and first.setdefault(key, block) is not block:
            repeats[id(block)] = "repeated"
    story.drop_ids(repeats)


def _is_pull_quote(block: TextBlock) -> bool:
    """Whether a block's element says that it is a quote or stands beside the text."""
    return block.kind == "quote" or any(
        frame.tag == "aside" or _is_pull_quote_name(frame.names)
        for frame in islice(enclosing(block), _PULL_QUOTE_LEVELS)
    )


@lru_cache(maxsize=16_384)
def _is_pull_quote_name(names: str) -> bool:
    return _PULL_QUOTE_NAME.search(names) is not None


def _drop_bylines_and_dates(story: CleanedBlocks) -> None:
    """Drop lines at the head or the foot that hold only a byline or a date."""
    size = len(story.blocks)
    reasons: dict[int, str] = {}
    for block in (block for at, block in enumerate(story.blocks) if at < HEAD or at >= size - TAIL):
        byline = parse_byline_line(block.text)
        story.byline = story.byline or byline
        if byline is not None or is_date_line(block.text):
            reasons[id(block)] = "byline"
    story.drop_ids(reasons)


def parse_byline_line(text: str) -> str | None:
    """The byline of a line that holds nothing else, except perhaps a date beside it."""
    parts = [part for part in _BESIDE.split(text) if not is_date_line(part)]
    match = _BYLINE.match(parts[0]) if len(parts) == 1 else None
    if match is None:
        return None
    names = match.group("who")
    return parts[0] if len(names.split()) <= 12 and _NAME_LIKE.match(names.strip()) else None


def _drop_kickers(story: CleanedBlocks, titles: set[str]) -> None:
    """Drop short lines above the headline: the name of the paper, a section, a kicker."""
    head = story.blocks[:HEAD]
    headline = next((at for at, block in enumerate(head) if match_key(block.text) in titles), 0)
    above = {id(block) for block in head[:headline]}
    story.drop("kicker", lambda block: id(block) in above and not _SENTENCE_END.search(block.text))


def _drop_repeats(story: CleanedBlocks, keys: set[str], reason: str) -> None:
    head = {id(block) for block in story.blocks[:HEAD]}
    repeated = keys - {""}
    story.drop(reason, lambda block: id(block) in head and match_key(block.text) in repeated)


def _drop_author_boxes(story: CleanedBlocks, authors: Sequence[str]) -> None:
    """Drop the lines below the story on who the authors are and how to reach them."""
    names = [name.casefold() for name in authors if " " in name]
    tail, end = ({id(block) for block in story.blocks[-size:]} for size in (TAIL, _END))
    story.drop("author_box", lambda block: id(block) in tail and _is_biography(block.text, names))
    story.drop("author_box", lambda block: id(block) in end and bool(_CONTACT.match(block.text)))
    signatures = {match_key(name) for name in names}
    story.drop("byline", lambda block: id(block) in end and match_key(block.text) in signatures)


def _is_biography(text: str, names: Sequence[str]) -> bool:
    start = text[:_BIOGRAPHY_NAME_WINDOW].casefold()
    return (
        any(name in start for name in names) and _BIOGRAPHY.search(text[:_BIOGRAPHY_VERB_WINDOW]) is not None
    )
