"""A PostgreSQL of its own for a test: Debian's programs, a fresh cluster, a socket nobody else has."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wire.programs import report_missing

USER = "postgres"
"PostgreSQL refuses to run as root."


def programs() -> Path | None:
    """The newest folder of Debian's server programs."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def temporary_cluster() -> Iterator[str]:
    """The URL of an empty database; a missing PostgreSQL skips the test, or fails it with CI=true."""
    bin_folder = programs()
    pytest.importorskip("psycopg")
    if bin_folder is None or not (bin_folder / "initdb").exists():
        report_missing("PostgreSQL is not installed: `make clients` installs it with root on Debian")
    folder = Path(tempfile.mkdtemp(prefix="newscrawl-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        data = folder / "data"
        run(bin_folder / "initdb", "-D", data, "-U", USER, "-A", "trust", "-N")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run(bin_folder / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://{USER}@/postgres?host={folder}"
        finally:
            run(bin_folder / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", USER, "--", *words]
    subprocess.run(words, check=True, cwd="/", stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
