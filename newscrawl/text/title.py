"""The headline: which of the page's titles, and without the site's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from newscrawl.text.blocks import RawBlock
from newscrawl.text.folding import cut, key
from newscrawl.text.head import Head
from newscrawl.text.jsonld import text

MAX_CHARS = 500
_SEPARATOR = re.compile(r"\s+[|–—·•»:‹›\-]+\s+|\s*[|»]\s*|\s::\s")
_SITE_WORDS = 6
"A site's name after a separator has no more words than this."
_PLACEHOLDERS = frozenset(
    map(
        key,
        ("Ajoutez votre titre ici", "Add Your Heading Text Here", "Ceci est le titre", "This is the heading"),
    )
)
_ALIKE = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Title:
    text: str | None
    raw: str | None
    keys: set[str]
    "Keys of every spelling, by which repeats are known."


def title_of(head: Head, lines: Sequence[RawBlock], sites: Iterable[str], feed_title: str | None) -> Title:
    """The headline readers see where metadata agree with it; else that of the metadata, without the site."""
    names = {key(name) for name in (*sites, head.meta("og:site_name", "application-name") or "") if name}
    declared = [
        one
        for one in (
            head.meta("og:title"),
            text(head.story.get("headline")),
            head.meta("twitter:title", "dc.title", "title"),
            head.title,
        )
        if one and not _only_site(one, names)
    ]
    shown = [
        line.text
        for line in lines
        if line.kind == "h" and line.level == 1 and key(line.text) not in names | _PLACEHOLDERS
    ]
    raw = next(iter([*declared, *shown]), None)
    best = _agreeing(shown, declared) or (without_site(declared[0], names, declared) if declared else None)
    best = best or (shown[0] if shown else None) or _second(lines, raw) or feed_title
    keys = {key(one) for one in (best, raw, *declared[:4]) if one} | {
        key(without_site(one, names, declared)) for one in declared[:4]
    }
    return Title(
        text=cut(best, MAX_CHARS) if best else None,
        raw=cut(raw, MAX_CHARS) if raw else None,
        keys=keys - {""},
    )


def _only_site(title: str, names: set[str]) -> bool:
    """Whether nothing but the site's name is in it."""
    return all(key(part) in names for part in _SEPARATOR.split(title) if key(part))


def _agreeing(shown: list[str], declared: list[str]) -> str | None:
    """The first level heading that a declared title repeats, whole or before its suffix."""
    for one in shown[:8]:
        known = key(one)
        if known and any(_same(known, key(title)) for title in declared):
            return one
    return None


def _same(shown: str, declared: str) -> bool:
    if shown == declared:
        return True
    if len(shown) >= 12 and (declared.startswith(shown) or declared.endswith(shown)):
        return True
    cut_off = declared.removesuffix("...").rstrip()
    return len(cut_off) >= 30 and shown.startswith(cut_off)


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


def _second(lines: Sequence[RawBlock], raw: str | None) -> str | None:
    """A heading of any level that is like the declared title."""
    if not raw:
        return None
    likes = (
        (SequenceMatcher(None, key(line.text), key(raw)).quick_ratio(), line.text)
        for line in lines[:60]
        if line.kind == "h"
    )
    ratio, found = max(likes, default=(0.0, None), key=lambda pair: pair[0])
    return found if ratio >= _ALIKE else None
