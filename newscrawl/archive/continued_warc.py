"""Continues the WARC file of an outlet's last run if that was quiet: such runs need no files of their own."""

from __future__ import annotations

import hashlib
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from newscrawl.archive.manifest import file_sha256, read_manifest
from newscrawl.archive.report import read_quiet_reports, reports_name
from newscrawl.errors import ArchiveError
from newscrawl.storage import append_or_rollback, try_lock
from newscrawl.warc.filenames import WARC_SUFFIX, parse_filename, sanitize_host
from newscrawl.warc.writer import OPEN_SUFFIX, ContinuedFile, WarcWriter

logger = logging.getLogger(__name__)

MAX_CONTINUED_BYTES = 1 << 20
"A larger file is left as it is, for each run copies the whole of it."
DRAFT_SUFFIX = ".tmp"
"A repair removes what a kill leaves under such a name."


def continue_last_warc(writer: WarcWriter) -> ContinuedFile | None:
    """A copy of the folder's last WARC file for the writer to go on with; None if it must begin a new one.

    The file is continued if a quiet run of this host left it on this day (UTC), and it is as the manifest
    lists it. It stays as it is until the writer closes the copy. The caller must be the only writer in the
    folder.
    """
    try:
        name = _find_last_warc(writer.folder)
        began = _read_start(name, writer.names.host) if name else None
        now = writer.now().astimezone(UTC)
        if name is None or began is None or began.date() != now.date() or now - began >= writer.max_age:
            return None
        return _copy(writer.folder / name, began, min(MAX_CONTINUED_BYTES, writer.max_bytes))
    except (OSError, ArchiveError) as error:
        logger.warning("%s: the run begins a WARC file of its own: %s", writer.folder.name, error)
        return None


def _find_last_warc(folder: Path) -> str | None:
    """The name of the file that was begun last, whatever state it is in."""
    files = ((parse_filename(path.name), path.name) for path in folder.glob(f"*{WARC_SUFFIX}*"))
    return max(((file.stamp, name) for file, name in files if file), default=("", None))[1]


def _read_start(name: str, host: str) -> datetime | None:
    """When this host began a file that has its final name; None for other names."""
    file = parse_filename(name)
    if not file or file.host != sanitize_host(host) or not name.endswith(WARC_SUFFIX):
        return None
    try:
        return datetime.strptime(file.stamp, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def _copy(path: Path, began: datetime, max_bytes: int) -> ContinuedFile | None:
    reports = path.parent / reports_name(path.name)
    if not reports.is_file() or path.stat().st_size >= max_bytes:
        return None
    content = path.read_bytes()
    digest = hashlib.sha256(content)
    last = read_quiet_reports(reports)[-1]
    # Behind the records of a run that was killed, or found something, no report would tell what is whose.
    is_of_quiet_runs = last.warcs == [path.name] and last.warc_end == len(content)
    here = {path.name: digest.hexdigest(), reports.name: file_sha256(reports)}
    if not is_of_quiet_runs or not here.items() <= read_manifest(path.parent).items():
        return None
    # It is named for a process that has ended, so that only its lock keeps a repair from it: from the start.
    draft = Path(f"{path}{DRAFT_SUFFIX}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
    is_ready = False
    try:
        if not _locks_out_others(fd, draft):
            return None
        append_or_rollback(fd, [content], 0)
        # A power cut must not leave the name without its bytes.
        os.fsync(fd)
        draft.rename(f"{path}{OPEN_SUFFIX}")
        is_ready = True
    finally:
        if not is_ready:
            os.close(fd)
            draft.unlink(missing_ok=True)
    return ContinuedFile(name=path.name, fd=fd, bytes=len(content), digest=digest, opened=began)


def _locks_out_others(fd: int, path: Path) -> bool:
    """Lock a file; whether others see that. Some file systems have no locks, or one for all of a process."""
    other = os.open(path, os.O_RDONLY)
    try:
        return try_lock(fd) and not try_lock(other)
    finally:
        os.close(other)
