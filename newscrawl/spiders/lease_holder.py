"""This process as the holder of leases, and whether that of another lease has ended. Needs no Scrapy."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from newscrawl.state.runs import Holder
from newscrawl.warc.filenames import is_running


def this_process() -> Holder:
    """This process as a holder of leases."""
    pid = os.getpid()
    return Holder(
        host=socket.gethostname(), pid=pid, token=process_token(pid), pid_namespace=read_pid_namespace()
    )


@lru_cache(maxsize=1)
def process_token(_: int) -> str:
    """A random name of the process with this pid: a fork needs one of its own."""
    return uuid4().hex


def read_pid_namespace() -> str:
    """Boot id and PID namespace of this process; empty where the kernel reports neither."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return ""


def has_ended(other: Holder, acquired_at: int) -> bool:
    """Whether a process has ended.

    Only the kernel that runs it can tell, and only by pids of the same namespace: containers may share a host
    name, and each begins with pid 1. Of all other processes the lease has to expire.
    """
    is_same_namespace = other.pid_namespace != "" and other.pid_namespace == read_pid_namespace()
    return is_same_namespace and not is_running(other.pid, acquired_at)
