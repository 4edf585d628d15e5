"""The headline: choose among the page's titles and headings, and strip the name of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from urllib.parse import unquote, urlsplit

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text
from newscrawl.extraction.landmarks import element_names, short_text
from newscrawl.extraction.metadata.names import squash
from newscrawl.extraction.normalize import match_key, normalize_spaces, resolve_entities, truncate

MAX_CHARS = 500
_SEPARATOR = re.compile(r"\s+[|–—·•»:‹›\-]+\s+|\s*[|»]\s*|\s::\s")
_BAR = re.compile(r"\s+[|»]\s+")
MIN_FRONT_WORDS = 4
MAX_SEPARATORS = 6
_MAX_SITE_WORDS = 6
"The most words that the name of a site after a separator may have."
_PLACEHOLDERS = frozenset(
    {"ajoutez votre titre ici", "add your heading text here", "ceci est le titre", "this is the heading"}
)
_MIN_OVERLAP, _CLEAR_OVERLAP = 0.34, 0.6
"Shares of words that a heading must have in common with a declared title, alone or before another heading."
_WORD = re.compile(r"\w+")
_ARTICLE = re.compile(r"^(?:the|le|la|les|el|der|die|das)\s|^l['’]")
_KICKER = re.compile(
    r"kicker|topline|over-?line|roof-?line|subline|subtitle|surtitre|sur-titre|super-?title|pre-?title|"
    r"eyebrow|dachzeile|rubri[ckq]|flag|spitzmarke|antetitulo|volanta|occhiello|"
    r"(?:^|[\s_-])(?:categor|section|label|tagline)",
    re.IGNORECASE,
)
"How themes name the line above a headline, which some put into the heading itself."
MAX_KICKER_CHARS = 60
MIN_WORDS = 2
_FIRST_LEVEL_WEIGHT = 0.5
"A heading of the first level outweighs other headings with as many votes, but not with more."
_PART_WEIGHT = 0.75
"The vote of a title of which a heading is only a part, or that is only a part of the heading."
_DIVIDER = re.compile(r"[:|–—•·»-]+(?=\s)")
"What separates a kicker from a headline in a single line."
_ENDS_IN_DIVIDER = re.compile(r"[:|–—•·»-]\s*$")
MAX_PIECES = 12
"Pieces of text in a heading; a headline has few."
_METAS = ("twitter:title", "parsely-title", "sailthru.title", "dc.title", "headline", "title")
MIN_CHARS = 12
"A shorter heading is in too many titles by chance."
_TOP_TAGS = ("h1", "h2", "h3")
"Lower headings are of parts of the story."
MAX_HEADINGS = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Title:
    text: str | None
    raw: str | None
    keys: set[str]
    "Match keys of every spelling, to recognise repeats."


def choose_title(
    head: PageHead, lines: Sequence[TextBlock], sites: Iterable[str], feed_title: str | None
) -> Title:
    """Choose the headline that readers see if metadata agree with it, else that of the metadata."""
    site_name = head.meta("og:site_name", "application-name") or ""
    names = {match_key(name) for name in (*sites, site_name) if name}
    titles = (
        head.meta("og:title"),
        first_text(head.story_node.get("headline")),
        head.meta(*_METAS),
        head.title,
    )
    whole = (resolve_entities(title) for title in titles if title)
    declared = [title for title in whole if not _is_only_site_name(title, names)]
    excluded = {*names, *_PLACEHOLDERS, ""}
    headings = list(islice((line for line in lines if _may_be_headline(line, excluded)), MAX_HEADINGS))
    first_level = next(filter(_is_first_level, headings), None)
    bare = [strip_site_name(title, names, declared) for title in declared]
    heading = _choose_heading(headings, bare, head.url) if bare else first_level
    best = (
        (_spell_headline(heading, bare) if heading else None)
        or next((part for title in bare if (part := _visible_part(title, lines))), None)
        or next(map(_before_bar, bare), None)
        or feed_title
    )
    raw = next(iter(declared), first_level.text if first_level else None)
    spellings = (best, heading.text if heading else None, raw, *declared, *bare)
    return Title(
        text=truncate(best, MAX_CHARS) if best else None,
        raw=truncate(raw, MAX_CHARS) if raw else None,
        keys={match_key(title) for title in spellings if title} - {""},
    )


def _may_be_headline(line: TextBlock, excluded: set[str]) -> bool:
    is_top = line.frame.element.tag in _TOP_TAGS or (line.kind == "h" and (line.level or 6) <= len(_TOP_TAGS))
    return is_top and len(line.text) <= MAX_CHARS and match_key(line.text) not in excluded


def _is_first_level(line: TextBlock) -> bool:
    """Whether it is a first-level heading, also within a list: some pages have it in their breadcrumbs."""
    return line.element.tag == "h1" or (line.kind == "h" and line.level == 1)


def _is_only_site_name(title: str, names: set[str]) -> bool:
    """Whether the title is nothing but the name of the site."""
    return all(match_key(part) in names for part in _SEPARATOR.split(title) if match_key(part))


def _choose_heading(headings: Sequence[TextBlock], titles: Sequence[str], url: str) -> TextBlock | None:
    """The heading that is the headline: repeated by the declared titles, or like them or the address."""
    repeated = _repeated_heading(headings, titles)
    if repeated is None:
        return _similar_heading(headings, [*titles, *_slug_words(url)], _MIN_OVERLAP)
    if _is_first_level(repeated) or any(squash(repeated.text) == squash(title) for title in titles):
        return repeated
    # The title for search engines may only begin like a section below the headline.
    above = list(takewhile(lambda heading: heading is not repeated, headings))
    return _similar_heading(above, titles, _CLEAR_OVERLAP) or repeated


def _repeated_heading(headings: Sequence[TextBlock], titles: Sequence[str]) -> TextBlock | None:
    """The heading that most of the declared titles repeat, whole or in part."""
    squashed = [squash(title) for title in titles]
    best, heading = 0.0, None
    for line in headings:
        text = squash(line.text)
        votes = sum(_agreement(text, title) for title in squashed)
        weight = votes + (_FIRST_LEVEL_WEIGHT if _is_first_level(line) else 0.0)
        if votes and weight > best:
            best, heading = weight, line
    return heading


def _agreement(heading: str, title: str) -> float:
    """The vote of a declared title for a heading, both squashed."""
    return 1.0 if heading == title else _PART_WEIGHT * _is_same_title(heading, title)


def _spell_headline(heading: TextBlock, titles: Sequence[str]) -> str:
    """The headline in a heading, without a kicker before it or a note behind it."""
    text, squashed = heading.text, squash(heading.text)
    if match_key(text) not in map(match_key, titles):
        for front, rest in _markup_splits(heading):
            if _is_headline_after(front, rest, titles):
                return _strip_divider(rest)
            if _is_whole_title(front, titles):
                return front
        if clearer := next((title for title in titles if _separates_kicker(title, text, squashed)), None):
            return clearer
    return _after_marked_kicker(heading) or text


def _after_marked_kicker(heading: TextBlock) -> str | None:
    """The heading without the kicker that the name of an element in it marks; None if there is none."""
    for part in islice(heading.element.iterdescendants(), MAX_HEADINGS):
        kicker = short_text(part, MAX_KICKER_CHARS)
        if kicker and heading.text.startswith(kicker) and _KICKER.search(element_names(part)):
            rest = _strip_divider(heading.text[len(kicker) :])
            return rest if len(rest.split()) >= MIN_WORDS else None
    return None


def _strip_divider(text: str) -> str:
    """The text after a kicker, without what separates it."""
    return text.lstrip(" :|–—-•·")


def _markup_splits(heading: TextBlock) -> Iterator[tuple[str, str]]:
    """Yield the two sides of each place where markup divides the text of a heading."""
    pieces = [piece for piece in islice(heading.element.itertext(), MAX_PIECES) if piece.strip()]
    if squash("".join(pieces)) == squash(heading.text):
        for at in range(1, len(pieces)):
            yield normalize_spaces("".join(pieces[:at])), normalize_spaces("".join(pieces[at:]))


def _is_headline_after(front: str, rest: str, titles: Sequence[str]) -> bool:
    """Whether declared titles have the second part of a heading alone, or before the first part."""
    return _is_whole_title(rest, titles) or any(squash(title) == squash(rest + front) for title in titles)


def _is_whole_title(part: str, titles: Sequence[str]) -> bool:
    key = squash(part)
    return len(key) >= MIN_CHARS and any(key == squash(title) for title in titles)


def _separates_kicker(title: str, heading: str, squashed: str) -> bool:
    """Whether a declared title shows where the kicker of a heading ends, or leaves it out."""
    key = squash(title)
    if key == squashed:
        return len(_DIVIDER.findall(title)) > len(_DIVIDER.findall(heading))
    front = heading[: max(0, len(heading) - len(title))]
    return len(key) >= MIN_CHARS and squashed.endswith(key) and _ENDS_IN_DIVIDER.search(front) is not None


def _is_same_title(heading: str, title: str) -> bool:
    if heading == title:
        return True
    shorter, longer = sorted((heading, title), key=len)
    if len(shorter) < MIN_CHARS:
        return False
    return longer.startswith(shorter) or (longer.endswith(shorter) and 2 * len(shorter) > len(longer))


def _similar_heading(headings: Sequence[TextBlock], titles: Sequence[str], least: float) -> TextBlock | None:
    """The first-level heading closest to a declared title: titles for search engines have other words."""
    words_of_titles = [_title_words(title) for title in titles]
    squashed = [squash(title) for title in titles]
    best, heading = 0.0, None
    for line in headings:
        if not _is_first_level(line) or _is_end(squash(line.text), squashed):
            continue  # a heading that is an end of a title is the name of the site
        words = _title_words(line.text)
        if len(words) >= MIN_WORDS:
            shares = (len(words & other) / min(len(words), len(other)) for other in words_of_titles if other)
            share = max(shares, default=0.0)
            if share > best:
                best, heading = share, line
    return heading if best >= least else None


def _is_end(heading: str, titles: Sequence[str]) -> bool:
    """Whether a title begins or ends with the heading, and has more."""
    longer = (title for title in titles if title != heading)
    return any(title.startswith(heading) or title.endswith(heading) for title in longer)


def _before_bar(title: str) -> str:
    """A declared title without the part after a bar, for pages where no heading repeats it."""
    front = _BAR.split(title, maxsplit=1)[0]
    return front if len(front.split()) >= MIN_FRONT_WORDS else title


def _visible_part(title: str, lines: Sequence[TextBlock]) -> str | None:
    """The longer side of a separator if a line of the page repeats it: the other side names the site."""
    sides = [
        side
        for match in islice(_SEPARATOR.finditer(title), MAX_SEPARATORS)
        for side in (title[: match.start()], title[match.end() :])
        if 2 * len(side) > len(title) and len(side.split()) >= MIN_FRONT_WORDS
    ]
    keys = {match_key(side) for side in sides}
    short = (line.text for line in lines if keys and len(line.text) <= MAX_CHARS)
    return next((line for line in short if match_key(line) in keys), None)


def _title_words(line: str) -> frozenset[str]:
    """The words of a line, without the shortest, which carry little meaning."""
    return frozenset(word for word in _WORD.findall(match_key(line)) if len(word) > 2)


def _slug_words(url: str) -> list[str]:
    """The words of the last path segment that has several."""
    parts = [part for part in unquote(urlsplit(url).path).split("/") if part.count("-") >= MIN_WORDS]
    return [parts[-1].replace("-", " ")] if parts else []


def strip_site_name(title: str, names: set[str], declared: Sequence[str]) -> str:
    """Strip the name of the site from the end or the beginning of a title."""
    parts = list(_SEPARATOR.finditer(title))
    if not parts:
        return title
    last, first = parts[-1], parts[0]
    tail, front = title[last.end() :], title[: first.start()]
    if _is_site_name(match_key(tail), names) or _is_title_suffix(title[: last.start()], tail, declared):
        return strip_site_name(title[: last.start()].strip(), names, declared)
    if _is_site_name(match_key(front), names):
        return title[first.end() :].strip()
    return title


def _is_site_name(part: str, names: set[str]) -> bool:
    return bool(part) and any(
        part == name or (len(part) > 3 and _shares_name(part, name) and len(part.split()) <= _MAX_SITE_WORDS)
        for name in names
        if len(name) > 2
    )


def _shares_name(part: str, name: str) -> bool:
    """Whether one begins the other or holds it; the end of a site's name is often only its place."""
    bare = _ARTICLE.sub("", name)
    starts_name = f"{bare} ".startswith(f"{_ARTICLE.sub('', part)} ")
    return name in part or starts_name or (" " not in name and part in name)


def _is_title_suffix(front: str, tail: str, declared: Sequence[str]) -> bool:
    """Whether another declared title is the same without the tail."""
    keys = map(match_key, declared)
    return len(tail.split()) <= _MAX_SITE_WORDS and match_key(front) in keys
