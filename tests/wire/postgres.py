"""A PostgreSQL of its own for a test: Debian's programs, a fresh cluster, a socket nobody else has."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from wire.programs import report_missing

USER = "postgres"
"PostgreSQL refuses to run as root."


def programs() -> Path | None:
    """The newest folder of Debian's server programs."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@dataclass(frozen=True)
class Cluster:
    """A running server that can be stopped and started again."""

    bin_folder: Path
    folder: Path
    address: str = ""
    "Where it listens beside its socket."

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@/postgres?host={self.address or self.folder}"

    def start(self) -> None:
        options = (
            f"-c listen_addresses='{self.address}' -c unix_socket_directories={self.folder} -c fsync=off"
        )
        self._control("-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop it as a crash would: what is not committed is lost, and every connection breaks."""
        self._control("-m", "immediate", "stop")

    def _control(self, *words: object) -> None:
        run(self.bin_folder / "pg_ctl", "-D", self.folder / "data", "-w", *words)


@contextmanager
def temporary_cluster() -> Iterator[str]:
    """The URL of an empty database; a missing PostgreSQL skips the test, or fails it with CI=true."""
    with stoppable_cluster() as cluster:
        yield cluster.url


@contextmanager
def stoppable_cluster(address: str = "") -> Iterator[Cluster]:
    """The same as an object; it must be running at the end. `address`: for the whole network of it."""
    bin_folder = programs()
    pytest.importorskip("psycopg")
    if bin_folder is None or not (bin_folder / "initdb").exists():
        report_missing("PostgreSQL is not installed: `make clients` installs it with root on Debian")
    folder = Path(tempfile.mkdtemp(prefix="newscrawl-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        run(bin_folder / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-N")
        if address:
            with (folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")
        cluster = Cluster(bin_folder, folder, address)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", USER, "--", *words]
    subprocess.run(words, check=True, cwd="/", stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
