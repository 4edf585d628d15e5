"""The dates of publication and modification: candidates in order of preference, and which is plausible."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import node_types
from newscrawl.extraction.landmarks import (
    LINES_BELOW,
    HeadlineContext,
    PageLandmarks,
    element_names,
    short_text,
)
from newscrawl.extraction.metadata.date_candidates import (
    MAX_AHEAD,
    MODIFICATION,
    Candidates,
    DateCandidate,
    DateContext,
    date_from_url,
    find_labelled_date,
    has_year,
    parse_candidate,
    settle_order,
)
from newscrawl.extraction.metadata.date_parser import (
    DATE_WORDS,
    MAX_CHARS,
    MAX_LINE_CHARS,
    ParsedDate,
    blank_dates,
    count_other_letters,
    find_date,
    find_dates,
    find_short_date,
    is_date_line,
    parse_date,
    parse_relative_date,
)
from newscrawl.extraction.metadata.names import NAME_WORDS
from newscrawl.extraction.view import select_elements
from newscrawl.items import Link

MAX_TIMES = 60
MAX_LABEL_LETTERS = 12
MAX_MARKED_CHARS = 40
"A longer element named for dates has more than a date in it."
MAX_DISTANCE = 60
"Elements between the headline and a date that only its element's name marks."
MAX_SIGNATURE_WORDS = 5
"Words of a place or a name beside a date."
_PARTICLES = frozenset(NAME_WORDS["particles"])
_NAME_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_DATE_NAME = re.compile(r"date|time|publi|posted|auth?or|auteur|byline|meta|heure|stamp|info", re.IGNORECASE)
_BYLINE = re.compile(r"^(?:par|by|von|por)\b", re.IGNORECASE)
_PUBLICATION_LABEL = re.compile(
    r"\b(?:publi[eé]e?s?|published|posted|first published|veröffentlicht|publicado)\b"
    r"(?:\sle|\son|\sam|\sel)?\s?[:\-–|]?\s?"
    r"[\w.,]{0,12}\s?\d",
    re.IGNORECASE,
)
"A word for publication right before a possible date."
_ORIGINALLY = re.compile(
    r"\b(?:(?:originally|first) published|premi[eè]re publication|publi[eé]e? initialement|"
    r"(?:urspr[uü]nglich|erstmals) ver[oö]ffentlicht|publicado originalmente)"
    r"(?: (?:on|le|am|el))?:? (?=(?:\w{3,9}\.?,? ){0,2}\d)",
    re.IGNORECASE,
)
_PLACE_AND_DAY = re.compile(r"^[A-ZÀ-Ý][^\W\d]{1,20}(?:[ '’-][^\W\d]{1,20}){0,3},\s(?:le|den|on|am)\s\d")
"The dateline of a press release: a place, then the day."
_PUBLICATION_NAME = re.compile(r"publi|posted|created|entry-date", re.IGNORECASE)
_SCRIPT_DATE = re.compile(
    r"""\\?["'](?:datePublished|date_published|(?:first)?publishedAt|first_?publi(?:shed|cation)(?:_?(?:at|date))?|"""
    r"""publi(?:sh|shed|cation)_?(?:date|time|at|on)(?:time)?|pub_?date|postedAt)\\?["']\s*:\s*"""
    r"""\\?["']([^"'\\]{8,40})""",
    re.IGNORECASE,
)
"A date of publication in a script's JSON state."
MAX_SCRIPTS, MAX_SCRIPT_CHARS = 40, 1_000_000
_DIGITS = re.compile(r"(?:19|20)\d\d|\d{9}")
_SECONDARY_TYPES = frozenset(
    {"webpage", "videoobject", "podcastepisode", "mediaobject", "creativework", "event"}
)
"Types of nodes whose date counts if the story's node has none."
MAX_VISIBLE = 4
"Only the first visible dates count: later dates are of other stories."
LINES_TO_DATE = 8
"Lines from the headline to the day of publication that readers see."
_FARTHEST_WEST = 12
"Hours after midnight UTC until which it is still the day before somewhere."
_HALF_HOUR = dt.timedelta(minutes=30)
_MAX_OFFSET = dt.timedelta(hours=14)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dates:
    published: DateCandidate | None = None
    modified: DateCandidate | None = None


def read_dates(
    head: PageHead,
    tree: HtmlElement,
    context: HeadlineContext,
    selector: str | None,
    *,
    zone: ZoneInfo | None,
    fetched: dt.datetime | None,
    link: Link | None,
) -> Dates:
    """Read the dates of a story: of each kind the first plausible candidate."""
    date_lines = [line.text for line in context.lines if has_year(line)]
    page = DateContext(
        head=head, tree=tree, context=context, date_lines=date_lines, zone=zone, fetched=fetched
    )
    published = _first_plausible(page, _iter_published(page, selector, link))
    published = _replace_republication(_replace_vague(published, page), page)
    changes = (change for change in _iter_modified(page) if change and not _is_before(change, published))
    modified = _first_plausible(page, changes)
    return Dates(published=_with_visible_clock(published, page), modified=_with_visible_clock(modified, page))


def _is_before(change: DateCandidate, published: DateCandidate | None) -> bool:
    """Whether a change was made before the story came out, so that no reader can have seen it."""
    if published is None:
        return False
    made, out = change.date, published.date
    if made.precision == "day" or out.precision == "day":
        return made.day < out.day
    return dt.datetime.fromisoformat(made.isoformat()) < dt.datetime.fromisoformat(out.isoformat())


def _iter_published(page: DateContext, selector: str | None, link: Link | None) -> Candidates:
    landmarks, context, zone = page.head.landmarks, page.context, page.zone
    selected = map(element_date_text, select_elements(page.tree, selector))
    yield from (parse_selected_date(text, zone) for text in selected)
    yield from _iter_declared(page)
    yield from (find_labelled_date(text, zone, modified=False) for text in _original_lines(page))
    yield from (_parse_element(element, zone) for element in find_date_elements(landmarks, context))
    yield from (find_labelled_date(text, zone, modified=False) for text in iter_date_lines(context))
    yield from _iter_marked_texts(page)
    yield from page.metas(DATE_WORDS["vague_metas"], vague=True)
    yield date_from_url(page.head.url)
    yield from page.modified_lines()
    yield from page.parse(iter_script_dates(page.tree), "dom")
    yield from _iter_relative_dates(page)
    if link is not None and link.published:
        yield parse_candidate(link.published, "feed", zone)


def _original_lines(page: DateContext) -> Iterator[str]:
    """Yield the lines that say when a story that was changed since was published first."""
    for text in page.date_lines:
        if label := _ORIGINALLY.search(text):
            yield text[label.start() :]


def _iter_modified(page: DateContext) -> Candidates:
    yield from page.node(page.head.story_node, "dateModified")
    yield from page.metas(DATE_WORDS["modified_metas"])
    yield from page.modified_lines()


def _iter_declared(page: DateContext) -> Candidates:
    """Machine-readable dates: JSON-LD first, unless readers see the day of the meta tags instead."""
    story = list(page.node(page.head.story_node, "datePublished"))
    metas = list(page.metas(DATE_WORDS["published_metas"]))
    if story and metas and story[0] and metas[0]:
        days = {date.day for date in page.visible_dates[:MAX_VISIBLE]}
        if metas[0].date.day in days and story[0].date.day not in days:
            story, metas = metas[:1], [*story, *metas[1:]]
    yield from (*story, *metas)
    yield from page.node(page.head.story_node, "uploadDate", "dateCreated")
    for node in page.head.nodes:
        if node_types(node) & _SECONDARY_TYPES:
            yield from page.node(node, "datePublished", "uploadDate")


def parse_selected_date(text: str, zone: ZoneInfo | None) -> DateCandidate | None:
    """The date of publication in the text of an element that may print several dates."""
    return find_labelled_date(text, zone, modified=False) or parse_candidate(text, "dom", zone)


def iter_date_lines(context: HeadlineContext) -> Iterator[str]:
    """Yield the lines that date the story, in order."""
    for at, line in enumerate(context.lines):
        if _dates_the_story(line, context, close=at < LINES_BELOW):
            yield line.text


def _dates_the_story(line: TextBlock, context: HeadlineContext, *, close: bool) -> bool:
    """Whether a line is a date, or has a date in a byline or in an element named for dates."""
    if not has_year(line) or (not close and context.is_elsewhere(line.element)):
        return False
    if is_date_line(line.text):
        return True
    dates = find_dates(line.text)
    if not dates:
        return False
    elements = [line.element, *islice(line.element.iterancestors(), 2)]
    if _BYLINE.match(line.text) or any(_DATE_NAME.search(element_names(element)) for element in elements):
        return True
    if _PUBLICATION_LABEL.search(line.text):
        return True
    return close and (
        _PLACE_AND_DAY.match(line.text) is not None
        or _is_timestamp(line.text, dates)
        or _is_signature(line.text)
    )


def _is_signature(text: str) -> bool:
    """Whether a line is a date and nothing but a place or a name, as in `Port-Louis, 3 mars 2026`."""
    rest = blank_dates(text)
    words = _NAME_WORD.findall(rest)
    return (
        len(text) <= MAX_LINE_CHARS
        and ":" not in rest  # after a label that we do not know
        and 0 < len(words) <= MAX_SIGNATURE_WORDS
        and text.rstrip()[-1:] not in ".!?"
        and all(word[0].isupper() or word in _PARTICLES for word in words)
    )


def _is_timestamp(text: str, dates: Sequence[ParsedDate]) -> bool:
    """Whether a line is a day with its time, and a label in whatever language."""
    has_time = any(date.time is not None for date in dates)
    return has_time and len(text) <= MAX_LINE_CHARS and count_other_letters(text) <= MAX_LABEL_LETTERS


def _iter_relative_dates(page: DateContext) -> Iterator[DateCandidate]:
    """Dates near the headline that count back from the page's capture."""
    if page.fetched is None:
        return
    for line in page.context.lines[:LINES_BELOW]:
        date = parse_relative_date(line.text, page.fetched, page.zone)
        if date and not page.context.is_elsewhere(line.element):
            yield DateCandidate(date=date, source="dom", visible=True)


def _parse_element(element: HtmlElement, zone: ZoneInfo | None) -> DateCandidate | None:
    """The date of a time element: its attribute, or its text if the attribute is unreadable."""
    return parse_candidate(element_date_text(element), "dom", zone) or find_labelled_date(
        short_text(element, MAX_CHARS), zone, modified=False
    )


def element_date_text(element: HtmlElement) -> str:
    """The text in which an element has its date: a machine-readable attribute, else its own text."""
    return next(_iter_machine_dates(element), None) or short_text(element, MAX_CHARS)


def _iter_machine_dates(element: HtmlElement) -> Iterator[str]:
    values = (element.get(name) for name in DATE_WORDS["attributes"])
    return (value for value in values if value and _DIGITS.search(value))


def find_date_elements(landmarks: PageLandmarks, context: HeadlineContext) -> list[HtmlElement]:
    """Elements that may date the story: those named for publication first, then those below the headline."""
    marked = [
        element
        for element in landmarks.by_kind["date"]
        if element.tag != "time" and any(len(text) <= MAX_CHARS for text in _iter_machine_dates(element))
    ]
    ordered = sorted({*landmarks.times, *marked}, key=lambda element: landmarks.positions[element])
    ordered.sort(key=lambda element: landmarks.positions[element] < context.position)
    own = [element for element in ordered if not context.is_elsewhere(element)][:MAX_TIMES]
    return sorted(own, key=lambda element: (_is_modification(element), not _is_publication(element)))


def _iter_marked_texts(page: DateContext) -> Candidates:
    """Dates that only the name of their element marks: within the headline, or with a short year."""
    elements = page.head.landmarks.by_kind["date"]
    positions, headline = page.head.landmarks.positions, page.context.position
    near = (element for element in elements if abs(positions[element] - headline) <= MAX_DISTANCE)
    own = (element for element in near if not page.context.is_elsewhere(element))
    for element in islice(own, MAX_TIMES):
        text = short_text(element, MAX_MARKED_CHARS)
        if not text or MODIFICATION.search(text) or MODIFICATION.search(element_names(element)):
            continue
        date = (find_date(text, page.zone) if is_date_line(text) else None) or find_short_date(text)
        date = date or find_date(" ".join(element.itertext()), page.zone)
        if date is not None:
            yield DateCandidate(date=date, source="dom", visible=True)


def iter_script_dates(tree: HtmlElement) -> Iterator[str]:
    for script in islice(tree.iter("script"), MAX_SCRIPTS):
        if match := _SCRIPT_DATE.search((script.text or "")[:MAX_SCRIPT_CHARS]):
            yield match.group(1)


def _is_publication(element: HtmlElement) -> bool:
    return element.get("pubdate") is not None or bool(_PUBLICATION_NAME.search(element_names(element)))


def _is_modification(element: HtmlElement) -> bool:
    parent = element.getparent()
    label = parent.text if parent is not None else None
    return bool(MODIFICATION.search(element_names(element)) or MODIFICATION.search(label or ""))


def _first_plausible(page: DateContext, candidates: Candidates) -> DateCandidate | None:
    settled = (settle_order(candidate, page) for candidate in candidates if candidate)
    return next((candidate for candidate in settled if _is_plausible(candidate, page)), None)


def _is_plausible(candidate: DateCandidate, page: DateContext) -> bool:
    day = candidate.date.day
    if page.fetched is not None and day > (page.fetched + MAX_AHEAD).date():
        return False
    return not _is_bare_year(candidate) or any(day == date.day for date in page.visible_dates)


def _is_bare_year(candidate: DateCandidate) -> bool:
    """Whether it is midnight of the first of January, which programs make of a year alone."""
    date = candidate.date
    is_first = (date.day.month, date.day.day) == (1, 1) and candidate.source != "url"
    return is_first and not candidate.visible and date.time in {None, dt.time(0)}


def _replace_vague(published: DateCandidate | None, page: DateContext) -> DateCandidate | None:
    """Replace a vague date by a date of modification beside the headline if that is earlier."""
    if published is None or not published.vague:
        return published
    lines = (line.text for line in page.context.lines[:LINES_BELOW] if has_year(line))
    modified = (find_labelled_date(text, page.zone, modified=True) for text in lines)
    return next((found for found in modified if found and found.date.day < published.date.day), published)


def _replace_republication(published: DateCandidate | None, page: DateContext) -> DateCandidate | None:
    """Replace the date at which a program rebuilt the page by the earlier day that readers see."""
    if published is None or published.source not in {"jsonld", "meta"}:
        return published
    for line in page.context.lines[:LINES_TO_DATE]:
        if not has_year(line) or not is_date_line(line.text) or page.context.is_elsewhere(line.element):
            continue
        found = find_labelled_date(line.text, page.zone, modified=False)
        found = settle_order(found, page) if found else None
        if found is not None and found.date.swapped is None:
            return found if _is_clearly_earlier(found.date, published.date) else published
    return published


def _is_clearly_earlier(visible: ParsedDate, declared: ParsedDate) -> bool:
    """Whether no time zone can make the day that readers see the declared one."""
    days = (declared.day - visible.day).days
    clock = declared.wall_clock()
    if days == 1 and clock is not None and declared.zone is not None and not declared.zone.utcoffset(clock):
        return clock.hour >= _FARTHEST_WEST
    return days > 1


def _with_visible_clock(candidate: DateCandidate | None, page: DateContext) -> DateCandidate | None:
    """Give a date the time and zone of the page's other spelling of the same moment, if that is better."""
    if candidate is not None and candidate.visible and not _states_zone(candidate.date):
        return _find_machine_date(candidate, page) or candidate
    if candidate is None or candidate.date.time is None or candidate.source not in {"jsonld", "meta"}:
        return candidate
    date = _in_indian_time(candidate.date, page) or _in_visible_zone(candidate.date, page)
    return DateCandidate(date=date, source=candidate.source) if date else candidate


def _find_machine_date(candidate: DateCandidate, page: DateContext) -> DateCandidate | None:
    """The machine-readable date of the time element in which readers see the candidate."""
    day, time = candidate.date.day, candidate.date.time
    for element in page.head.landmarks.times[:MAX_TIMES]:
        machine = parse_candidate(element.get("datetime") or "", "dom", page.zone)
        if machine is None or machine.date.precision == "day" or machine.date.day != day:
            continue
        dates = find_dates(short_text(element, MAX_CHARS), page.zone)
        if any(date.day == day and date.time in {None, time} for date in dates):
            return machine
    return None


def _states_zone(visible: ParsedDate) -> bool:
    """Whether the text itself names the zone, not only the outlet's file."""
    date = find_date(visible.raw)
    return date is not None and date.zone is not None


def _in_indian_time(date: ParsedDate, page: DateContext) -> ParsedDate | None:
    """Indian wall-clock time if readers see it: the offset of the machine-readable date is wrong then."""
    indian = [visible.wall_clock() for visible in page.visible_dates if visible.is_indian_time]
    clock = date.wall_clock()
    if clock is None or clock.replace(second=0) not in indian:
        return None
    return parse_date(f"{clock:%Y-%m-%d %H:%M} IST", page.zone)


def _in_visible_zone(date: ParsedDate, page: DateContext) -> ParsedDate | None:
    """The same moment at the offset at which readers see it, if that is on another day than in UTC."""
    clock = date.wall_clock()
    if clock is None or date.zone is None or date.zone.utcoffset(clock):
        return None
    for visible in page.visible_dates[:MAX_VISIBLE]:
        visible_clock = visible.wall_clock()
        offset = visible_clock - clock.replace(second=0) if visible_clock else dt.timedelta(0)
        if visible.day == date.day:
            return None
        if offset and abs(offset) <= _MAX_OFFSET and not offset % _HALF_HOUR:
            return date.converted_to(dt.timezone(offset))
    return None
