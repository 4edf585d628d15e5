"""Three machines lose what machines lose, and no article: `PYTHONPATH=tests python tests/bench/machines.py`.

Needs root and iproute2. Three namespaces with disks, host names and processes of their own crawl 16 demo
outlets over a network that exists nowhere else, with PostgreSQL, an S3 server and Dask. Amid the crawls a
machine is killed and its disk deleted, then the scheduler, then the command that asks for crawls; the
database and the bucket go away, and the cable of a machine is pulled for longer than its leases hold. Then
every article must be there once, no server may have had two visitors at a time, and `newscrawl check` must
find nothing on any machine. Exit code 1 if anything of this does not hold.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import boto3
from sqlalchemy import text
from wire.chaos import count_open_lines, execute
from wire.crawl import environment
from wire.namespaces import ENTERED, HEAD, Machine, build_bridge, enter
from wire.postgres import Cluster, stoppable_cluster
from wire.s3 import BUCKET, StoppableBucket
from wire.timed_outlets import TimedOutlet, measure_politeness

from newscrawl.state.database import Database
from newscrawl.state.runs import LEASE_SECONDS

COMMAND = Path(sys.executable).with_name("newscrawl")
ORIGINALS = ("kamer_echo", "deccan_wire", "val_sambre", "fundy_courier")
FAULTS = ("machine", "scheduler", "command", "database", "bucket", "network")
OUTLETS = 16
DELAY = 2.0
LATENESS = 0.5
"Seconds by which a busy machine may send or see a request late, so that the next seems nearer."
CRAWLS = 3
"At a time on each machine."
CUT_SECONDS = LEASE_SECONDS + 40
DATABASE_SECONDS = 5
PASS_SECONDS = 150
"Between two times at which the time that outlets wait is made to pass."
SETTINGS = {
    "DOWNLOAD_DELAY": DELAY,
    "DOWNLOAD_DELAY_JITTER": 0,
    "AUTOTHROTTLE_ENABLED": 0,
    "NEWSCRAWL_BACKOFF_SECONDS": 1,
    "NEWSCRAWL_EXTRACT_PROCESSES": 1,
}
# What each machine would have learned by waiting: nothing is held back, and whatever is left is due.
PASS_TIME = (
    "UPDATE outlets SET not_before = NULL, failures = 0, outlet_digest = NULL",
    "UPDATE sources SET next_due = 1",
    "UPDATE urls SET next_due = 1 WHERE status = 'pending'",
)
LEFT = (
    "SELECT outlet FROM urls WHERE status = 'pending' OR in_flight_run IS NOT NULL "
    "UNION SELECT outlet FROM runs WHERE reason IS NULL UNION SELECT outlet FROM leases"
)
"Outlets with a page that was found and not fetched, a run that nobody has ended, or somebody at work."
BEGAN = time.monotonic()


def say(line: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.0f} s  {line}", flush=True)


def wait_until(what: str, is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether it came to be in time."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            say(f"in vain for {seconds:.0f} s: {what}")
            return False
        time.sleep(0.5)
    return True


class Service:
    """A command on the head that is started again whenever it ends, as systemd would."""

    def __init__(self, words: Sequence[str | Path], variables: Mapping[str, str], log: Path) -> None:
        self._words, self._variables, self._log = words, variables, log
        self._is_over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._log.open("ab") as output:
            while not self._is_over.is_set():
                self._process = subprocess.Popen(
                    self._words, env=self._variables, stdout=output, stderr=subprocess.STDOUT
                )
                self._process.wait()
                self._is_over.wait(2)

    def kill(self) -> None:
        assert self._process
        self._process.kill()

    def stop(self) -> None:
        self._is_over.set()
        assert self._process
        self._process.terminate()
        self._thread.join(90)


class Row(NamedTuple):
    """A line of the table."""

    what: str
    found: str
    is_held: bool


class Site:
    """All that three machines share, and the machines."""

    def __init__(self, folder: Path, database: Cluster, bucket: StoppableBucket, *, on_cluster: bool) -> None:
        self.folder = folder
        self.database = database
        self.bucket = bucket
        self.outlet_files = folder / "outlets"
        self.outlet_files.mkdir()
        self.outlets: list[TimedOutlet] = []
        self.reachable = {
            **environment(),
            **{name: os.environ[name] for name in os.environ if name.startswith("AWS_")},
            "NEWSCRAWL_STATE_URL": database.url,
            "NEWSCRAWL_ARCHIVES": bucket.url,
            "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": "1",
            "NEWSCRAWL_CONTACT": "crawl@example.org",
        }
        self.variables = {
            **self.reachable,
            "NEWSCRAWL_SPOOL": str(folder / "disk" / "spool"),
            "NEWSCRAWL_OUTLETS": str(self.outlet_files),
        }
        flags = [word for name, value in SETTINGS.items() for word in ("-s", f"{name}={value}")]
        self._run = [COMMAND, "run", "--forever", *flags]
        self.on_cluster = on_cluster
        self.machines: dict[int, Machine] = {}
        for number in (1, 2, 3):
            self.start_machine(number)
        if on_cluster:
            start = [COMMAND, "cluster", "start", "--workers", "0", "--host", HEAD]
            self.scheduler = Service(start, self.variables, folder / "scheduler.log")
            words = [*self._run, "--on", f"tcp://{HEAD}:8786", "--jobs", str(3 * CRAWLS)]
            own = {**self.variables, "NEWSCRAWL_SPOOL": str(folder / "head")}
            self.command = Service(words, own, folder / "command.log")

    def start_machine(self, number: int) -> None:
        service = [*self._run, "--jobs", str(CRAWLS)]
        if self.on_cluster:
            service = [COMMAND, "cluster", "join", f"tcp://{HEAD}:8786", "--workers", "1"]
            service += ["--crawls", str(CRAWLS), "--host", f"10.77.0.{10 + number}"]
        self.machines[number] = Machine(number, self.folder, service, self.variables)

    def publish(self, count: int) -> list[TimedOutlet]:
        """So many outlets more, whose files appear."""
        added = []
        for number in range(len(self.outlets), len(self.outlets) + count):
            original = ORIGINALS[number % len(ORIGINALS)]
            added.append(TimedOutlet(f"{original}_{number}", original, HEAD))
        self.outlets += added
        for outlet in added:
            outlet.write_file(self.outlet_files)
        return added

    def kill_commands(self) -> None:
        """Whatever asks what is due: started again, it does not know what it has begun a moment ago."""
        if self.on_cluster:
            self.command.kill()
        else:
            for machine in self.machines.values():
                machine.kill_service()

    def find_busy_machine(self, wave: Sequence[TimedOutlet], lines: int = 2) -> int | None:
        """The machine that is amid the most crawls of these outlets, with lines that no other has."""
        busy: Counter[int] = Counter()
        for number, machine in self.machines.items():
            for outlet in wave:
                busy[number] += count_open_lines(machine.disk / "spool" / outlet.name) >= lines
        number, crawls = busy.most_common(1)[0]
        return number if crawls else None

    def query(self, statement: str) -> list[str]:
        database = Database.open(self.database.url)
        try:
            with database.reading() as connection:
                return [str(row[0]) for row in connection.execute(text(statement))]
        finally:
            database.close()

    def is_done(self) -> bool:
        """Whether each outlet has been crawled to its end, and nobody is at work."""
        ended = set(self.query("SELECT outlet FROM runs WHERE reason = 'finished' AND error IS NULL"))
        return {outlet.name for outlet in self.outlets} <= ended and not self.query(LEFT)


def break_machine(site: Site, victim: int) -> str:
    machine = site.machines.pop(victim)
    lines = sum(count_open_lines(folder) for folder in (machine.disk / "spool").iterdir() if folder.is_dir())
    machine.kill()
    machine.delete_disk()
    site.start_machine(victim)
    return f"m{victim} killed with {lines} lines in open files, its disk deleted; a new one joins"


def break_scheduler(site: Site, victim: int) -> str:
    site.scheduler.kill()
    return "scheduler killed, and with it all workers' tasks"


def break_command(site: Site, victim: int) -> str:
    if site.on_cluster:
        site.command.kill()
        return "newscrawl run --on killed"
    site.machines[victim].kill_service()
    return f"newscrawl run on m{victim} killed"


def break_database(site: Site, victim: int) -> str:
    site.database.stop()
    time.sleep(DATABASE_SECONDS)
    site.database.start()
    return f"PostgreSQL crashed, and back after {DATABASE_SECONDS} s"


def break_bucket(site: Site, seconds: int) -> str:
    site.bucket.stop()
    time.sleep(seconds)
    site.bucket.start()
    return f"bucket away for {seconds} s"


def break_network(site: Site, victim: int) -> str:
    machine = site.machines[victim]
    machine.unplug()
    time.sleep(CUT_SECONDS)
    machine.plug_in()
    return f"cable of m{victim} out for {CUT_SECONDS} s, leases hold {LEASE_SECONDS} s"


BREAK: Mapping[str, Callable[[Site, int], str]] = {
    "machine": break_machine,
    "scheduler": break_scheduler,
    "command": break_command,
    "database": break_database,
    "network": break_network,
}


def crawl_with_faults(site: Site, faults: Sequence[str], outlets: int, bucket_seconds: int) -> Iterator[Row]:
    """Each fault comes amid the crawls of outlets that have just been added."""
    for place, fault in enumerate(faults):
        count = (outlets - len(site.outlets)) // (len(faults) - place)
        wave = site.publish(count)
        is_amid = wait_until(
            f"crawls of {', '.join(outlet.name for outlet in wave)}",
            lambda wave=wave: site.find_busy_machine(wave) is not None,  # type: ignore[misc]
            LEASE_SECONDS + 120,
        )
        victim = site.find_busy_machine(wave) or 1
        if fault == "bucket":
            told = break_bucket(site, bucket_seconds)
        else:
            told = BREAK[fault](site, victim) if fault in BREAK else "nothing happens"
        say(told)
        yield Row(told, f"amid crawls of {count} outlets", is_amid)


def finish(site: Site) -> Row:
    """Let the time pass until nothing is left to crawl, and whatever waits for the bucket has been sent."""

    passed = 0.0

    def is_done() -> bool:
        nonlocal passed
        if site.is_done():
            return True
        if time.monotonic() > passed + PASS_SECONDS and not site.query("SELECT outlet FROM leases"):
            execute(site.database.url, *PASS_TIME)
            site.kill_commands()
            passed = time.monotonic()
        return False

    is_finished = wait_until("the end of all crawls", is_done, 3 * LEASE_SECONDS)
    left = sorted(site.query(LEFT))
    return Row("every crawl ends", f"{len(left)} outlets left {' '.join(left)}", is_finished)


def check_machines(site: Site) -> Iterator[Row]:
    for machine in site.machines.values():
        machine.run(COMMAND, "sync")
        done = machine.run(COMMAND, "check")
        said = (done.stdout + done.stderr).strip().splitlines()
        for line in said if done.returncode else ():
            say(f"  {machine.name}: {line}")
        yield Row(f"newscrawl check on {machine.name}", said[-1] if said else "", done.returncode == 0)


def check_articles(site: Site) -> Iterator[Row]:
    """By the command with which readers read the bucket, on a machine that has crawled some of it."""
    machine = site.machines[1]
    out = site.folder / "disk" / "export"
    done = machine.run(COMMAND, "export", "--out", str(out), "--format", "jsonl", "--all-versions")
    files = list((machine.disk / "export").rglob("*.jsonl"))
    lines = [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    found = Counter(line["url_norm"] for line in lines)
    wanted = set().union(*(outlet.stories() for outlet in site.outlets))
    missing, extra = wanted - found.keys(), found.keys() - wanted
    doubled = [url for url, count in found.items() if count > 1]
    for name, urls in (("missing", missing), ("unexpected", extra), ("doubled", doubled)):
        for url in sorted(urls):
            say(f"  {name}: {url}")
    what = f"{len(wanted & found.keys())} of {len(wanted)}, {len(doubled)} twice, {len(extra)} unexpected"
    yield Row("articles in the bucket", what, done.returncode == 0 and not missing | extra and not doubled)


def check_servers(site: Site) -> Iterator[Row]:
    seen = [measure_politeness(outlet.exchanges) for outlet in site.outlets]
    overlaps, shortest = sum(each.overlaps for each in seen), min(each.shortest for each in seen)
    requests = sum(each.requests for each in seen)
    for outlet in site.outlets:
        ordered = sorted(outlet.exchanges)
        for before, after in pairwise(ordered):
            if (seconds := after.begun - before.begun) < DELAY - LATENESS / 5:
                say(f"  {outlet.name}: {seconds:.2f} s between {before.target} and {after.target}")
    yield Row("requests at a time, by the servers", f"{overlaps} of {requests} overlap", not overlaps)
    what = f"{shortest:.2f} s at least, delay {DELAY} s, {LATENESS} s late at most"
    yield Row("seconds between two requests", what, shortest >= DELAY - LATENESS)


@contextmanager
def shared_bucket() -> Iterator[StoppableBucket]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    bucket = StoppableBucket(HEAD)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{bucket.host}:{bucket.port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    try:
        yield bucket
    finally:
        bucket.stop()


def measure(options: argparse.Namespace, folder: Path) -> list[Row]:
    build_bridge()
    rows: list[Row] = []
    with ExitStack() as stack:
        database = stack.enter_context(stoppable_cluster(HEAD))
        bucket = stack.enter_context(shared_bucket())
        Database.open(database.url).close()
        site = Site(folder, database, bucket, on_cluster=not options.alone)
        say(f"machines in {folder}")
        try:
            faults = [fault for fault in options.faults.split(",") if fault] or ["none"]
            if options.alone:
                faults = [fault for fault in faults if fault != "scheduler"]
            rows += crawl_with_faults(site, faults, options.outlets, options.bucket_seconds)
            rows.append(finish(site))
            rows += [*check_machines(site), *check_articles(site), *check_servers(site)]
        finally:
            if site.on_cluster:
                site.command.stop()
                site.scheduler.stop()
            for machine in site.machines.values():
                machine.kill()
    return rows


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--outlets", type=int, default=OUTLETS)
    parser.add_argument("--faults", default=",".join(FAULTS), help="in their order, divided by commas")
    parser.add_argument("--bucket-seconds", type=int, default=120)
    parser.add_argument("--alone", action="store_true", help="without Dask: each machine asks what is due")
    parser.add_argument("--keep", action="store_true", help="keep disks and logs")
    parser.add_argument(ENTERED, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not options.entered:
        enter(__file__, arguments)
    folder = Path(tempfile.mkdtemp(prefix="newscrawl-machines-"))
    folder.chmod(0o755)
    try:
        rows = measure(options, folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for row in rows:
        print(f"{'held  ' if row.is_held else 'BROKEN'}  {row.what:62} {row.found}")
    return 0 if all(row.is_held for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
