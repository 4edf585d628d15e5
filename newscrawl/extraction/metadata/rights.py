"""What is said of a page's use by machines, what of it is a reservation, and what a policy makes of that.

A reservation is about use, not about being found: `noindex` is none, and none keeps a page from the archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from newscrawl.extraction.head import Head
from newscrawl.extraction.normalize import cut
from newscrawl.extraction.parse import header
from newscrawl.items import Article, Rejection, Rights, RightsPolicy, rejection_of
from newscrawl.urls import absolute

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


NO_MINING = frozenset({"noai"})
"Directives that speak against use by machines."
NO_COPIES = frozenset({"noarchive", "nocache"})
"Directives against showing copies: keeping one is not meant, giving it away is."
USES = frozenset({"ai-train", "ai-input", "train-ai", "train-genai", "genai", "ai", "tdm"})
"Uses that Content-Signal and Content-Usage can refuse; to be searched is another matter."
_PREFERENCE = re.compile(r"([a-z][a-z0-9-]{0,40})\s{0,4}=\s{0,4}\??([a-z0-9]{1,10})")
_REFUSED = frozenset({"no", "n", "0"})
_MAX_SIGNALS = 20


def rights_of(head: Head, site: str | None = None) -> Rights:
    """What page and site say, the site as a link notes it. A header wins over the page, the page over it."""
    told = dict(pair.partition("=")[::2] for pair in (site or "").split())
    directives = directives_of(_robots_metas(head), (header(head.headers, "x-robots-tag") or "").split("\n"))
    reserved, source, policy = _tdm(head, told)
    signals = _signals(head, told)
    ai_txt = {"yes": True, "no": False}.get(told.get("ai.txt", ""))
    return Rights(
        tdm_reserved=reserved,
        tdm_source=source,  # type: ignore[arg-type] # its three names
        policy_url=absolute(policy, head.url) if policy else None,
        robots_meta=directives,
        signals=signals,
        ai_txt=ai_txt,
        reserved_by=_reserving(reserved, directives, signals, ai_txt),
    )


def decided(article: Article, policy: RightsPolicy) -> Article | Rejection:
    """The article with what the policy makes of its reservations, or why it is not written.

    Who only wants no copies shown is never skipped: that is what no-export is for.
    """
    reserved = article.rights.reserved_by
    if not reserved:
        return article
    if policy == "skip":
        if not NO_COPIES.issuperset(reserved):
            return rejection_of(article, "rights", "rights_reserved", f"reserved by {', '.join(reserved)}")
        policy = "no-export"
    return article.model_copy(update={"rights": article.rights.model_copy(update={"policy": policy})})


def _robots_metas(head: Head) -> list[tuple[str, str]]:
    return [(name, content) for name in ("robots", OURS, *OTHERS) for content in head.metas.get(name, ())]


def _tdm(head: Head, site: Mapping[str, str]) -> tuple[bool | None, str | None, str | None]:
    """Whether mining is reserved, who says so, and where the terms are."""
    said = {
        "header": [header(head.headers, "tdm-reservation") or ""],
        "meta": list(head.metas.get("tdm-reservation", ())),
        "site": [site.get("tdm-reservation", "")],
    }
    policies = {
        "header": header(head.headers, "tdm-policy"),
        "meta": head.meta("tdm-policy"),
        "site": site.get("tdm-policy"),
    }
    for source, texts in said.items():
        values = {value.strip() for text in texts for value in text.split(",")} & {"0", "1"}
        if values:
            # Who says both has reserved.
            return "1" in values, source, policies[source] or policies["header"] or policies["meta"]
    return None, None, policies["header"] or policies["meta"]


def _signals(head: Head, site: Mapping[str, str]) -> list[str]:
    """Preferences by name: the page's own, then those of the site that it does not speak of."""
    found: dict[str, str] = {}
    for name in ("content-signal", "content-usage"):
        for key, value in _PREFERENCE.findall((header(head.headers, name) or "").lower()):
            found.setdefault(key, value)
    for key, value in site.items():
        if key not in ("tdm-reservation", "tdm-policy", "ai.txt"):
            found.setdefault(key, value)
    return [f"{key}={value}" for key, value in found.items()][:_MAX_SIGNALS]


def _reserving(
    reserved: bool | None, directives: list[str], signals: list[str], ai_txt: bool | None
) -> list[str]:
    pairs = [signal.partition("=") for signal in signals]
    return [
        *(["tdm-reservation=1"] if reserved else []),
        *(one for one in directives if one in NO_MINING | NO_COPIES),
        *(f"{key}={value}" for key, _, value in pairs if key in USES and value in _REFUSED),
        *(["ai.txt"] if ai_txt is False else []),
    ]
