"""What is known of a page before it is read."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from newscrawl import __version__
from newscrawl.extraction.boilerplate import Memory
from newscrawl.extraction.classifier.model import Judge
from newscrawl.extraction.normalize import cut, tidy
from newscrawl.extraction.parse import header
from newscrawl.items import Discovery, Extractor, Http, Link, discovery_of
from newscrawl.outlet import Outlet, Rule
from newscrawl.urls import host_of

NAME = "newscrawl"
MAX_HEADER_CHARS = 500


def encodable(text: str) -> str:
    """A string from outside without what UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def rule_of(outlet: Outlet | None, fetched: dt.datetime | None) -> Rule:
    """The outlet's rule at the capture; without a capture date, the one that holds on."""
    if outlet is None:
        return Rule()
    day = fetched.astimezone(dt.UTC).date() if fetched else dt.date.max
    return outlet.rule_for(day) or Rule()


def link_discovery(link: Link | None) -> Discovery | None:
    """How the page was found."""
    if link is None:
        return None
    said = discovery_of(link).model_dump()
    return Discovery.model_validate(
        {name: encodable(v) if isinstance(v, str) else v for name, v in said.items()}
    )


def http_of(headers: Mapping[str, str], status: int | None, charset: str) -> Http:
    """What of the response is worth keeping beside the text."""
    names = ("content-type", "etag", "last-modified")
    said = [tidy(cut(header(headers, name) or "", MAX_HEADER_CHARS)) or None for name in names]
    return Http(status=status, content_type=said[0], charset=charset, etag=said[1], last_modified=said[2])


def extractor_of(outlet: Outlet | None, rule: Rule, memory: str = "") -> Extractor:
    """Program, rules, the site's memory by name; equal digests mean that the same text would come out."""
    in_force = f"until {rule.until.isoformat()}" if rule.until else "current"
    platform = outlet.platform if outlet else None
    said = json.dumps([rule.model_dump(mode="json"), platform, memory, _data_digest()], sort_keys=True)
    return Extractor(
        name=NAME,
        version=__version__,
        rules=in_force if outlet is not None and outlet.rules else None,
        config_hash=hashlib.sha256(said.encode()).hexdigest()[:16],
    )


_DATA = (".toml", ".npz", ".txt")


@cache
def _data_digest() -> str:
    """Digest of every data file that has a say: rules, words, the judge's model."""
    folders = [
        files("newscrawl.extraction"),
        *(files(name) for name in ("newscrawl.extraction.classifier", "newscrawl.languages")),
    ]
    found = [entry for folder in folders for entry in folder.iterdir() if entry.name.endswith(_DATA)]
    ordered = sorted(found, key=lambda entry: entry.name)
    return hashlib.sha256(b"\n".join(entry.read_bytes() for entry in ordered)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    url: str
    headers: Mapping[str, str]
    fetched: dt.datetime | None
    outlet: Outlet | None
    rule: Rule
    link: Link | None
    status: int | None
    judge: Judge | None
    "Another than the one that comes with the package."
    memory: Memory | None
    "What is learned of the site."

    @property
    def requested(self) -> str:
        return encodable(self.link.url) if self.link else self.url

    @property
    def sites(self) -> list[str]:
        """Names under which the outlet may sign its titles."""
        host = host_of(self.url)
        names = [self.outlet.title, self.outlet.id] if self.outlet else []
        return [*names, host, host.rpartition(".")[0].rpartition(".")[2]]
