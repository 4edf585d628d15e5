"""Wire notices and datelines: lifted out of the text, kept as fields."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Literal

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.head import Head, canonical_of
from newscrawl.extraction.jsonld import linked, strings, text
from newscrawl.extraction.metadata.authors import Byline
from newscrawl.extraction.metadata.names import agency_named
from newscrawl.extraction.normalize import key
from newscrawl.items import Syndication
from newscrawl.urls import absolute, host_of

DATA = "notices.toml"
LAST = 6
"Paragraphs from the end among which a notice may stand."
MAX_CHARS = 600
"A notice is short; a dateline is looked for in so many first characters."

BELOW = 12
"Lines below the story in which a notice may stand."
BELOW_CHARS = 200
_NAMES = re.compile(r"\s*(?:/|,|\bet\b|\band\b|\bavec\b|\bwith\b)\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    id: str
    at: Literal["start", "end", "tail"]
    pattern: re.Pattern[str]
    strip: bool
    inside: bool
    syndicated: bool
    agency: str | None


@dataclass(kw_only=True, slots=True)
class Wire:
    """What notices and datelines said of a story's origin."""

    syndicated: bool | None = None
    agency: str | None = None
    notice: str | None = None
    place: str | None = None
    evidence: list[str] = field(default_factory=list)

    def hear(self, notice: Notice, found: re.Match[str]) -> None:
        groups = found.groupdict()
        self.evidence.append(f"notice:{notice.id}")
        self.syndicated = notice.syndicated or self.syndicated
        self.agency = (
            self.agency or groups.get("agency") or notice.agency or _known(groups.get("among") or "")
        )
        self.place = self.place or groups.get("place")
        if notice.at != "start" and self.notice is None:
            self.notice = found.group().strip()


def _known(names: str) -> str | None:
    return next((short for name in _NAMES.split(names) if (short := agency_named(name))), None)


@cache
def notices() -> tuple[Notice, ...]:
    """The notices that come with the package."""
    data = tomllib.loads(files("newscrawl.extraction").joinpath(DATA).read_text(encoding="utf-8"))
    return tuple(
        Notice(
            id=table["id"],
            at=table["at"],
            pattern=re.compile(table["pattern"]),
            strip=table.get("strip", False),
            inside=table.get("inside", False),
            syndicated=table.get("syndicated", False),
            agency=table.get("agency"),
        )
        for table in data["notice"]
    )


def lift_notices(blocks: list[RawBlock]) -> tuple[list[RawBlock], Wire, list[str]]:
    """The blocks without notices, what these said, and what was taken out."""
    wire, taken = Wire(), list[str]()
    if not blocks:
        return blocks, wire, taken
    _hear_start(blocks[0], wire)
    first = max(0, len(blocks) - LAST)
    kept = blocks[:first] + [block for block in blocks[first:] if not _is_notice(block, wire, taken)]
    while kept and (shorter := _without_tail(kept[-1], wire, taken)):
        kept[-1] = shorter
    return kept, wire, taken


def hear_around(lines: Sequence[RawBlock], story: Sequence[RawBlock], wire: Wire) -> None:
    """Listen to the lines right below the story: they too may say where it is from."""
    inside = {key(block.text) for block in story}
    last = next((at for at in reversed(range(len(lines))) if key(lines[at].text) in inside), None)
    if last is None:
        return
    for line in lines[last + 1 : last + 1 + BELOW]:
        heard = ((notice, found) for notice in _below() if (found := notice.pattern.match(line.text)))
        if len(line.text) <= BELOW_CHARS and (first := next(heard, None)):
            wire.hear(*first)


@cache
def _below() -> tuple[Notice, ...]:
    """Those that may stand below a story."""
    return tuple(notice for notice in notices() if notice.at == "end" and not notice.inside)


def _hear_start(block: RawBlock, wire: Wire) -> None:
    start = block.text[:MAX_CHARS]
    heard = next(
        ((n, found) for n in notices() if n.at == "start" and (found := n.pattern.match(start))), None
    )
    if heard:
        wire.hear(*heard)


def _is_notice(block: RawBlock, wire: Wire, taken: list[str]) -> bool:
    """Whether the block goes; credits are heard and stay."""
    if len(block.text) > MAX_CHARS:
        return False
    for notice in notices():
        if notice.at == "end" and (found := notice.pattern.match(block.text)):
            wire.hear(notice, found)
            if notice.strip:
                taken.append(block.text)
            return notice.strip
    return False


def _without_tail(block: RawBlock, wire: Wire, taken: list[str]) -> RawBlock | None:
    """The block without the notice glued to its end; None when there is none."""
    for notice in notices():
        if notice.at == "tail" and (
            found := notice.pattern.search(block.text, max(0, len(block.text) - MAX_CHARS))
        ):
            wire.hear(notice, found)
            taken.append(found.group().strip())
            rest = block.text[: found.start()].rstrip()
            return replace(block, text=rest) if rest else None
    return None


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
