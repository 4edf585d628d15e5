"""What crawls are started with, for those who start them: nothing here imports Scrapy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newscrawl.outlet import Outlet
    from newscrawl.state.sources import SourceConfig

URLS = "urls"
"The spider of pages that a user names."
ONLY_DUE = "NEWSCRAWL_ONLY_DUE"
MAX_SOURCES_SETTING = "NEWSCRAWL_SOURCES_MAX"


def read_source_config(outlet: Outlet, max_sources: int) -> SourceConfig:
    """The part of an outlet file that state needs."""
    # Whoever starts a crawl by the outlet's name has no use for the database.
    from newscrawl.discovery.sources import MAX_DEPTHS, list_sources
    from newscrawl.state.refetch_policy import REVISIT_AGES
    from newscrawl.state.sources import SourceConfig

    return SourceConfig(
        configured=list_sources(outlet),
        digest=outlet.digest,
        max_sources=max_sources,
        max_depths=MAX_DEPTHS,
        revisit_ages=REVISIT_AGES if outlet.revisit_seconds is None else outlet.revisit_seconds,
    )
