"""What is known of a page before it is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from newscrawl.items import Link
from newscrawl.outlet import Outlet, Rule
from newscrawl.text.judge.judge import Judge
from newscrawl.text.memory import Memory
from newscrawl.text.provenance import encodable
from newscrawl.urls import host_of


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
