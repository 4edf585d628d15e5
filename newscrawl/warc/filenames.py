"""Names of archive files: unique ones for a writer, and what a name says about its process."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

WARC_SUFFIX = ".warc.gz"
"Of every archive file that newscrawl writes."
START_SLACK_SECONDS = 2.0
"The kernel reports its boot time in whole seconds, so the start of a process is no more exact."
_UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9_.]+")
_OUTLET_AND_TIME = r"(?P<outlet>[^/\0]{1,130})-(?P<stamp>[0-9]{17})"
_PID = r"(?P<pid>[1-9][0-9]{0,9})"
_NAME = re.compile(
    rf"{_OUTLET_AND_TIME}(?:-[0-9]{{5}}-(?P<host>[A-Za-z0-9_.]{{1,64}})-{_PID}\.(?:warc\.gz|reports\.ndjson)"
    rf"|-{_PID.replace('pid', 'run_pid')}\.(?:rejected\.jsonl|jsonl|report))(?:\.[a-z.]{{1,20}})?"
)
_DEAD_STATES = {"Z", "X", "x"}
_STATE_FIELD, _START_FIELD = 0, 19
"Positions in /proc/<pid>/stat, counted from the bracket that closes the command (proc_pid_stat(5))."


@dataclass(frozen=True, kw_only=True)
class WarcNameTemplate:
    """What makes the file names of a process unique."""

    prefix: str
    host: str
    pid: int

    def name(self, moment: datetime, serial: int) -> str:
        """`<prefix>-<UTC, 17 digits>-<serial>-<host>-<pid>.warc.gz` (WARC 1.1, annex C)."""
        stamp = moment.astimezone(UTC).strftime("%Y%m%d%H%M%S%f")[:17]
        return f"{self.prefix}-{stamp}-{serial:05d}-{sanitize_host(self.host)}-{self.pid}{WARC_SUFFIX}"


@dataclass(frozen=True, kw_only=True)
class FileName:
    """The parts of a file name that identify the process writing it."""

    outlet: str
    stamp: str
    "17 digits or more, UTC: when the file or its run began."
    pid: int
    host: str | None
    "As `sanitize_host` spells it; None for names without a host."


def sanitize_host(host: str) -> str:
    """A host name without the characters that separate the parts of a file name."""
    return _UNSAFE_CHARACTERS.sub("_", host)[:64] or "localhost"


def parse_filename(name: str) -> FileName | None:
    """Parse the name of a WARC, of lines or of reports, finished or not; None for other names."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    pid = int(match["pid"] or match["run_pid"])
    return FileName(outlet=match["outlet"], stamp=match["stamp"], pid=pid, host=match["host"])


def is_running(pid: int, written: float) -> bool:
    """Whether the process that wrote a file at `written` (seconds since 1970) still runs on this host.

    A process that began later merely has the same number, as the first process of every container does.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().decode("utf-8", "replace")
        fields = stat.rpartition(")")[2].split()
        started = _boot_time() + int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        # Without a /proc file system, the number is the only evidence.
        return True
    return fields[_STATE_FIELD] not in _DEAD_STATES and started <= written + START_SLACK_SECONDS


def has_file_open(pid: int, file: os.stat_result) -> bool:
    """Whether a running process has this file open.

    Where its descriptors cannot be listed, it counts as having it unless it runs as another user than the
    file's owner: a process in another container, which had the same number there, is told apart so.
    """
    process = Path(f"/proc/{pid}")
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        with suppress(OSError):
            return process.stat().st_uid == file.st_uid
        return True
    for descriptor in descriptors:
        with suppress(OSError):
            if os.path.samestat(descriptor.stat(), file):
                return True
    return False


def _boot_time() -> float:
    """Boot time in seconds since 1970; ValueError if the kernel does not report it."""
    for line in Path("/proc/stat").read_bytes().splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    raise ValueError("/proc/stat has no btime")
