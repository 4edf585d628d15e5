"""Real ticks: `PYTHONPATH=tests python tests/bench/ticks.py [hosts] [ticks] [jobs]`.

Outlets of a few stories each, two of them on every fourth host, are crawled by `newscrawl run --due` again
and again while they publish; it tells what their servers saw.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wire.crawl import environment
from wire.ticking_outlets import DELAY, TickingPaper, make_due, tick_command, write_ticking_outlets

from newscrawl.demo.server import Newsroom, serve_in_thread


def main(hosts: int, ticks: int, jobs: int) -> None:
    sites = [TickingPaper(f"paper{number}") for number in range(hosts)]
    with tempfile.TemporaryDirectory() as made, serve_in_thread(Newsroom(sites)) as newsroom:
        folder = Path(made)
        outlets = write_ticking_outlets(newsroom.bases, folder / "outlets")
        for number in range(ticks):
            began, before = time.monotonic(), sum(len(site.asked) for site in sites)
            command = tick_command(folder, jobs)
            done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
            asked = sum(len(site.asked) for site in sites) - before
            seconds = time.monotonic() - began
            print(f"tick {number}: exit {done.returncode}, {asked} requests, {seconds:.0f} s", flush=True)
            for site in sites:
                site.publish()
            make_due(folder)
        gaps = sorted(gap for site in sites for gap in site.gaps())
        print(f"{outlets} outlets on {hosts} hosts, {jobs} at a time")
        print(f"between two requests to a host {gaps[0]:.2f} s at least, delay {DELAY} s, spread by half")
        lines = sum(
            path.read_bytes().count(b"\n")
            for path in folder.glob("a/*/*.jsonl")
            if "rejected" not in path.name
        )
        print(f"{lines} articles")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(*given, *(24, 3, 4)[len(given) :]))
