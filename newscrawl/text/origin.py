"""Where a story comes from: what notices, bylines and links on the page say of an agency."""

from __future__ import annotations

from newscrawl.parts import Syndication
from newscrawl.text.agencies import agency_named
from newscrawl.text.authors import Byline
from newscrawl.text.folding import key
from newscrawl.text.head import Head, canonical_of
from newscrawl.text.jsonld import linked, strings, text
from newscrawl.text.notices import Wire
from newscrawl.urls import absolute, host_of

_SOURCES = ("sourceOrganization", "provider")
_SOURCE_METAS = (
    "article:source",
    "news_source",
    "dc.source",
    "dcterms.source",
    "source",
    "original-source-name",
)
_POINTERS = ("original-source", "syndication-source")


def syndication_of(head: Head, wire: Wire, byline: Byline) -> Syndication:
    """What the page says; None where it is silent."""
    evidence = list(wire.evidence)
    original = _original(head, evidence)
    if byline.agency:
        evidence.append(f"byline:{byline.agency}")
    source = _source(head, evidence)
    agency = wire.agency or byline.agency or source
    own = _own_site(agency, head.url)
    known = original is not None or (not own and bool(wire.syndicated or byline.alone or source))
    return Syndication(
        is_syndicated=True if known else None,
        agency=(agency_named(agency) or agency) if agency else None,
        original_url=original,
        notice=wire.notice,
        evidence=list(dict.fromkeys(evidence)),
    )


def _source(head: Head, evidence: list[str]) -> str | None:
    """An agency that the page declares as the story's source."""
    said = [
        (f"jsonld:{name}", text(node.get("name")))
        for name in _SOURCES
        for node in linked(head.nodes, head.story.get(name))
    ]
    said += [(f"meta:{name}", head.meta(name)) for name in _SOURCE_METAS]
    for name, who in said:
        if agency := agency_named(who) if who else None:
            evidence.append(f"{name}={agency}")
            return agency
    return None


def _own_site(agency: str | None, url: str) -> bool:
    """Whether the page is on the agency's own site: it syndicates nothing there."""
    name = key(agency).replace(" ", "") if agency else ""
    return bool(name) and any(label.startswith(name) for label in host_of(url).split("."))


def _original(head: Head, evidence: list[str]) -> str | None:
    """An address on another site that the page names as the story's origin."""
    said = [(name, head.meta(name) or head.link(name)) for name in _POINTERS]
    said += [
        ("isBasedOn", next(iter(strings(head.story.get("isBasedOn"))), None)),
        ("canonical", canonical_of(head)),
    ]
    for name, address in said:
        full = absolute(address, head.url) if address else None
        if full and _site(full) != _site(head.url):
            evidence.append(f"{name}:{host_of(full)}")
            return full
    return None


def _site(url: str) -> str:
    """The last two labels of a host: coarse, so that a mobile host is never called another site."""
    return ".".join(host_of(url).split(".")[-2:])
