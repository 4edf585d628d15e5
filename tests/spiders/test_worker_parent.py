"""The parent of all workers: a fork of this process that loads the models once, with the first task."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

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
threading.Thread(target=threading.Event().wait, daemon=True).start()
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


HOLDING = """
import os
kept, _ = os.pipe()
os.set_inheritable(kept, True)
share_worker_parent()
pool = start_extraction_pool(1)
parent = pool.schedule(eval, ["__import__('os').getppid()"]).result()
opened = [os.stat(f"/proc/{parent}/fd/{n}").st_ino for n in os.listdir(f"/proc/{parent}/fd")]
print(os.stat(kept).st_ino in opened)
stop_pool(pool)
"""


def run_in(folder: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code],
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout


def test_what_another_process_waits_for_is_not_held_open_and_nothing_is_left(tmp_path: Path) -> None:
    assert run_in(tmp_path, HOLDING) == "False\n"
    deadline = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)  # it ends when it sees the end of the last of its users
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["fork", "pidfd_open", "pipe"])
def test_where_it_cannot_be_forked_python_starts_its_own(tmp_path: Path, failing: str) -> None:
    code = f"""
import errno, os
call = os.{failing}
def fail(*args):
    # `can_fork` asks for a descriptor of this very process.
    if args == (os.getpid(),):
        return call(*args)
    raise OSError(errno.EAGAIN, "no more")
os.{failing} = fail
share_worker_parent()
print(server._forkserver_address)
"""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None\n"
    assert "each crawl starts its own processes for extraction" in done.stderr
    deadline = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


TRACKED = """
import os
from multiprocessing import resource_tracker
share_worker_parent()
first = resource_tracker._resource_tracker._fd
names = [f"/{os.getpid()}-{number}" for number in range(2)]
for name in names:
    child = os.fork()
    if child == 0:
        lock = __import__("_multiprocessing").SemLock(1, 1, 1, name, False)
        resource_tracker.register(name, "semaphore")
        os._exit(0)  # as one that is killed: nothing is put away
    os.waitpid(child, 0)
left = [os.path.exists(f"/dev/shm/sem.{name[1:]}") for name in names]
print(left, resource_tracker._resource_tracker._fd == first, *names)
"""


def test_what_forks_leave_is_removed_by_one_process_when_the_last_has_ended(tmp_path: Path) -> None:
    left, same, *names = run_in(tmp_path, TRACKED).strip().rsplit(" ", 3)
    assert (left, same) == ("[True, True]", "True")
    files = [Path("/dev/shm") / f"sem.{name[1:]}" for name in names]
    deadline = time.monotonic() + 10
    while any(file.exists() for file in files) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(file.exists() for file in files)


def test_what_is_not_yet_written_is_written_once(tmp_path: Path) -> None:
    assert run_in(tmp_path, "print('once')\nshare_worker_parent()") == "once\n"
