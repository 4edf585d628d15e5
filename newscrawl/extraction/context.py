"""Everything about a page except its content: URL, response, outlet, rules and memory of the site."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypedDict

from newscrawl import __version__
from newscrawl.digests import SHORT_DIGITS, json_digest
from newscrawl.extraction.boilerplate import SiteMemory
from newscrawl.extraction.classifier.model import BlockClassifier
from newscrawl.extraction.following_pages import StoryPlace
from newscrawl.extraction.normalize import normalize_spaces, truncate
from newscrawl.extraction.parse import find_header
from newscrawl.extraction.witness import Witness
from newscrawl.items import Discovery, Extractor, Http, Link, make_discovery
from newscrawl.outlet import Outlet, Rule
from newscrawl.urls import url_host

NAME = "newscrawl"
MAX_HEADER_CHARS = 500
_DATA_SUFFIXES = (".toml", ".npz", ".txt")


class PageFacts(TypedDict, total=False):
    """What may be known of a page besides its HTML and its URL."""

    headers: Mapping[str, str]
    "Of the response."
    fetched: dt.datetime | None
    "When the page was captured: the rule of the outlet on that day applies."
    outlet: Outlet | None
    memory: SiteMemory | None
    "Boilerplate learned from other pages of the site."
    link: Link | None
    "The link that the crawl followed."
    status: int | None
    classifier: BlockClassifier | None
    "None for the model that comes with the package."
    witness: Witness | str | None
    "The story as a feed or an API of the outlet gives it; a string is the HTML of a feed's entry."
    place: StoryPlace | None
    "Which page of which story it is; None for a first page, or a page that is read by itself."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageContext:
    """A page without its content; the fields that `PageFacts` has too are explained there."""

    url: str
    rule: Rule
    headers: Mapping[str, str]
    fetched: dt.datetime | None = None
    outlet: Outlet | None = None
    memory: SiteMemory | None = None
    link: Link | None = None
    status: int | None = None
    classifier: BlockClassifier | None = None
    witness: Witness | str | None = None
    place: StoryPlace | None = None

    @property
    def requested_url(self) -> str:
        return replace_surrogates(self.link.url) if self.link else self.url

    @property
    def site_names(self) -> list[str]:
        """Names with which the outlet may end its titles."""
        host = url_host(self.url)
        names = [self.outlet.title, self.outlet.id] if self.outlet else []
        return [*names, host, host.rpartition(".")[0].rpartition(".")[2]]


def replace_surrogates(text: str) -> str:
    """Text from outside, with a question mark for each character that UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def build_context(url: str, facts: PageFacts) -> PageContext:
    """The context of a page, with text that UTF-8 can encode."""
    headers = {name: replace_surrogates(value) for name, value in (facts.get("headers") or {}).items()}
    rule = rule_at(facts.get("outlet"), facts.get("fetched"))
    return PageContext(url=replace_surrogates(url.strip()), rule=rule, **facts | {"headers": headers})


def rule_at(outlet: Outlet | None, fetched: dt.datetime | None) -> Rule:
    """The rule of the outlet on the day of the capture; without a date, the rule that has no end."""
    if outlet is None:
        return Rule()
    day = fetched.astimezone(dt.UTC).date() if fetched else dt.date.max
    return outlet.rule_for(day) or Rule()


def read_discovery(link: Link | None) -> Discovery | None:
    """How the crawl discovered the page."""
    if link is None:
        return None
    fields = make_discovery(link).model_dump()
    return Discovery.model_validate(
        {name: replace_surrogates(v) if isinstance(v, str) else v for name, v in fields.items()}
    )


def build_http(headers: Mapping[str, str], status: int | None, charset: str | None) -> Http:
    """The parts of the response that the article records."""
    content_type, etag, last_modified = (
        normalize_spaces(truncate(find_header(headers, name) or "", MAX_HEADER_CHARS)) or None
        for name in ("content-type", "etag", "last-modified")
    )
    return Http(
        status=status, content_type=content_type, charset=charset, etag=etag, last_modified=last_modified
    )


def build_extractor(outlet: Outlet | None, rule: Rule, memory: str = "") -> Extractor:
    """The program with its rules and memory file; equal digests mean that the same text would come out."""
    in_force = f"until {rule.valid_until.isoformat()}" if rule.valid_until else "current"
    platform = outlet.platform if outlet else None
    config = [rule.model_dump(mode="json"), platform, memory, _data_digest()]
    # Other forms are records of the archive; this one is chosen while the page is read.
    config += ["arc"] * (outlet is not None and "arc" in outlet.story_forms)
    return Extractor(
        name=NAME,
        version=__version__,
        rules=in_force if outlet is not None and outlet.rules else None,
        config_hash=json_digest(config, SHORT_DIGITS),
    )


@cache
def _data_digest() -> str:
    """Digest of every data file that affects the output: rules, word lists, the classifier's model."""
    packages = ("newscrawl.extraction", "newscrawl.extraction.classifier", "newscrawl.languages")
    entries = [
        entry
        for package in packages
        for entry in files(package).iterdir()
        if entry.name.endswith(_DATA_SUFFIXES)
    ]
    ordered = sorted(entries, key=lambda entry: entry.name)
    return hashlib.sha256(b"\n".join(entry.read_bytes() for entry in ordered)).hexdigest()
