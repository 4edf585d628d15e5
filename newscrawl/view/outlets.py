"""Outlets as their pages show them: figures by day, runs, alarms, sources; and the crawls that run now."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX
from newscrawl.archive.report import newest_reports
from newscrawl.errors import ArchiveError
from newscrawl.items import rfc3339
from newscrawl.state.database import Database
from newscrawl.state.encoding import from_epoch
from newscrawl.state.outlet_status import OutletStatus, list_outlets, read_statuses
from newscrawl.state.sources import SourceTable
from newscrawl.view.catalogue import PLACE_BITS, Catalogue
from newscrawl.view.search import SECONDS_OF_DAY, format_second
from newscrawl.view.stories import NotFound
from newscrawl.warc.filenames import is_running, parse_filename, sanitize_host
from newscrawl.warc.writer import OPEN_SUFFIX

SHOWN_DAYS = 28
SHOWN_RUNS = 30
SHOWN_SOURCES = 200
PLOTTED_LANGUAGES = ("fr", "en", "mixed")
"Languages with a bar of their own; the others share one."
MAX_OPEN_BYTES = 64 << 20
"Of the lines of a run that is not finished, the last are read."
RATE_SECONDS = 60
RUN_FIELDS = {
    "run": True, "started": True, "seconds": True, "reason": True, "error": True, "alarms": True,
    "requests": True, "pages": True, "articles": True, "rejected": True, "sources": True, "languages": True,
    "statuses": True, "warc_bytes": True, "replay_of": True,
}  # fmt: skip
"Fields of a report that are shown."


def list_outlet_rows(catalogue: Catalogue, database: Database | None, now: int) -> list[dict[str, Any]]:
    """Every outlet that has articles, a folder or a state, by name."""
    statement = "SELECT outlet, count(*), max(number) FROM facets GROUP BY outlet"
    with catalogue.reading() as connection:
        counts = {row[0]: row[1:] for row in connection.execute(statement)}
    statuses = read_statuses(database, now) if database else {}
    rows = []
    for name in sorted({*counts, *statuses}):
        count, newest = counts.get(name, (0, None))
        rows.append(
            {
                "outlet": name,
                "articles": count,
                "newest": format_second(newest >> PLACE_BITS) if newest is not None else None,
                "status": status_data(statuses[name]) if name in statuses else None,
            }
        )
    return rows


def status_data(status: OutletStatus) -> dict[str, Any]:
    """An outlet's status with its times in words."""
    data: dict[str, Any] = status._asdict()
    for name in ("last_run", "next_due", "not_before"):
        data[name] = _moment(data[name])
    return data


def _moment(seconds: int | None) -> str | None:
    return rfc3339(from_epoch(seconds)) if seconds is not None else None


def describe_outlet(catalogue: Catalogue, database: Database | None, outlet: str, now: int) -> dict[str, Any]:
    """All that the page of an outlet shows; NotFound if there is no folder and no state of that name."""
    folder = catalogue.archives / outlet
    names = list_outlets(database) if database else []
    is_name = outlet not in {"", ".", ".."} and "/" not in outlet and "\0" not in outlet
    if not is_name or (outlet not in names and not folder.is_dir()):
        raise NotFound(f"no outlet is named {outlet[:80]}")
    status = read_statuses(database, now, [outlet]).get(outlet) if database and outlet in names else None
    runs = list(_read_runs(folder))
    return {
        "outlet": outlet,
        "status": status_data(status) if status else None,
        "alarms": status.alarms if status else (runs[0]["alarms"] if runs else []),
        "days": count_days(catalogue, outlet, now),
        "runs": runs,
        "sources": list_sources(database, outlet) if database else [],
        "broken_lines": catalogue.count_broken(outlet),
    }


def count_days(catalogue: Catalogue, outlet: str, now: int) -> list[dict[str, Any]]:
    """Articles, languages, wire copy and the mean length of texts by day, for the last days that have any."""
    with catalogue.reading() as connection:
        newest = "SELECT max(number) FROM facets WHERE outlet = ? AND number < ?"
        end = now + SECONDS_OF_DAY << PLACE_BITS
        (number,) = connection.execute(newest, (outlet, end)).fetchone()
    last = min(now, now if number is None else number >> PLACE_BITS) // SECONDS_OF_DAY
    days: dict[int, dict[str, Any]] = {
        day: {"day": format_second(day * SECONDS_OF_DAY)[:10], "languages": Counter(), "wire": 0, "chars": 0}
        for day in range(last - SHOWN_DAYS + 1, last + 1)
    }
    statement = (
        f"SELECT (facets.number >> {PLACE_BITS}) / {SECONDS_OF_DAY}, lang, wire <> '', count(*), sum(chars) "  # noqa: S608
        "FROM facets JOIN places USING (number) WHERE facets.outlet = ? AND is_latest AND number >= ? "
        "GROUP BY 1, 2, 3"
    )
    since = (last - SHOWN_DAYS + 1) * SECONDS_OF_DAY << PLACE_BITS
    with catalogue.reading() as connection:
        rows = connection.execute(statement, (outlet, since)).fetchall()
    for number, lang, is_wire, count, chars in rows:
        if number in days:
            days[number]["languages"][lang] += count
            days[number]["wire"] += count if is_wire else 0
            days[number]["chars"] += chars
    result = []
    for data in days.values():
        articles = data["languages"].total()
        mean = round(data["chars"] / articles) if articles else None
        languages = dict(sorted(data["languages"].items()))
        result.append({**data, "languages": languages, "articles": articles, "chars": mean})
    return result


def _read_runs(folder: Path) -> Iterator[dict[str, Any]]:
    """The last runs, newest first."""
    for run, report in newest_reports(folder, SHOWN_RUNS):
        if isinstance(report, ArchiveError):
            yield {"run": run, "error": str(report)[:300], "alarms": []}
        else:
            yield report.model_dump(mode="json", include=RUN_FIELDS)


def list_sources(database: Database, outlet: str) -> list[dict[str, Any]]:
    """The sources of an outlet and when they are due, the next first."""
    rows = sorted(SourceTable(database, outlet).rows().values(), key=lambda row: (row.next_due, row.url))
    return [
        {
            "url": row.url,
            "kind": row.kind,
            "outcome": row.outcome,
            "next_due": _moment(row.next_due),
            "last_fetched": _moment(row.last_fetched_at),
            "last_changed": _moment(row.last_changed_at),
            "failures": row.failures,
            "is_retired": row.retired_at is not None,
        }
        for row in rows[:SHOWN_SOURCES]
    ]


def list_crawls(archives: Path, database: Database | None, now: float) -> list[dict[str, Any]]:
    """The crawls that run, by their leases and the files they have open, and what a kill left open."""
    statuses = read_statuses(database, int(now)) if database else {}
    crawls = {
        name: {"outlet": name, "holder": status.holder, "queue": status.waiting}
        for name, status in statuses.items()
        if status.holder
    }
    paths = sorted(archives.glob(f"*/*{ARTICLES_SUFFIX}{OPEN_SUFFIX}"))
    rejected = f"{REJECTED_SUFFIX}{OPEN_SUFFIX}"
    open_runs = {path.parent.name: path for path in paths if not path.name.endswith(rejected)}
    for name in open_runs.keys() - crawls.keys():
        crawls[name] = {
            "outlet": name,
            "holder": None,
            "queue": statuses[name].waiting if name in statuses else None,
        }
    return [
        {**crawl, **(_measure_open_run(open_runs[name], now) if name in open_runs else {})}
        for name, crawl in sorted(crawls.items())
    ]


def _measure_open_run(path: Path, now: float) -> dict[str, Any]:
    """How far a run is whose files are open."""
    run = path.name.removesuffix(f"{ARTICLES_SUFFIX}{OPEN_SUFFIX}")
    lines = {
        "article": _read_open_lines(path),
        "": _read_open_lines(path.with_name(f"{run}{REJECTED_SUFFIX}{OPEN_SUFFIX}")),
    }
    outcomes: Counter[str] = Counter()
    recent = 0
    border = rfc3339(datetime.fromtimestamp(now - RATE_SECONDS, UTC))
    for outcome, data in ((name, data) for name, every in lines.items() for data in every):
        outcomes[outcome or str(data.get("reason") or "?")] += 1
        recent += str(data.get("fetched") or "") >= border
    began = _parse_stamp(path.name)
    seconds = max(1.0, now - began.timestamp()) if began else None
    return {
        "run": run,
        "started": rfc3339(began) if began else None,
        "seconds": round(seconds) if seconds else None,
        "pages": outcomes.total(),
        "articles": outcomes["article"],
        "outcomes": dict(outcomes.most_common()),
        "pages_per_second": round(outcomes.total() / seconds, 3) if seconds else None,
        "pages_last_minute": recent,
        "warc_bytes": sum(map(_count_new_bytes, path.parent.glob(f"*.warc.gz{OPEN_SUFFIX}"))),
        "is_running": _is_running_here(path),
    }


def _read_open_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that grows; of a very long one the last."""
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            stream.seek(max(0, size - MAX_OPEN_BYTES))
            lines = stream.read(MAX_OPEN_BYTES).split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            data = json.loads(line)
        except ValueError:
            continue
        if isinstance(data, dict):
            found.append(data)
    return found


def _parse_stamp(name: str) -> datetime | None:
    parts = parse_filename(name)
    if parts is None:
        return None
    try:
        began = datetime.strptime(parts.stamp[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return began + timedelta(milliseconds=int(parts.stamp[14:]))


def _count_new_bytes(path: Path) -> int:
    """The size of an open WARC file, without what earlier runs have written to the file that it continues."""
    finished = path.with_name(path.name.removesuffix(OPEN_SUFFIX))
    return path.stat().st_size - (finished.stat().st_size if finished.exists() else 0)


def _is_running_here(path: Path) -> bool | None:
    """Whether the process that has the file open runs on this machine; None for a file of another machine."""
    parts = parse_filename(path.name)
    warcs = [parse_filename(file.name) for file in path.parent.glob(f"*.warc.gz{OPEN_SUFFIX}")]
    hosts = {warc.host for warc in warcs if warc}
    if hosts and sanitize_host(socket.gethostname()) not in hosts:
        return None
    return is_running(parts.pid, path.stat().st_mtime) if parts else None
