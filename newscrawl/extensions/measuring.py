"""The figures of the run that ends, and its alarms against the runs before it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from newscrawl.errors import ArchiveError
from newscrawl.health.alarm import Alarm, kept_from
from newscrawl.health.alarms import alarms_of
from newscrawl.health.collected import Collected
from newscrawl.health.figures import Figures, figures_from
from newscrawl.health.history import WINDOW, Past
from newscrawl.spiders.offered import LISTED, NEW, NEWEST, OWN, PREFIX
from newscrawl.spiders.remembering import KNOWN
from newscrawl.state.fates import HOST_PAUSED, UNCHANGED
from newscrawl.state.retired import retired_sources
from newscrawl.state.rows import seconds_of

if TYPE_CHECKING:
    from datetime import datetime

    from newscrawl.outlet import Outlet
    from newscrawl.spiders.base import ArchivingSpider

logger = logging.getLogger(__name__)

SEEN_BEFORE = UNCHANGED | {KNOWN, "duplicate"}
BY_CHOICE = frozenset({"rights_reserved", "taken_down", HOST_PAUSED})
"Reasons of pages whose text is known, or that we leave alone: no measure of how many become articles."
UNMEASURED = SEEN_BEFORE | BY_CHOICE
READ_STEPS = ("extract", "validate")
LOST = (
    "timeout",
    "connection_refused",
    "connection_failed",
    "cut_short",
    "no_such_host",
    "download_error",
    "robots_unreachable",
    HOST_PAUSED,
)
"Reasons of pages that no answer came for, or that were not asked for because none came before."
GOOD_ENDS = ("finished", "shutdown")
Stats = Mapping[str, object]


def figures_of(spider: ArchivingSpider, stats: Stats, collected: Collected) -> Figures:
    """What the run brought, from its own counters, Scrapy's, and the articles."""
    run, frontier = spider.run, spider.frontier.counts()
    refused = sum(count for reason, count in run.reasons.items() if reason not in UNMEASURED)
    articles = run.articles.count
    return Figures(
        **collected.figures(),
        pages=articles + refused,
        read=articles + sum(_read_and_refused(stats)),
        articles=articles,
        languages=dict(+run.languages),
        rejected=dict(run.reasons),
        statuses=_by_name(stats, "downloader/response_status_count/"),
        lost=sum(run.reasons[reason] for reason in LOST),
        listed=_count(stats, LISTED),
        own=_count(stats, OWN),
        offered=_count(stats, NEW),
        newest=cast("int | None", stats.get(PREFIX + NEWEST)),
        sources=_by_name(stats, "newscrawl/source/"),
        left=frontier.get("pending", 0) + frontier.get("fetching", 0),
        bytes=sum(file.bytes for file in run.warcs),
    )


def _read_and_refused(stats: Stats) -> Iterator[int]:
    for step in READ_STEPS:
        for reason, count in _by_name(stats, f"newscrawl/{step}/dropped/").items():
            if reason not in UNMEASURED:
                yield count


def _count(stats: Stats, name: str) -> int:
    return cast("int", stats.get(PREFIX + name, 0))


def _by_name(stats: Stats, prefix: str) -> dict[str, int]:
    """Counts by the last part of their name."""
    found: dict[str, int] = {}
    for name, count in stats.items():
        if name.startswith(prefix):
            last = name.rpartition("/")[2]
            found[last] = found.get(last, 0) + cast("int", count)
    return found


def alarms_at_end(
    spider: ArchivingSpider, figures: Figures, *, failed: bool, finished: datetime
) -> list[Alarm]:
    """What is wrong with the outlet now. Where its past cannot be read, this run alone tells.

    A replay tells nothing of the outlet as it is.
    """
    outlet = spider.outlet
    if outlet is None or spider.run.playback:
        return []
    past: list[Past] = []
    retired: list[str] = []
    try:
        if spider.state:
            past = past_runs(spider, seconds_of(finished) - WINDOW)
            retired = retired_sources(spider.state.database, outlet.id, named_sources(outlet))
    except ArchiveError as error:
        logger.error("%s: judged without its past: %s", spider.name, error)
    this = Past(started=seconds_of(spider.run.started), figures=figures, failed=failed)
    return alarms_of([*past, this], outlet.expect, retired=retired, anew=spider.begins_anew)


def past_runs(spider: ArchivingSpider, since: int) -> list[Past]:
    """The outlet's runs that have ended, as they were measured."""
    assert spider.state
    return [
        Past(
            started=row.started,
            figures=figures_from(row.figures),
            failed=bool(row.error) or row.reason not in GOOD_ENDS,
            alarms=frozenset(one.name for one in kept_from(row.alarms).standing) if row.alarms else None,
        )
        for row in spider.state.runs.measured(since)
    ]


def named_sources(outlet: Outlet) -> set[str]:
    return {*outlet.feeds, *outlet.sitemaps, *outlet.sections}
