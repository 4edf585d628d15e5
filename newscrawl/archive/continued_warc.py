"""Continues the WARC file of an outlet's last run if that was quiet: such runs need no files of their own."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from newscrawl.archive.manifest import file_sha256, read_manifest, remove_from_manifest
from newscrawl.archive.report import read_quiet_reports, reports_name
from newscrawl.errors import ArchiveError
from newscrawl.storage import fsync_folder, try_lock
from newscrawl.warc.filenames import parse_filename, sanitize_host
from newscrawl.warc.writer import OPEN_SUFFIX, ContinuedFile

logger = logging.getLogger(__name__)

MAX_CONTINUED_BYTES = 1 << 20
"A larger file is left as it is: a bucket gets the whole of it again after each run."
_ENDING = ".warc.gz"


def continue_last_warc(
    folder: Path, *, host: str, now: datetime, stored: Mapping[str, str] | None = None
) -> ContinuedFile | None:
    """The folder's last WARC file, open again; None if a new one must be begun.

    It is continued if a quiet run of this host left it on this day (UTC), and it is as the manifest lists it.
    `stored`: the bucket's manifest, of which the same must hold. The caller must be the only writer in the
    folder. From the first step on, a kill leaves what a repair closes or lists.
    """
    try:
        name = _find_last_warc(folder, stored or {})
        began = _read_start(name, host) if name else None
        if name is None or began is None or began.date() != now.astimezone(UTC).date():
            return None
        return _reopen(folder / name, began, stored)
    except (OSError, ArchiveError) as error:
        logger.warning("%s: the run begins a WARC file of its own: %s", folder.name, error)
        return None


def _find_last_warc(folder: Path, stored: Mapping[str, str]) -> str | None:
    """The name of the file that was begun last, here or in the bucket, whatever state it is in."""
    names = {path.name for path in folder.glob(f"*{_ENDING}*")}.union(
        name for name in stored if _ENDING in name
    )
    stamps = [(file.stamp, name) for name in names if (file := parse_filename(name))]
    return max(stamps, default=("", None))[1]


def _read_start(name: str, host: str) -> datetime | None:
    """When this host began a file that has its final name; None for other names."""
    file = parse_filename(name)
    if not file or file.host != sanitize_host(host) or not name.endswith(_ENDING):
        return None
    try:
        return datetime.strptime(file.stamp, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def _reopen(path: Path, began: datetime, stored: Mapping[str, str] | None) -> ContinuedFile | None:
    reports = path.parent / reports_name(path.name)
    if not path.is_file() or not reports.is_file() or path.stat().st_size > MAX_CONTINUED_BYTES:
        return None
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
    is_taken = False
    try:
        if not try_lock(fd):
            return None
        content = path.read_bytes()
        digest = hashlib.sha256(content)
        here = {path.name: digest.hexdigest(), reports.name: file_sha256(reports)}.items()
        last = read_quiet_reports(reports)[-1]
        # Behind the records of a run that was killed, or found something, no report would tell what is whose.
        is_of_quiet_runs = last.warcs == [path.name] and last.warc_end == len(content)
        is_as_stored = stored is None or here <= stored.items()
        if not is_of_quiet_runs or not is_as_stored or not here <= read_manifest(path.parent).items():
            return None
        remove_from_manifest(path)
        path.rename(f"{path}{OPEN_SUFFIX}")
        # Before the first byte: what has its final name is whole, also after a power cut.
        fsync_folder(path.parent)
        is_taken = True
    finally:
        if not is_taken:
            os.close(fd)
    return ContinuedFile(name=path.name, fd=fd, bytes=len(content), digest=digest, opened=began)
