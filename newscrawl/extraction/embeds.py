"""What scripts put amid a story: posts of social networks, their remains, and placeholders."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.containers import enclosing
from newscrawl.extraction.normalize import match_key
from newscrawl.extraction.phrases import is_name

MIN_COPIES = 3
_PLACEHOLDER_CHARS = 160
_SENTENCE_CHARS = 100
"Shortest block that is a paragraph of the story rather than a line of a dialogue or a poem."
_QUOTE_LEVELS = 4
_POST_NAME = re.compile(
    r"twitter-(?:tweet|video)|instagram-media|bluesky-embed|tiktok-embed|mastodon-embed|text-post-media", re.I
)
_POST_TAIL = re.compile(
    r"(?:^|\s)[—–-]\s?.{1,80}\(@[\w.]{1,40}\)\s.{0,10}\b(?:\w+ \d{1,2}, \d{4}|\d{1,2}\.? \w+\.? \d{4}|"
    r"\d{4})\W*$"
)
_POST_CHARS = 1500
_BARE_LINK = re.compile(
    r"(?:(?:https?://)?(?:pic\.(?:twitter|x)\.com|t\.co)/\w+|https?://(?:www\.|m\.)?(?:twitter\.com|"
    r"x\.com|instagram\.com|"
    r"facebook\.com|tiktok\.com|youtube\.com|youtu\.be)/\S+)(?:\s+(?:https?://)?(?:pic\.(?:twitter|"
    r"x)\.com|t\.co)/\w+)*$"
)
_WIDGET = re.compile(
    r"\W{0,2}\{\s?(?:[\"'&][\w-]+[\"']?\s?:|[\w-]+\s?:\s?(?:[\"'\[{&\d-]|(?:true|false|null)\b))"
    r".*\}\W{0,3}$",
    re.S,
)
_WORDS = re.compile(
    r"advert|publicit|publicid|anzeige|werbung|annons|annonc|reklam|sponsor|content|contenu|inhalt|"
    r"inneh[åa]ll|innhold|"
    r"indhold|inhoud|contenido|conte[úu]do|contenuto|sis[äa]lt|tre[śs][ćc]|obsah|содержание|контент|"
    r"реклама|embed|eingebett|"
    r"cookie|consent|javascript|browser|newsletter|video|tweet|instagram|facebook|youtube|twitter|"
    r"إعلان|विज्ञापन|広告|广告|廣告|광고",
    re.I,
)
"Words of which a placeholder has one."
_SPOKEN = re.compile(r"^\s*[\"«„“”‘'—–-]|[:?：？]\W*$")
_SENTENCE_END = re.compile(r"[.!…。！।]\W{0,3}$")


def find_embed_remains(blocks: Sequence[TextBlock]) -> set[int]:
    """Identities of lines that are the address of a post, or the data of a widget."""
    return {
        id(block)
        for block in blocks
        if block.kind not in {"table", "pre"}
        and (
            _BARE_LINK.fullmatch(block.text) or (block.text[:3].find("{") >= 0 and _WIDGET.match(block.text))
        )
    }


def join_posts(blocks: Sequence[TextBlock]) -> list[TextBlock]:
    """The blocks, with the paragraphs of each embedded post and its signature as one quote."""
    joined: list[TextBlock] = []
    for frame, run in groupby(blocks, key=_quote_around):
        members = list(run)
        text = " ".join(block.text for block in members)
        if frame is None or len(members) < 2 or len(text) > _POST_CHARS or not _is_post(frame, text):
            joined += members
            continue
        total = {
            name: sum(getattr(block, name) for block in members) for name in ("linked_chars", "link_count")
        }
        joined.append(replace(members[0], kind="quote", text=text, level=None, **total))
    return joined


def _quote_around(block: TextBlock) -> Frame | None:
    """The element of a quotation that a block is in."""
    levels = zip(range(_QUOTE_LEVELS), enclosing(block), strict=False)
    return next((frame for _, frame in levels if frame.tag == "blockquote"), None)


def _is_post(frame: Frame, text: str) -> bool:
    return _POST_NAME.search(frame.classes) is not None or _POST_TAIL.search(text) is not None


def find_placeholders(blocks: Sequence[TextBlock]) -> set[int]:
    """Identities of short lines that stand three times or more between the paragraphs of a story."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, block in enumerate(blocks):
        if (
            block.kind in {"p", "h"}
            and len(block.text) <= _PLACEHOLDER_CHARS
            and (key := match_key(block.text))
        ):
            places[key].append(at)
    groups = [group for group in places.values() if len(group) >= MIN_COPIES]
    if not groups:
        return set()
    repeated = {at for group in groups for at in group}
    story = Counter(
        _place(block) for block in blocks if len(block.text) > _SENTENCE_CHARS and block.kind == "p"
    )
    story.subtract(_place(blocks[at]) for at in repeated if len(blocks[at].text) > _SENTENCE_CHARS)
    alone = _find_lone_lines(blocks, repeated)
    lines = {
        at
        for group in groups
        if _is_placeholder(blocks[group[0]].text, apart=all(story[_place(blocks[at])] <= 0 for at in group))
        and 2 * len(alone.intersection(group)) > len(group)
        for at in group
        if blocks[at].kind == "p"
    }
    headings = {at - 1 for at in lines if at - 1 in repeated and blocks[at - 1].kind == "h"}
    return {id(blocks[at]) for at in lines | headings}


def _place(block: TextBlock) -> tuple[str, ...]:
    """Where a block is: tags and classes of its element and the one around."""
    parent = block.frame.parent
    return (
        block.frame.tag,
        block.frame.classes,
        parent.tag if parent else "",
        parent.classes if parent else "",
    )


def _is_placeholder(text: str, *, apart: bool) -> bool:
    """Whether a repeated line stands for something else; `apart` if it is not where the paragraphs are."""
    if _SPOKEN.search(text):
        return False
    if _WORDS.search(text):
        return apart or not _SENTENCE_END.search(text)
    return apart and not is_name(text) and not _SENTENCE_END.search(text)


def _find_lone_lines(blocks: Sequence[TextBlock], repeated: set[int]) -> set[int]:
    """Which of the repeated lines are between paragraphs, not in a dialogue, a poem or a list."""
    after_story, before_story = (_next_to_story(blocks, repeated, order) for order in (1, -1))
    return repeated & after_story & before_story


def _next_to_story(blocks: Sequence[TextBlock], repeated: set[int], order: int) -> set[int]:
    """Positions before which, in an order of 1 or -1, the last other block is no short line."""
    found: set[int] = set()
    is_story = True
    for at in range(len(blocks))[::order]:
        if at not in repeated:
            block = blocks[at]
            is_story = len(block.text) >= _SENTENCE_CHARS or block.kind in {"h", "quote", "caption"}
        elif is_story:
            found.add(at)
    return found
