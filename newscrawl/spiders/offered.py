"""What sources offer, as counters of the run: a feed that freezes or leads elsewhere is told by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from newscrawl.items import Link
from newscrawl.state.rows import seconds_of, staleness_of

if TYPE_CHECKING:
    from scrapy.statscollectors import StatsCollector

PREFIX = "newscrawl/links/"
NEW, LISTED, OWN, NEWEST = "new", "listed", "own", "newest"
OF_NEWS = ("feed", "wp_api")
"Sources that list stories alone: of a page or a sitemap many links are none, which tells nothing."


def count_offered(
    stats: StatsCollector, kind: str, links: Sequence[Link], *, own: Sequence[Link], new: int, now: datetime
) -> None:
    """Count one source's links: all, those that are the outlet's stories, and how many nobody knew."""
    stats.inc_value(f"{PREFIX}{NEW}", new)
    if kind in OF_NEWS:
        stats.inc_value(f"{PREFIX}{LISTED}", len(links))
        stats.inc_value(f"{PREFIX}{OWN}", len(own))
    moment = seconds_of(now)
    dates = [-staleness_of(link, moment) for link in own if link.published]
    if dates:
        stats.max_value(f"{PREFIX}{NEWEST}", max(dates))
