"""One article of the pages of a story: each is extracted by itself, then their texts are joined.

What every page repeats is in the text once: headline, standfirst and byline above a following page are left
out, and what ends all pages ends the story. No word is added.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Any, NamedTuple, TypeVar

from newscrawl.extraction.following_pages import (
    PAGE_FLAGS,
    PAGES_REPEATED,
    PageLinks,
    StoryWalk,
    is_paging_line,
)
from newscrawl.extraction.normalize import match_key, truncate
from newscrawl.extraction.reject import SHORT_CHARS
from newscrawl.extraction.story_text import compute_text_fields
from newscrawl.extraction.view import MAX_REMOVED, SAMPLE_CHARS
from newscrawl.extraction.witness_surplus import MIN_MORE_CHARS, WITNESS_HAS_MORE
from newscrawl.items import Article, Block, Quality, Rejection, StoryPage

T = TypeVar("T")
_REPEATED_CHARS = 60
"A longer block that an earlier page has is left out wherever it stands."
_SHORT_TEXT = "short_text"
_OF_FIRST_PAGE = frozenset({"no_title", "no_date", "date_guess", _SHORT_TEXT, *PAGE_FLAGS})
"Flags of following pages that say nothing about the story."


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowingPage:
    """A following page that was read."""

    item: Article | Rejection
    "What it would be by itself; its `warc` is where it is in the archive."
    links: PageLinks


ReadPage = Callable[[int, str], FollowingPage | None]
"Reads the page with this number and URL of the story at the base that the first page's links name."


class JoinedStory(NamedTuple):
    """The article of a story, and the pages that it lacks."""

    article: Article
    missing: Sequence[int] = ()
    "Numbers of the pages that belong to it and are not in its text."


def join_story(
    first: Article, links: PageLinks, read: ReadPage, witness_only: Sequence[str] = ()
) -> JoinedStory:
    """The article of a story whose first page has these links; as it is if it has only that page.

    `read` returns None for a page that cannot be had; the article is flagged then. `witness_only` is what the
    witness of the first page has and that page lacks.
    """
    if not links.urls:
        return JoinedStory(first)
    walk, pages = StoryWalk(links), {1: first}
    while step := walk.next_page():
        page = read(*step)
        if page is None:
            walk.miss(step[0])
        elif walk.add(step[0], page.links):
            if isinstance(page.item, Article):
                pages[step[0]] = page.item
            else:
                walk.lose(step[0])
    article = _join_pages(first, links, walk, pages)
    if len(pages) > 1 and witness_only:
        article = _compare_witness(article, witness_only)
    return JoinedStory(_drop_surplus(article) if len(pages) > 1 else article, walk.missing)


def _drop_surplus(article: Article) -> Article:
    """The article without the flag that its witness has more, where other pages of it show that."""
    left = article.quality.witness_only_chars
    if WITNESS_HAS_MORE not in article.quality.flags or left >= MIN_MORE_CHARS:
        return article
    flags = [flag for flag in article.quality.flags if flag != WITNESS_HAS_MORE]
    return article.model_copy(update={"quality": article.quality.model_copy(update={"flags": flags})})


def _compare_witness(article: Article, witness_only: Sequence[str]) -> Article:
    """The article without what its following pages have of its witness among what only the witness has."""
    text = "\n".join(match_key(block.text) for block in article.blocks)
    left = [line for line in witness_only if match_key(line) not in text]
    update = {
        "witness_only_chars": sum(map(len, left)),
        "witness_only_sample": truncate(left[0], SAMPLE_CHARS) if left else None,
    }
    return article.model_copy(update={"quality": article.quality.model_copy(update=update)})


def _join_pages(first: Article, links: PageLinks, walk: StoryWalk, pages: dict[int, Article]) -> Article:
    blocks, idle = _join_blocks(first, pages)
    flags = {*walk.flags, *([PAGES_REPEATED] if idle else [])}
    joined = [page for number, page in pages.items() if number not in idle]
    text = compute_text_fields(blocks, first.url_norm)
    is_short = text["char_count"] < SHORT_CHARS
    quality = _join_quality(joined, [flag for flag in PAGE_FLAGS if flag in flags], is_short=is_short)
    return first.model_copy(
        update={
            **text,
            **_join_metadata(joined),
            "pages": _list_pages(first, links, walk, {n: p for n, p in pages.items() if n not in idle}),
            "quality": quality,
        }
    )


def _list_pages(
    first: Article, links: PageLinks, walk: StoryWalk, pages: dict[int, Article]
) -> list[StoryPage]:
    """The pages of the story in order, also those that are missing; empty if no other page belongs to it."""
    urls = {links.place.number: first.url, **({} if links.place.number == 1 else links.urls)}
    urls |= {number: walk.urls[number] for number in walk.missing if number in walk.urls}
    urls |= {number: page.url for number, page in pages.items() if links.place.number == 1}
    own = {links.place.number: first, **{number: page for number, page in pages.items() if number > 1}}
    listed = [
        StoryPage(url=urls[number], warc=own[number].warc if number in own else None)
        for number in sorted(urls)
    ]
    return listed if len(listed) > 1 else []


def _join_blocks(first: Article, pages: dict[int, Article]) -> tuple[list[Block], set[int]]:
    """The blocks of all pages, and the numbers of the pages that have none of their own."""
    by_page = {
        number: [block for block in page.blocks if not is_paging_line(block.text)]
        for number, page in pages.items()
    }
    end = _common_end(list(by_page.values()))
    joined: list[Block] = []
    head = {match_key(text) for text in (first.title, first.title_raw, first.lede, first.byline_raw) if text}
    seen, idle = set(head), set[int]()
    for number, page_blocks in by_page.items():
        own = page_blocks[: len(page_blocks) - end]
        blocks = own if number == 1 else _drop_repeats(own, seen)
        if not blocks:
            idle.add(number)
        joined += blocks
        seen.update(match_key(block.text) for block in blocks)
    return [*joined, *by_page[1][len(by_page[1]) - end :]], idle - {1}


def _common_end(pages: Sequence[Sequence[Block]]) -> int:
    """How many blocks at the end all pages share; 0 for a single page, or if a page has no others."""
    if len(pages) == 1:
        return 0
    rows = zip(*([match_key(block.text) for block in reversed(blocks)] for blocks in pages), strict=False)
    common = sum(1 for _ in takewhile(lambda row: len(set(row)) == 1, rows))
    return common if common < min(map(len, pages)) else 0


def _drop_repeats(blocks: Sequence[Block], seen: Collection[str]) -> list[Block]:
    """The blocks without those at either end that earlier pages have, and without other long ones of them."""
    keys = [match_key(block.text) for block in blocks]
    start = sum(1 for _ in takewhile(lambda key: key in seen, keys))
    end = len(keys) - sum(1 for _ in takewhile(lambda key: key in seen, reversed(keys[start:])))
    return [
        block
        for block, key in zip(blocks[start:end], keys[start:end], strict=True)
        if key not in seen or len(block.text) < _REPEATED_CHARS
    ]


def _join_metadata(pages: Sequence[Article]) -> dict[str, Any]:
    """The fields that a following page may add to those of the first, or that hold for the whole story."""
    by_line = next((page for page in pages if page.authors or page.byline_raw), pages[0])
    dated = next((page for page in pages if page.published), pages[0])
    reserved = next((page for page in pages if page.rights.tdm_reserved or page.rights.reserved_by), pages[0])
    walled = next((page for page in pages if page.access.wall != "none"), pages[0])
    wire = next((page for page in pages if page.syndication.is_syndicated), pages[0])
    dates = ("published", "published_precision", "published_source", "published_raw")
    return {
        "authors": by_line.authors,
        "byline_raw": by_line.byline_raw,
        **{name: getattr(dated, name) for name in dates},
        "rights": reserved.rights,
        "access": walled.access,
        "syndication": wire.syndication,
        "tags": _unite((page.tags for page in pages), lambda tag: tag),
        "images": _unite((page.images for page in pages), lambda image: image.url),
        "live_updates": _unite((page.live_updates for page in pages), lambda update: update),
        "removed": [removed for page in pages for removed in page.removed][:MAX_REMOVED],
    }


def _unite(lists: Iterable[Iterable[T]], key: Callable[[T], object]) -> list[T]:
    """The members of all lists in order, each once."""
    members: dict[object, T] = {}
    for member in chain.from_iterable(lists):
        members.setdefault(key(member), member)
    return list(members.values())


def _join_quality(pages: Sequence[Article], page_flags: Sequence[str], *, is_short: bool) -> Quality:
    """The quality of the joined text: scores weighted by length, and the flags of all pages."""
    first = pages[0].quality
    scored = [(page.quality.score, page.char_count) for page in pages if page.quality.score is not None]
    chars = sum(weight for _, weight in scored)
    score = sum(value * weight for value, weight in scored) / chars if chars else first.score
    flags = [flag for flag in first.flags if flag not in {_SHORT_TEXT, *PAGE_FLAGS}]
    flags += [flag for page in pages[1:] for flag in page.quality.flags if flag not in _OF_FIRST_PAGE]
    return first.model_copy(
        update={
            "score": None if score is None else round(score, 3),
            "flags": list(dict.fromkeys([*([_SHORT_TEXT] if is_short else []), *flags, *page_flags])),
        }
    )
