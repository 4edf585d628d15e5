"""The headline: which of the page's titles, and without the site's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote, urlsplit

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import text
from newscrawl.extraction.normalize import cut, key

MAX_CHARS = 500
_SEPARATOR = re.compile(r"\s+[|–—·•»:‹›\-]+\s+|\s*[|»]\s*|\s::\s")
_BAR = re.compile(r"\s+[|»]\s+")
MIN_FRONT_WORDS = 4
MAX_SEPARATORS = 6
_SITE_WORDS = 6
"A site's name after a separator has no more words than this."
_PLACEHOLDERS = frozenset(
    map(
        key,
        ("Ajoutez votre titre ici", "Add Your Heading Text Here", "Ceci est le titre", "This is the heading"),
    )
)
_ALIKE = 0.34
"Share of the words that a heading has in common with a declared title."
_WORD = re.compile(r"\w+")
MIN_WORDS = 2
_TOP = 0.5
"A heading of the first level outweighs others of as many votes, and no vote."
_NO_WORD = re.compile(r"[\W_]+")
MIN_CHARS = 12
"A shorter heading is found in too many titles by chance."
_HIGH = ("h1", "h2", "h3")
"Headings below these are of parts of the story."
MAX_HEADINGS = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Title:
    text: str | None
    raw: str | None
    keys: set[str]
    "Keys of every spelling, by which repeats are known."


def title_of(head: Head, lines: Sequence[RawBlock], sites: Iterable[str], feed_title: str | None) -> Title:
    """The headline readers see where metadata agree with it; else that of the metadata, without the site."""
    names = {key(name) for name in (*sites, head.meta("og:site_name", "application-name") or "") if name}
    declared = [one for one in _declared(head) if not _only_site(one, names)]
    shown = list(islice(_shown(lines, names | _PLACEHOLDERS), MAX_HEADINGS))
    raw = next(iter([*declared, *(line.text for line in shown if _is_top(line))]), None)
    bare = [without_site(one, names, declared) for one in declared]
    best = _agreeing(shown, bare) or _alike(shown, [*bare, *_slug(head.url)])
    best = (
        best
        or next((part for one in bare if (part := _shown_part(one, lines))), None)
        or next(map(_before_bar, bare), None)
        or next((line.text for line in shown if _is_top(line)), None)
    )
    best = best or feed_title
    return Title(
        text=cut(best, MAX_CHARS) if best else None,
        raw=cut(raw, MAX_CHARS) if raw else None,
        keys={key(one) for one in (best, raw, *declared, *bare) if one} - {""},
    )


def _declared(head: Head) -> list[str]:
    said = (
        head.meta("og:title"),
        text(head.story.get("headline")),
        head.meta("twitter:title", "dc.title", "title"),
        head.title,
    )
    return [one for one in said if one]


def _shown(lines: Sequence[RawBlock], unfit: set[str]) -> Iterator[RawBlock]:
    """Headings that may be the headline."""
    for line in lines:
        if _is_high(line) and len(line.text) <= MAX_CHARS:
            folded = key(line.text)
            if folded and folded not in unfit:
                yield line


def _is_high(line: RawBlock) -> bool:
    return line.element.tag in _HIGH or (line.kind == "h" and (line.level or 6) <= len(_HIGH))


def _is_top(line: RawBlock) -> bool:
    """A heading of the first level, also in a list: some pages hold it in their breadcrumbs."""
    return line.element.tag == "h1" or (line.kind == "h" and line.level == 1)


def _only_site(title: str, names: set[str]) -> bool:
    """Whether nothing but the site's name is in it."""
    return all(key(part) in names for part in _SEPARATOR.split(title) if key(part))


def _agreeing(shown: Sequence[RawBlock], bare: Sequence[str]) -> str | None:
    """The heading that most of the declared titles repeat, whole or before a suffix."""
    wanted = [_squashed(one) for one in bare]
    best, found = 0.0, None
    for line in shown:
        folded = _squashed(line.text)
        votes = sum(_same(folded, one) for one in wanted)
        weight = votes + (_TOP if _is_top(line) else 0.0)
        if votes and weight > best:
            best, found = weight, line.text
    return _spelled(found, bare, wanted) if found else None


def _spelled(found: str, bare: Sequence[str], wanted: Sequence[str]) -> str:
    """The heading, or its declared spelling where markup put a kicker into it."""
    known, folded = {key(one): one for one in reversed(bare)}, _squashed(found)
    if key(found) in known:
        return found
    for one, squashed in zip(bare, wanted, strict=True):
        if squashed == folded or (len(squashed) >= MIN_CHARS and folded.endswith(squashed)):
            return one
    return found


@lru_cache(maxsize=1024)
def _squashed(line: str) -> str:
    """Letters and digits alone: how markup and metadata divide a headline differs."""
    return _NO_WORD.sub("", key(line))


def _same(shown: str, declared: str) -> bool:
    if shown == declared:
        return True
    shorter, longer = sorted((shown, declared), key=len)
    if len(shorter) < MIN_CHARS:
        return False
    return longer.startswith(shorter) or (longer.endswith(shorter) and 2 * len(shorter) > len(longer))


def _alike(shown: Sequence[RawBlock], known: Sequence[str]) -> str | None:
    """The top heading that says in other words what is declared: titles for search engines differ from it."""
    wanted = [_words(one) for one in known]
    whole = [_squashed(one) for one in known]
    best, found = 0.0, None
    for line in shown:
        if not _is_top(line) or any(one.endswith(_squashed(line.text)) for one in whole):
            continue  # what stands at a title's end alone is the site's name
        words = _words(line.text)
        if len(words) >= MIN_WORDS:
            share = max((_share(words, one) for one in wanted if one), default=0.0)
            if share > best:
                best, found = share, line.text
    return found if best >= _ALIKE else None


def _before_bar(title: str) -> str:
    """A declared title that no heading repeats, without what pages hang on it behind a bar."""
    front = _BAR.split(title, maxsplit=1)[0]
    return front if len(front.split()) >= MIN_FRONT_WORDS else title


def _shown_part(title: str, lines: Sequence[RawBlock]) -> str | None:
    """The longer side of a separator, where a line of the page is that side: the other names the site."""
    sides = [
        side
        for found in islice(_SEPARATOR.finditer(title), MAX_SEPARATORS)
        for side in (title[: found.start()], title[found.end() :])
        if 2 * len(side) > len(title) and len(side.split()) >= MIN_FRONT_WORDS
    ]
    folded = {key(side) for side in sides}
    short = (line.text for line in lines if folded and len(line.text) <= MAX_CHARS)
    return next((line for line in short if key(line) in folded), None)


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / min(len(one), len(other))


def _words(line: str) -> frozenset[str]:
    """Words that carry meaning, or at least length."""
    return frozenset(word for word in _WORD.findall(key(line)) if len(word) > 2)


def _slug(url: str) -> list[str]:
    """The words of an address's last part that has several."""
    parts = [part for part in unquote(urlsplit(url).path).split("/") if part.count("-") >= MIN_WORDS]
    return [parts[-1].replace("-", " ")] if parts else []


def without_site(title: str, names: set[str], declared: Sequence[str]) -> str:
    """The title without a site's name at its end or beginning."""
    parts = list(_SEPARATOR.finditer(title))
    if not parts:
        return title
    last, first = parts[-1], parts[0]
    tail, front = title[last.end() :], title[: first.start()]
    if _is_site(key(tail), names) or _is_suffix(title[: last.start()], tail, declared):
        return without_site(title[: last.start()].strip(), names, declared)
    if _is_site(key(front), names):
        return title[first.end() :].strip()
    return title


def _is_site(part: str, names: set[str]) -> bool:
    return bool(part) and any(
        part == name
        or ((len(part) > 3 and (part in name or name in part)) and len(part.split()) <= _SITE_WORDS)
        for name in names
        if len(name) > 2
    )


def _is_suffix(front: str, tail: str, declared: Sequence[str]) -> bool:
    """Whether another declared title is the same without the tail."""
    return len(tail.split()) <= _SITE_WORDS and any(key(front) == key(other) for other in declared)
