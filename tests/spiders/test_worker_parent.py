"""The parent of all workers: a fork of this process that loads the models once, with the first task."""

from __future__ import annotations

import subprocess
import sys

import pytest

from newscrawl.spiders.worker_parent import can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="this system cannot fork workers")

BEGIN = """
import sys, threading
from multiprocessing import forkserver
from newscrawl.spiders.worker_parent import share_worker_parent
from newscrawl.workers import start_extraction_pool, stop_pool
server = forkserver._forkserver
models = "__import__('newscrawl.extraction.classifier.model', fromlist=['a']).load_default_model"
"""
SHARED = """
share_worker_parent()
address = server._forkserver_address
share_worker_parent()
print(server._forkserver_address == address, server._forkserver_pid)
pool = start_extraction_pool(1)
print(pool.schedule(eval, [f"{models}.cache_info().currsize"]).result())
print(eval(models).cache_info().currsize)
parent, = map(int, {pool.schedule(eval, ["__import__('os').getppid()"]).result()})
own = open(f"/proc/{parent}/stat").read().rpartition(")")[2].split()[1]
print(int(own) == __import__("os").getpid())
stop_pool(pool)
"""
WITH_THREADS = """
threading.Thread(target=sys.stdin.read, daemon=True).start()
share_worker_parent()
print(server._forkserver_address, "newscrawl.extraction" in sys.modules)
"""


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        # Models are loaded in the worker's parent, which is a child of this process, and not here.
        (SHARED, ["True None", "1", "0", "True"]),
        # A fork would lack the threads, and the locks that they hold: Python starts its own process.
        (WITH_THREADS, ["None False"]),
    ],
)
def test_workers_are_forks_of_this_process(code: str, printed: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == printed
