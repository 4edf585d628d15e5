"""Whose file it is: the process a name tells of, whether it still runs, and the lock it holds."""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

START_SLACK_SECONDS = 2.0
"The kernel tells its start in whole seconds, so a process's start is not known any better."
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.]+")
_OUTLET_AND_TIME = r"(?P<outlet>[^/\0]{1,130})-(?P<stamp>[0-9]{17})"
_PID = r"(?P<pid>[1-9][0-9]{0,9})"
_NAME = re.compile(
    rf"{_OUTLET_AND_TIME}(?:-[0-9]{{5}}-(?P<host>[A-Za-z0-9_.]{{1,64}})-{_PID}\.warc\.gz"
    rf"|-{_PID.replace('pid', 'run_pid')}\.(?:rejected\.jsonl|jsonl|report))(?:\.[a-z.]{{1,20}})?"
)
_DEAD_STATES = {"Z", "X", "x"}
_STATE, _START = 0, 19
"Places of two fields of /proc/<pid>/stat behind the command's closing bracket (proc_pid_stat(5))."


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The process that writes, or wrote, a file."""

    outlet: str
    stamp: str
    "17 digits, UTC: when the file or its run began."
    pid: int
    host: str | None
    "As it stands in names; None where the name does not tell."


def host_in_names(host: str) -> str:
    """A host's name without what divides the parts of a file's name."""
    return _NOT_IN_NAMES.sub("_", host)[:64] or "localhost"


def owner_of(name: str) -> Owner | None:
    """Read off the name of a WARC, of a run's lines or report, finished or not; None for all others."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    pid = int(match["pid"] or match["run_pid"])
    return Owner(outlet=match["outlet"], stamp=match["stamp"], pid=pid, host=match["host"])


def is_running(pid: int, written: float) -> bool:
    """Whether the process that wrote a file at `written` (seconds since the epoch) still runs here.

    One that began later has only inherited the number, as the first process of each container does.
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
        started = _boot_time() + int(fields[_START]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        # No such file system here: the number is all there is to go by.
        return True
    return fields[_STATE] not in _DEAD_STATES and started <= written + START_SLACK_SECONDS


def _boot_time() -> float:
    """Seconds since the epoch; ValueError when the kernel does not say."""
    for line in Path("/proc/stat").read_bytes().splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    raise ValueError("/proc/stat has no btime")


def lock(fd: int) -> bool:
    """Hold a file until its descriptor is closed; False when another process does already."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks: names and process numbers must do.
        return True
    return True
