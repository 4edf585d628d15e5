"""The headline: choose among the page's titles and headings, and strip the name of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote, urlsplit

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text
from newscrawl.extraction.landmarks import element_names, short_text
from newscrawl.extraction.metadata.names import squash
from newscrawl.extraction.normalize import match_key, resolve_entities, truncate

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
_MIN_OVERLAP = 0.34
"The share of words that a heading must have in common with a declared title."
_WORD = re.compile(r"\w+")
_ARTICLE = re.compile(r"^(?:the|le|la|les|el|der|die|das)\s|^l['’]")
_KICKER = re.compile(
    r"kicker|topline|over-?line|surtitre|sur-titre|eyebrow|dachzeile|rubri[ckq]|flag|spitzmarke|"
    r"(?:^|[\s_-])(?:categor|section|label|tagline)",
    re.IGNORECASE,
)
"How themes name the line above a headline, which some put into the heading itself."
MAX_KICKER_CHARS = 60
MIN_WORDS = 2
_FIRST_LEVEL_WEIGHT = 0.5
"A heading of the first level outweighs other headings with as many votes, but not with more."
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
        head.meta("twitter:title", "dc.title", "title"),
        head.title,
    )
    whole = (resolve_entities(title) for title in titles if title)
    declared = [title for title in whole if not _is_only_site_name(title, names)]
    excluded = {*names, *_PLACEHOLDERS, ""}
    headings = list(islice((line for line in lines if _may_be_headline(line, excluded)), MAX_HEADINGS))
    first_level = next((line.text for line in headings if _is_first_level(line)), None)
    bare = [strip_site_name(title, names, declared) for title in declared]
    best = (
        _repeated_heading(headings, bare)
        or _similar_heading(headings, [*bare, *_slug_words(head.url)])
        or next((part for title in bare if (part := _visible_part(title, lines))), None)
        or next(map(_before_bar, bare), None)
        or first_level
        or feed_title
    )
    raw = next(iter(declared), first_level)
    bare_best = _strip_kicker(best, headings) if best else None
    return Title(
        text=truncate(bare_best, MAX_CHARS) if bare_best else None,
        raw=truncate(raw, MAX_CHARS) if raw else None,
        keys={match_key(title) for title in (best, bare_best, raw, *declared, *bare) if title} - {""},
    )


def _strip_kicker(title: str, headings: Sequence[TextBlock]) -> str:
    """A title without the kicker that the markup of its heading marks as one."""
    for line in headings:
        if line.text != title:
            continue
        for part in islice(line.element.iterdescendants(), MAX_HEADINGS):
            kicker = short_text(part, MAX_KICKER_CHARS)
            if kicker and title.startswith(kicker) and _KICKER.search(element_names(part)):
                rest = title[len(kicker) :].lstrip(" :|–—-•·")
                return rest if len(rest.split()) >= MIN_WORDS else title
    return title


def _may_be_headline(line: TextBlock, excluded: set[str]) -> bool:
    is_top = line.element.tag in _TOP_TAGS or (line.kind == "h" and (line.level or 6) <= len(_TOP_TAGS))
    return is_top and len(line.text) <= MAX_CHARS and match_key(line.text) not in excluded


def _is_first_level(line: TextBlock) -> bool:
    """Whether it is a first-level heading, also within a list: some pages have it in their breadcrumbs."""
    return line.element.tag == "h1" or (line.kind == "h" and line.level == 1)


def _is_only_site_name(title: str, names: set[str]) -> bool:
    """Whether the title is nothing but the name of the site."""
    return all(match_key(part) in names for part in _SEPARATOR.split(title) if match_key(part))


def _repeated_heading(headings: Sequence[TextBlock], titles: Sequence[str]) -> str | None:
    """The heading that most of the declared titles repeat, whole or before a suffix."""
    squashed = [squash(title) for title in titles]
    best, heading = 0.0, None
    for line in headings:
        text = squash(line.text)
        votes = sum(_is_same_title(text, title) for title in squashed)
        weight = votes + (_FIRST_LEVEL_WEIGHT if _is_first_level(line) else 0.0)
        if votes and weight > best:
            best, heading = weight, line.text
    return _declared_spelling(heading, titles) if heading else None


def _declared_spelling(heading: str, titles: Sequence[str]) -> str:
    """The heading, or its declared spelling if markup puts a kicker into it."""
    if match_key(heading) in map(match_key, titles):
        return heading
    text = squash(heading)
    for title in titles:
        squashed = squash(title)
        if squashed == text or (len(squashed) >= MIN_CHARS and text.endswith(squashed)):
            return title
    return heading


def _is_same_title(heading: str, title: str) -> bool:
    if heading == title:
        return True
    shorter, longer = sorted((heading, title), key=len)
    if len(shorter) < MIN_CHARS:
        return False
    return longer.startswith(shorter) or (longer.endswith(shorter) and 2 * len(shorter) > len(longer))


def _similar_heading(headings: Sequence[TextBlock], titles: Sequence[str]) -> str | None:
    """The first-level heading closest to a declared title: titles for search engines have other words."""
    words_of_titles = [_title_words(title) for title in titles]
    squashed = [squash(title) for title in titles]
    best, heading = 0.0, None
    for line in headings:
        if not _is_first_level(line) or any(title.endswith(squash(line.text)) for title in squashed):
            continue  # a heading that is the end of a title is the name of the site
        words = _title_words(line.text)
        if len(words) >= MIN_WORDS:
            shares = (len(words & other) / min(len(words), len(other)) for other in words_of_titles if other)
            share = max(shares, default=0.0)
            if share > best:
                best, heading = share, line.text
    return heading if best >= _MIN_OVERLAP else None


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
