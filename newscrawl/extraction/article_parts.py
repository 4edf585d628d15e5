"""Which `article` elements of a page are parts of its story, and which are other stories or comments.

Entries of a live blog and sections of a long story are `article` elements as well, and so are the comments
below it. Class names say little: what tells them apart is a time on every entry, headings that lead nowhere
else, and heads that are more than the name of an author.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import Frame, TextBlock, inner_text
from newscrawl.extraction.landmarks import landmark_kinds
from newscrawl.extraction.normalize import match_key, normalize_spaces
from newscrawl.extraction.phrases import is_name
from newscrawl.urls import absolute_url, normalize_url

MIN_STORY_CHARS = 250
"A shorter text may be no story, or not all of it."
_LEVELS = 3
"At most so many steps lead from an entry up to the element that holds all entries."
_MIN_ENTRIES = 3
"Entries below an article that is none itself; fewer may be other stories."
_MAX_GROUPS = 50
"More kinds of articles than a page has, unless it is made to waste time."
_NESTED_LEVELS = 20
"Elements around an article within an entry, such as an embedded post, among which the entry is."
_MOST = 0.8
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_OTHER_CONTENT = re.compile(
    r"comment|reply|teaser|related|recommend|promo|popular|trending|sponsor|most-?read", re.IGNORECASE
)
_CLOCK = re.compile(r"\W{0,3}\d{1,2}\s?[:.hH]\s?\d{2}\b")
_NAME = re.compile(r"[A-ZÀ-Ý@][\w'’.-]*(?: [\w'’.-]+){0,3}\W{0,2}$")
_NAME_CHARS, _NAME_WORDS = 40, range(2, 5)
_HEAD_TEXTS = 3
"Texts at the head of an article among which the name of an author is searched for."
_NAMED_LEVELS = 2
"Elements around such a text whose names may say that it is an author's."


@dataclass(frozen=True, kw_only=True, slots=True)
class _ArticleSigns:
    """What shows whether an article is a part of the story."""

    is_other_content: bool
    "Whether its names say that it is a comment or a teaser."
    leads_elsewhere: bool
    "Whether its heading, or most of its text, links to another page."
    has_time: bool
    heading_level: int | None
    "Of its first heading."
    heading: str | None
    "The match key of that heading."
    author: str | None
    "The name that is all there is at its head."


def find_second_articles(
    blocks: Sequence[TextBlock], titles: Collection[str] = (), url: str = ""
) -> set[int]:
    """Identities of the blocks in other articles below the article in which the story begins.

    `titles` are the match keys of the headline's spellings, and `url` is the address of the page.
    """
    articles = [next(_enclosing_articles(block), None) for block in blocks]
    if not blocks or articles[0] is None:
        return set()
    first = articles[0]
    inside = [at for at, article in enumerate(articles) if article is first]
    later = {article.index: article for article in articles[inside[-1] + 1 :] if article is not None}
    if not later or sum(len(blocks[at].text) for at in inside) < MIN_STORY_CHARS:
        return set()
    parts = _find_parts(first, list(later.values()), titles, url)
    parts |= {
        index
        for index, article in later.items()
        if any(above.index in parts for above in islice(article.ancestors(), _NESTED_LEVELS))
    }
    return {
        id(blocks[at])
        for at in range(inside[-1] + 1, len(blocks))
        if (article := articles[at]) is not None and article.index not in parts
    }


def _enclosing_articles(block: TextBlock) -> Iterator[Frame]:
    if block.frame.tag == "article":
        yield block.frame
    yield from (frame for frame in block.frame.ancestors() if frame.tag == "article")


def _find_parts(first: Frame, later: Sequence[Frame], titles: Collection[str], url: str) -> set[int]:
    """Indexes of the articles that are parts of the story which begins in the first."""
    parts: set[int] = set()
    for group in _group_alike([first, *later])[:_MAX_GROUPS]:
        members = [_read_signs(frame, url) for frame in group]
        has_first = first in group
        if _are_other_stories(members) or (not has_first and not _are_entries(first, group, members)):
            continue
        if has_first and _begins_story(members, titles):
            continue
        parts |= {frame.index for frame in group}
    return parts


def _group_alike(articles: Sequence[Frame]) -> list[list[Frame]]:
    """The articles in groups that have the same names and equal elements around, up to a common one."""
    groups: list[list[Frame]] = []
    rest = list(articles)
    for levels in range(1, _LEVELS + 1):
        by_place: dict[object, list[Frame]] = defaultdict(list)
        for frame in rest:
            above = list(islice(frame.ancestors(), levels))
            place = above[-1].index if above else -1
            by_place[place, _stable_names(frame), tuple(up.tag for up in above)].append(frame)
        alike = [group for group in by_place.values() if len(group) > 1]
        groups += alike
        grouped = {frame.index for group in alike for frame in group}
        rest = [frame for frame in rest if frame.index not in grouped]
    return groups


def _stable_names(frame: Frame) -> frozenset[str]:
    """Its classes without those that number it."""
    return frozenset(name for name in frame.classes.split() if not any(map(str.isdigit, name)))


def _are_other_stories(members: Sequence[_ArticleSigns]) -> bool:
    """Whether articles that look alike are comments or teasers."""
    if any(member.is_other_content for member in members):
        return True
    elsewhere = sum(member.leads_elsewhere for member in members)
    authors = [member.author for member in members if member.author is not None]
    # The entries of a live blog are by few authors, comments by many.
    are_comments = len(authors) > len(members) / 2 and len(set(authors)) > len(members) / 2
    return are_comments or elsewhere > (1 - _MOST) * len(members)


def _are_entries(first: Frame, group: Sequence[Frame], members: Sequence[_ArticleSigns]) -> bool:
    """Whether articles that the story does not begin in are entries below its introduction."""
    timed = sum(member.has_time for member in members)
    is_top = any(member.heading_level == 1 for member in members)
    shares_container = first.parent in (group[0].parent, *group[0].ancestors())
    return len(group) >= _MIN_ENTRIES and timed >= _MOST * len(group) and not is_top and shares_container


def _begins_story(members: Sequence[_ArticleSigns], titles: Collection[str]) -> bool:
    """Whether the articles below the first have the headlines of stories of their own."""
    first, others = members[0], members[1:]
    levels = [member.heading_level for member in others if member.heading_level is not None]
    if 1 in levels:
        return True
    if 2 * len(levels) <= len(others):
        return False
    if first.heading_level is None:
        return True
    has_headline = first.heading_level == 1 or first.heading in titles
    timed = sum(member.has_time for member in others)
    return has_headline and (2 * timed > len(others) or min(levels) <= first.heading_level)


def _read_signs(frame: Frame, url: str) -> _ArticleSigns:
    element = frame.element
    around = (frame, *islice(frame.ancestors(), _NAMED_LEVELS))
    heading = next(element.iterdescendants(*_HEADINGS), None)
    texts = list(islice(_head_texts(element), _HEAD_TEXTS))
    has_clock = any(_CLOCK.match(text) for text, _ in texts)
    return _ArticleSigns(
        is_other_content=any(_OTHER_CONTENT.search(up.names) for up in around),
        leads_elsewhere=_leads_elsewhere(element, heading, url),
        has_time=has_clock or next(element.iterdescendants("time"), None) is not None,
        heading_level=int(heading.tag[1]) if heading is not None else None,
        heading=match_key(inner_text(heading)) if heading is not None else None,
        author=_read_author(element, texts) or _name_in(heading),
    )


def _leads_elsewhere(element: HtmlElement, heading: HtmlElement | None, url: str) -> bool:
    if heading is not None:
        links = [*heading.iterdescendants("a"), *(up for up in heading.iterancestors("a"))]
        return any(_is_elsewhere(link.get("href") or "", url) for link in islice(links, 2))
    linked = sum(len(inner_text(link)) for link in element.iterdescendants("a"))
    return 2 * linked > len(inner_text(element))


def _is_elsewhere(href: str, url: str) -> bool:
    target = absolute_url(href, url) if href and not href.startswith("#") else None
    return (
        target is not None and normalize_url(target).partition("?")[0] != normalize_url(url).partition("?")[0]
    )


def _head_texts(element: HtmlElement) -> Iterator[tuple[str, HtmlElement]]:
    """Yield the texts of an article with the elements around them, except for times."""
    for part in element.iter():
        if part.tag != "time" and isinstance(part.tag, str) and (text := normalize_spaces(part.text or "")):
            yield text, part


def _name_in(heading: HtmlElement | None) -> str | None:
    """The name that is all of a heading, as above a comment."""
    text = inner_text(heading) if heading is not None else ""
    is_short = 0 < len(text) <= _NAME_CHARS and len(text.split()) in _NAME_WORDS
    return text if is_short and is_name(text) and text.replace(" ", "").isalpha() else None


def _read_author(element: HtmlElement, texts: Sequence[tuple[str, HtmlElement]]) -> str | None:
    """The author that an article without another head begins with."""
    for text, part in texts:
        if _CLOCK.match(text):
            continue
        around = [part, *islice(part.iterancestors(), _NAMED_LEVELS)]
        own = [up for up in around if up is not element and element in up.iterancestors()]
        is_named = any(
            "author" in landmark_kinds(f"{up.get('class') or ''} {up.get('rel') or ''}") for up in own
        )
        is_bare = not any(up.tag in _HEADINGS for up in own)
        if len(text) <= _NAME_CHARS and (is_named or (is_bare and _NAME.match(text))):
            return text
        return None
    return None
