"""A scheduler and workers on loopback, started by the command that users start them with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wire.crawl import ROOT, environment

COMMAND = Path(sys.executable).with_name("newscrawl")


@dataclass(frozen=True)
class Cluster:
    """A cluster that is running, and its processes."""

    address: str
    workers: list[int]
    process: subprocess.Popen[bytes]

    def kill_workers(self, count: int = 1) -> None:
        """Others take their places."""
        for pid in self.workers[:count]:
            os.kill(pid, signal.SIGKILL)

    def kill_scheduler(self) -> None:
        """The process that starts the workers again is the same one."""
        self.process.kill()
        self.process.wait()


@contextmanager
def start_cluster(
    *args: str, workers: int = 2, port: int = 0, command: tuple[str | Path, ...] = (COMMAND,), **env: str
) -> Iterator[Cluster]:
    """`newscrawl cluster start`, until the block ends."""
    words = [*command, "cluster", "start", "--workers", str(workers), "--port", str(port), "--json", *args]
    # Workers find the functions of `wire.units` by their names.
    variables: Mapping[str, str] = {**environment(), "PYTHONPATH": str(ROOT / "tests"), **env}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=variables) as process:
        try:
            assert process.stdout
            started = json.loads(process.stdout.readline())
            yield Cluster(started["address"], started["workers"], process)
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            process.wait(60)
