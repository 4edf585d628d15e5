"""Rules that would help on the stories of a new site, found by trying them on a few of its pages."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from lxml.html import HtmlElement

from newscrawl.extraction.extract import extract
from newscrawl.extraction.normalize import match_key
from newscrawl.extraction.parse import RejectReason, parse_page
from newscrawl.items import Article
from newscrawl.outlet import Outlet, Rule, RuleOffer

MIN_PAGES = 2
"Stories on which a line must stand to be no part of any, and on which a place must hold the story."
_MIN_KEY_CHARS = 8
"Shorter lines recur by chance."
_MOST_TRIES = 6
"Selectors that are tried for a kind of rule; each try extracts every page again."
_MAX_ELEMENTS = 20_000
_MAX_CLIMB = 3
"Ancestors of a line that may be the box it stands in."
_KEPT_SHARE = 0.95
"Of a story's characters, that a place for all stories must keep."
_SAMPLE_CHARS = 60
_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{1,60}")
"A class or id that means something on other pages too: without numbers."
_TAG = re.compile(r"[a-z][a-z0-9]*")
"A tag that is its own selector: the colon of `fb:like` would begin a pseudo-class."
_OF_THE_TEXT = frozenset({"no_text", "too_short", "listing", "related"})
"Reasons of rejections that a better place of the story may end."


class SavedStory(NamedTuple):
    """A page that should be a story."""

    body: bytes
    "As the server sent it, without content coding."
    url: str


class _Page(NamedTuple):
    """A saved story, its elements, and what it gives without rules."""

    saved: SavedStory
    tree: HtmlElement
    lines: Mapping[str, str]
    "The lines of its text by their match keys; empty for a rejection."
    reason: str
    "Of a rejection; empty for an article."


def offer_rules(stories: Sequence[SavedStory]) -> list[RuleOffer]:
    """What would leave out chrome, or find a story where none is found; nothing that was not tried.

    An `exclude` takes away lines that several stories share, and no other line of any. A `body` makes an
    article of a page that is none, and keeps the text of those that are.
    """
    pages = list(_read_pages(stories))
    return [*_offer_excludes(pages), *_offer_body(pages)]


def _read_pages(stories: Sequence[SavedStory]) -> Iterator[_Page]:
    """A story under a second address is left out: all its lines would seem to recur."""
    seen: set[str] = set()
    for saved in stories:
        parsed = parse_page(saved.body, {})
        if isinstance(parsed, RejectReason):
            continue
        lines, reason = _extract_lines(saved, Rule())
        if lines and len(seen & lines.keys()) > len(lines) / 2:
            continue
        seen.update(lines)
        yield _Page(saved, parsed.tree, lines, reason)


def _extract_lines(saved: SavedStory, rule: Rule) -> tuple[dict[str, str], str]:
    """The lines of the text by their match keys, and the reason if there is none."""
    result = extract(saved.body, saved.url, outlet=_make_outlet(saved.url, rule), fetched=_DAY)
    if not isinstance(result, Article):
        return {}, result.reason
    return {match_key(line): line for line in result.text.splitlines() if line.strip()}, ""


_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"Any day: a rule without an end applies to all."


def _make_outlet(url: str, rule: Rule) -> Outlet:
    """Nothing is known of the outlet but the rule."""
    return Outlet(
        id="draft",
        title="draft",
        home=url,
        country="ZZ",
        languages=["und"],
        timezone="UTC",
        kind="national",
        rules=[rule],
        status="unverified",
    )


def _offer_excludes(pages: Sequence[_Page]) -> Iterator[RuleOffer]:
    with_text = [page for page in pages if page.lines]
    counts = Counter(key for page in with_text for key in page.lines if len(key) >= _MIN_KEY_CHARS)
    least = max(MIN_PAGES, (len(with_text) + 1) // 2)
    recurring = {key for key, count in counts.items() if count >= least}
    chosen: list[str] = []
    for selector in islice(_rank_boxes(with_text, recurring), _MOST_TRIES):
        if not recurring:
            return
        after = [_extract_lines(page.saved, Rule(exclude=[*chosen, selector]))[0] for page in with_text]
        gone = [page.lines.keys() - lines.keys() for page, lines in zip(with_text, after, strict=True)]
        ours = {key for keys in gone for key in keys if key in recurring}
        if not ours or any(key not in counts or counts[key] < least for keys in gone for key in keys):
            continue
        chosen.append(selector)
        recurring -= ours
        number = sum(bool(keys & ours) for keys in gone)
        sample = next(page.lines[key] for page in with_text for key in page.lines if key in ours)
        yield RuleOffer(
            "exclude", selector, f"{number} of {len(with_text)} stories end up with {_quote(sample)}"
        )


def _rank_boxes(pages: Sequence[_Page], recurring: set[str]) -> Iterator[str]:
    """Selectors of elements in which such lines stand, those first that hold most of them on most pages."""
    found: Counter[str] = Counter()
    for page in pages:
        on_page: Counter[str] = Counter()
        for element in islice(page.tree.iter("*"), _MAX_ELEMENTS):
            if _own_key(element) in recurring:
                boxes = [element, *islice(element.iterancestors(), _MAX_CLIMB)]
                on_page.update({name for box in boxes for name in _iter_selectors(box)})
        found.update(on_page)
    # Of two that hold as much the one that comes first is the deeper one, which may take less along.
    yield from (selector for selector, _ in found.most_common())


def _own_key(element: HtmlElement) -> str:
    """The match key of an element's text; empty for one that is long or no element."""
    if not isinstance(element.tag, str):
        return ""
    text = element.text_content()
    return match_key(text) if len(text) < 2_000 else ""


def _iter_selectors(element: HtmlElement) -> Iterator[str]:
    if element.tag in {"html", "body"}:
        return
    if (name := element.get("id", "")) and _NAME.fullmatch(name):
        yield f"#{name}"
    tag = element.tag if _TAG.fullmatch(element.tag) else ""
    for name in element.get("class", "").split():
        if _NAME.fullmatch(name):
            yield f"{tag}.{name}"


def _offer_body(pages: Sequence[_Page]) -> Iterator[RuleOffer]:
    good = [page for page in pages if page.lines]
    bad = [page for page in pages if page.reason in _OF_THE_TEXT]
    if len(good) < MIN_PAGES or not bad:
        return
    for selector in islice(_rank_places(good, bad), _MOST_TRIES):
        rule = Rule(body=selector)
        if not all(_keeps_text(page, rule) for page in good):
            continue
        helped = [page for page in bad if _extract_lines(page.saved, rule)[0]]
        if helped:
            yield RuleOffer("body", selector, f"{helped[0].saved.url} is no article without it")
            return


def _rank_places(good: Sequence[_Page], bad: Sequence[_Page]) -> Iterator[str]:
    """Selectors of a single element on each page that holds the text on all good ones, the deepest first."""
    places = [dict.fromkeys(_iter_places(page)) for page in good]
    for selector in places[0]:
        if all(selector in others for others in places[1:]) and any(
            len(page.tree.cssselect(selector)) == 1 for page in bad
        ):
            yield selector


def _iter_places(page: _Page) -> Iterator[str]:
    size = sum(map(len, page.lines)) * _KEPT_SHARE
    around = [
        element
        for element in islice(page.tree.iter("*"), _MAX_ELEMENTS)
        if isinstance(element.tag, str) and _holds(element, page.lines, size)
    ]
    for element in reversed(around):
        for selector in _iter_selectors(element):
            if len(page.tree.cssselect(selector)) == 1:
                yield selector


def _holds(element: HtmlElement, lines: Mapping[str, str], size: float) -> bool:
    text = match_key(element.text_content())
    return len(text) >= size and sum(len(key) for key in lines if key in text) >= size


def _keeps_text(page: _Page, rule: Rule) -> bool:
    after = _extract_lines(page.saved, rule)[0]
    both = sum(len(key) for key in page.lines if key in after)
    return both >= _KEPT_SHARE * max(sum(map(len, page.lines)), sum(map(len, after)))


def _quote(line: str) -> str:
    return f"“{line[:_SAMPLE_CHARS]}{'…' * (len(line) > _SAMPLE_CHARS)}”"
