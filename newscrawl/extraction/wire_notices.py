"""Wire notices and datelines: what they say about the origin of a story, taken from its text into fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead, canonical_url
from newscrawl.extraction.jsonld import first_text, resolve_nodes, string_values
from newscrawl.extraction.metadata.authors import Byline
from newscrawl.extraction.metadata.names import agency_short_name
from newscrawl.extraction.normalize import match_key
from newscrawl.items import Syndication
from newscrawl.package_data import read_package_toml
from newscrawl.urls import absolute_url, url_host

LAST_PARAGRAPHS = 6
"Paragraphs at the end among which notices are searched for."
MAX_CHARS = 600
"Longest notice; a dateline is searched for within as many characters."
LINES_BELOW = 12
"Lines below the story among which notices are searched for."
LINE_CHARS = 200
_NAME_SEPARATOR = re.compile(r"\s*(?:/|,|\bet\b|\band\b|\bavec\b|\bwith\b)\s*")
_SOURCE_PROPERTIES = ("sourceOrganization", "provider")
_SOURCE_METAS = (
    "article:source", "news_source", "dc.source", "dcterms.source", "source", "original-source-name",
)  # fmt: skip
_ORIGINAL_URL_METAS = ("original-source", "syndication-source")


Place = Literal["start", "end", "tail"]
"The first paragraph, any of the last paragraphs, or the end of the very last."


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    id: str
    at: Place
    pattern: re.Pattern[str]
    strip: bool = False
    "Whether the notice leaves the text."
    inside: bool = False
    "Whether it counts only in the story itself, not on lines near it."
    syndicated: bool = False
    agency: str | None = None


@dataclass(kw_only=True, slots=True)
class WireEvidence:
    """What notices and datelines say about the origin of a story."""

    syndicated: bool | None = None
    agency: str | None = None
    notice: str | None = None
    place: str | None = None
    evidence: list[str] = field(default_factory=list)

    def find(self, text: str, at: Place, *, nearby: bool = False) -> tuple[Notice, re.Match[str]] | None:
        """The first notice that a text has at this place; what it says is added.

        `nearby` stands for a line that is not part of the story itself.
        """
        for notice in load_notices():
            if notice.at != at or (nearby and notice.inside):
                continue
            # A notice at the end of a paragraph is searched for; any other begins the text.
            start = max(0, len(text) - MAX_CHARS)
            match = notice.pattern.search(text, start) if at == "tail" else notice.pattern.match(text)
            if match:
                self._add(notice, match)
                return notice, match
        return None

    def _add(self, notice: Notice, match: re.Match[str]) -> None:
        groups = match.groupdict()
        self.evidence.append(f"notice:{notice.id}")
        self.syndicated = notice.syndicated or self.syndicated
        self.agency = (
            self.agency or groups.get("agency") or notice.agency or _first_agency(groups.get("among") or "")
        )
        self.place = self.place or groups.get("place")
        if notice.at != "start" and self.notice is None:
            self.notice = match.group().strip()


def _first_agency(names: str) -> str | None:
    return next((short for name in _NAME_SEPARATOR.split(names) if (short := agency_short_name(name))), None)


@cache
def load_notices() -> tuple[Notice, ...]:
    """The notices that come with the package."""
    data = read_package_toml("newscrawl.extraction", "notices.toml")
    return tuple(Notice(**table | {"pattern": re.compile(table["pattern"])}) for table in data["notice"])


def extract_notices(blocks: list[TextBlock]) -> tuple[list[TextBlock], WireEvidence, list[str]]:
    """The blocks without their notices, what the notices say, and the text that was removed."""
    wire, removed = WireEvidence(), list[str]()
    if not blocks:
        return blocks, wire, removed
    wire.find(blocks[0].text[:MAX_CHARS], "start")
    first = max(0, len(blocks) - LAST_PARAGRAPHS)
    story = blocks[:first] + [block for block in blocks[first:] if not _is_removable(block, wire, removed)]
    while story and (shorter := _without_tail(story[-1], wire, removed)):
        story[-1] = shorter
    return story, wire, removed


def _is_removable(block: TextBlock, wire: WireEvidence, removed: list[str]) -> bool:
    """Whether a block is a notice that leaves the text; credits count as evidence too, but stay."""
    found = wire.find(block.text, "end") if len(block.text) <= MAX_CHARS else None
    if found is None or not found[0].strip:
        return False
    removed.append(block.text)
    return True


def _without_tail(block: TextBlock, wire: WireEvidence, removed: list[str]) -> TextBlock | None:
    """The block without the notice at the end of its text; None if there is no such notice."""
    found = wire.find(block.text, "tail")
    if found is None:
        return None
    _, match = found
    removed.append(match.group().strip())
    rest = block.text[: match.start()].rstrip()
    return replace(block, text=rest) if rest else None


def find_nearby_notices(lines: Sequence[TextBlock], story: Sequence[TextBlock], wire: WireEvidence) -> None:
    """Add the notices on the lines right below the story, which may also name its origin."""
    inside = {match_key(block.text) for block in story}
    last = next((at for at in reversed(range(len(lines))) if match_key(lines[at].text) in inside), None)
    if last is None:
        return
    for line in lines[last + 1 : last + 1 + LINES_BELOW]:
        if len(line.text) <= LINE_CHARS:
            wire.find(line.text, "end", nearby=True)


def detect_syndication(head: PageHead, wire: WireEvidence, byline: Byline) -> Syndication:
    """Whether and from where the story was syndicated; None where the page does not say."""
    evidence = list(wire.evidence)
    original = _original_url(head, evidence)
    if byline.agency:
        evidence.append(f"byline:{byline.agency}")
    source = _declared_agency(head, evidence)
    agency = wire.agency or byline.agency or source
    from_agency = bool(wire.syndicated or byline.agency_only or source) and not _is_own_site(agency, head.url)
    return Syndication(
        is_syndicated=True if original is not None or from_agency else None,
        agency=(agency_short_name(agency) or agency) if agency else None,
        original_url=original,
        notice=wire.notice,
        evidence=list(dict.fromkeys(evidence)),
    )


def _declared_agency(head: PageHead, evidence: list[str]) -> str | None:
    """An agency that the page declares as the source of the story."""
    declared = [
        (f"jsonld:{name}", first_text(node.get("name")))
        for name in _SOURCE_PROPERTIES
        for node in resolve_nodes(head.nodes, head.story_node.get(name))
    ]
    declared += [(f"meta:{name}", head.meta(name)) for name in _SOURCE_METAS]
    for where, name in declared:
        if agency := agency_short_name(name) if name else None:
            evidence.append(f"{where}={agency}")
            return agency
    return None


def _is_own_site(agency: str | None, url: str) -> bool:
    """Whether the page is on the agency's own site, where nothing is syndicated."""
    name = match_key(agency).replace(" ", "") if agency else ""
    return bool(name) and any(label.startswith(name) for label in url_host(url).split("."))


def _original_url(head: PageHead, evidence: list[str]) -> str | None:
    """An address on another site that the page names as the origin of the story."""
    declared = [(name, head.meta(name) or head.link(name)) for name in _ORIGINAL_URL_METAS]
    declared += [
        ("isBasedOn", next(iter(string_values(head.story_node.get("isBasedOn"))), None)),
        ("canonical", canonical_url(head)),
    ]
    for where, address in declared:
        url = absolute_url(address, head.url) if address else None
        if url and _site_name(url) != _site_name(head.url):
            evidence.append(f"{where}:{url_host(url)}")
            return url
    return None


def _site_name(url: str) -> str:
    """The last two labels of a host: coarse, so that a mobile host never counts as another site."""
    return ".".join(url_host(url).split(".")[-2:])
