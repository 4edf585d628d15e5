"""Directives for robots that come with a page, in meta elements and X-Robots-Tag, and whom they are for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from newscrawl.text.folding import cut

OURS = "newscrawl"
"Our product token, as robots.txt and a meta element may name us."
OTHERS = ("googlebot", "googlebot-news", "bingbot")
"Meta elements for one crawler that is not us."
MAX_DIRECTIVES = 40
_MAX_CHARS = 60
_UNTIL = "unavailable_after"
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", _UNTIL})
_YES_OR_NO = ("index", "follow", "archive", "cache", "snippet", "imageindex", "ai", "imageai")
_KNOWN = frozenset(
    (*_YES_OR_NO, *(f"no{name}" for name in _YES_OR_NO), "all", "none", "notranslate", "indexifembedded")
)
_WORD = re.compile(r"[a-z][a-z_-]{1,40}")
_AGENT = re.compile(r"([a-z][\w. /-]{0,60}|\*)\s*:(.*)", re.DOTALL)


def directives_of(metas: Iterable[tuple[str, str]], tags: Iterable[str]) -> list[str]:
    """Of meta elements (name, content) and X-Robots-Tag headers: for us plain, for others with their name."""
    said = [_for(name, one) for name, content in metas for one in _directives(content.lower())]
    said += [one for tag in tags for one in _of_tag(tag.lower())]
    return list(dict.fromkeys(said))[:MAX_DIRECTIVES]


def _of_tag(tag: str) -> Iterator[str]:
    """A header may begin with the name of the one crawler that it is for."""
    agent, rest = "", tag
    named = _AGENT.fullmatch(tag.strip())
    if named and named[1].strip() not in _VALUED and "," not in named[1]:
        agent, rest = named[1].strip(), named[2]
    return (_for(agent, one) for one in _directives(rest))


def _for(agent: str, directive: str) -> str:
    return directive if agent in ("", "*", "robots", OURS) else f"{agent}:{directive}"


def _directives(text: str) -> Iterator[str]:
    """Directives divided by commas, or by whatever else; the date of one may hold commas and colons."""
    parts = text.split(",")
    for place, part in enumerate(parts):
        name, colon, value = (piece.strip() for piece in part.partition(":"))
        if name == _UNTIL and colon:
            yield _with_value(name, " ".join([value, *_dated(parts[place + 1 :])]))
        elif name in _VALUED and colon:
            yield _with_value(name, value)
        elif not colon or name in _KNOWN:
            yield from (word for word in _WORD.findall(name) if word in _KNOWN or word == name)


def _dated(parts: list[str]) -> Iterator[str]:
    """What follows a comma and still belongs to a date."""
    for part in parts:
        words = part.split()
        if not words or not re.search(r"\d", part) or words[0].partition(":")[0] in _KNOWN | _VALUED:
            return
        yield " ".join(words)


def _with_value(name: str, value: str) -> str:
    return f"{name}:{cut(' '.join(value.split()), _MAX_CHARS)}"
