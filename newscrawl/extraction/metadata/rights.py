"""Rights: what page and site declare about use by machines, which of it is a reservation, and the policy.

A reservation is about use, not about search: `noindex` is no reservation. None keeps a page from the archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from newscrawl.extraction.head import PageHead
from newscrawl.extraction.normalize import truncate
from newscrawl.extraction.parse import find_header
from newscrawl.items import Article, Rejection, Rights, RightsPolicy, reject_article
from newscrawl.urls import absolute_url

PRODUCT_NAME = "newscrawl"
"The product token by which robots.txt and meta elements may address us."
_ROBOTS_METAS = ("robots", PRODUCT_NAME, "googlebot", "googlebot-news", "bingbot")
"Meta elements with directives: for all crawlers, for us, and for single other crawlers."
MAX_DIRECTIVES = 40
_MAX_CHARS = 60
_UNAVAILABLE_AFTER = "unavailable_after"
_VALUE_DIRECTIVES = frozenset({"max-snippet", "max-image-preview", "max-video-preview", _UNAVAILABLE_AFTER})
_YES_OR_NO = ("index", "follow", "archive", "cache", "snippet", "imageindex", "ai", "imageai")
_DIRECTIVES = frozenset(
    (*_YES_OR_NO, *(f"no{name}" for name in _YES_OR_NO), "all", "none", "notranslate", "indexifembedded")
)
_WORD = re.compile(r"[a-z][a-z_-]{1,40}")
_AGENT = re.compile(r"([a-z][\w. /-]{0,60}|\*)\s*:(.*)", re.DOTALL)
NO_MINING = frozenset({"noai"})
"Directives against use by machines."
NO_COPIES = frozenset({"noarchive", "nocache"})
"Directives against showing copies: they allow to archive a page, but not to pass it on."
USES = frozenset({"ai-train", "ai-input", "train-ai", "train-genai", "genai", "ai", "tdm"})
"Uses that Content-Signal and Content-Usage can refuse; search is no such use."
_PREFERENCE = re.compile(r"([a-z][a-z0-9-]{0,40})\s{0,4}=\s{0,4}\??([a-z0-9]{1,10})")
_REFUSED = frozenset({"no", "n", "0"})
_MAX_SIGNALS = 20
WITNESS_RESERVED = "witness_reserved"
"Flag of an article that the answer of its source reserves, and not the page itself."


def parse_robots_directives(metas: Iterable[tuple[str, str]], tags: Iterable[str]) -> list[str]:
    """Parse robots meta elements (name, content) and X-Robots-Tag headers; other crawlers' get a prefix."""
    directives = [rule for name, content in metas for rule in _parse_directives(name, content.lower())]
    directives += [directive for tag in tags for directive in _parse_robots_tag(tag.lower())]
    return list(dict.fromkeys(directives))[:MAX_DIRECTIVES]


def _parse_robots_tag(tag: str) -> Iterator[str]:
    """Parse a header, which may begin with the name of the crawler to which it is addressed."""
    agent, rest = "", tag
    match = _AGENT.fullmatch(tag.strip())
    if match and match[1].strip() not in _VALUE_DIRECTIVES and "," not in match[1]:
        agent, rest = match[1].strip(), match[2]
    return _parse_directives(agent, rest)


def _parse_directives(agent: str, text: str) -> Iterator[str]:
    prefix = "" if agent in ("", "*", "robots", PRODUCT_NAME) else f"{agent}:"
    return (f"{prefix}{directive}" for directive in _split_directives(text))


def _split_directives(text: str) -> Iterator[str]:
    """Split directives at commas or other separators; a date in a directive may have commas and colons."""
    parts = text.split(",")
    for at, part in enumerate(parts):
        name, colon, value = (piece.strip() for piece in part.partition(":"))
        if name == _UNAVAILABLE_AFTER and colon:
            yield _with_value(name, " ".join([value, *_rest_of_date(parts[at + 1 :])]))
        elif name in _VALUE_DIRECTIVES and colon:
            yield _with_value(name, value)
        elif not colon or name in _DIRECTIVES:
            yield from (word for word in _WORD.findall(name) if word in _DIRECTIVES or word == name)


def _rest_of_date(parts: list[str]) -> Iterator[str]:
    """Yield the parts after a comma that still belong to a date."""
    for part in parts:
        words = part.split()
        if not re.search(r"\d", part) or words[0].partition(":")[0] in _DIRECTIVES | _VALUE_DIRECTIVES:
            return
        yield " ".join(words)


def _with_value(name: str, value: str) -> str:
    return f"{name}:{truncate(' '.join(value.split()), _MAX_CHARS)}"


def read_rights(head: PageHead, site: str | None = None) -> Rights:
    """Read the rights declared by header, page and site, in this order; `site` is as the link notes it."""
    site_rights = dict(pair.partition("=")[::2] for pair in (site or "").split())
    metas = [(name, content) for name in _ROBOTS_METAS for content in head.metas.get(name, ())]
    tags = (find_header(head.headers, "x-robots-tag") or "").split("\n")
    directives = parse_robots_directives(metas, tags)
    reserved, source, policy = _read_tdm(head, site_rights)
    signals = _read_signals(head, site_rights)
    ai_txt = {"yes": True, "no": False}.get(site_rights.get("ai.txt", ""))
    return Rights(
        tdm_reserved=reserved,
        tdm_source=source,  # type: ignore[arg-type] # its three names
        policy_url=absolute_url(policy, head.url) if policy else None,
        robots_meta=directives,
        signals=signals,
        ai_txt=ai_txt,
        reserved_by=_list_reservations(reserved, directives, signals, ai_txt),
    )


def list_source_reservations(
    url: str, headers: Mapping[str, str], site: str | None = None
) -> tuple[str, ...]:
    """What reserves the answer of a source by its headers and by the site's files, as in `reserved_by`."""
    head = PageHead(
        url=url, metas={}, links=(), headers=headers, nodes=[], story_node={}, lang=None, title=None
    )
    return tuple(read_rights(head, site).reserved_by)


def add_reservations(article: Article, reserved_by: Iterable[str]) -> Article:
    """Let the reservations of a source that was used for an article hold for it; a flag says so."""
    own = article.rights.reserved_by
    added = [name for name in reserved_by if name not in own]
    if not added:
        return article
    rights = article.rights.model_copy(update={"reserved_by": [*own, *added]})
    flags = [*article.quality.flags, WITNESS_RESERVED]
    return article.model_copy(
        update={"rights": rights, "quality": article.quality.model_copy(update={"flags": flags})}
    )


def apply_rights_policy(article: Article, policy: RightsPolicy) -> Article | Rejection:
    """Apply a policy to an article with reservations: note it in the article, or reject the article.

    A page that only forbids copies is never skipped; the policy `no-export` covers it.
    """
    reserved = article.rights.reserved_by
    if not reserved:
        return article
    if policy == "skip":
        if not NO_COPIES.issuperset(reserved):
            return reject_article(article, "rights", "rights_reserved", f"reserved by {', '.join(reserved)}")
        policy = "no-export"
    return article.model_copy(update={"rights": article.rights.model_copy(update={"policy": policy})})


def _read_tdm(head: PageHead, site: Mapping[str, str]) -> tuple[bool | None, str | None, str | None]:
    """Whether mining is reserved, where that is declared, and the URL of the terms."""
    header, meta = find_header(head.headers, "tdm-policy"), head.meta("tdm-policy")
    sources = (
        ("header", [find_header(head.headers, "tdm-reservation") or ""], header),
        ("meta", head.metas.get("tdm-reservation", ()), meta),
        ("site", [site.get("tdm-reservation", "")], site.get("tdm-policy")),
    )
    for source, texts, policy in sources:
        flags = {value.strip() for text in texts for value in text.split(",")} & {"0", "1"}
        if flags:
            # A source that declares both counts as a reservation.
            return "1" in flags, source, policy or header or meta
    return None, None, header or meta


def _read_signals(head: PageHead, site: Mapping[str, str]) -> list[str]:
    """Preferences by name: those of the page, then those that only the site declares."""
    signals: dict[str, str] = {}
    for name in ("content-signal", "content-usage"):
        for key, value in _PREFERENCE.findall((find_header(head.headers, name) or "").lower()):
            signals.setdefault(key, value)
    for key, value in site.items():
        if key not in ("tdm-reservation", "tdm-policy", "ai.txt"):
            signals.setdefault(key, value)
    return [f"{key}={value}" for key, value in signals.items()][:_MAX_SIGNALS]


def _list_reservations(
    reserved: bool | None, directives: list[str], signals: list[str], ai_txt: bool | None
) -> list[str]:
    pairs = [signal.partition("=") for signal in signals]
    return [
        *(["tdm-reservation=1"] if reserved else []),
        *(directive for directive in directives if directive in NO_MINING | NO_COPIES),
        *(f"{key}={value}" for key, _, value in pairs if key in USES and value in _REFUSED),
        *(["ai.txt"] if ai_txt is False else []),
    ]
