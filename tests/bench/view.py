"""How fast the viewer is over many articles: `python tests/bench/view.py [--articles 200000]`.

Makes runs of invented articles, has `newscrawl view` index and serve them, and prints the time of the first
index, of a start once it is there, of searches (median and 95th percentile), and the memory of the process.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))
from lines_made import article

START = datetime(2025, 1, 1, tzinfo=UTC)
OUTLETS, RUN_ARTICLES, WORDS_OF_TEXT, VOCABULARY = 40, 500, 250, 30_000
SEARCHES = 200


def make_vocabulary() -> tuple[list[str], list[float]]:
    """Words, and their frequencies summed up: by Zipf's law, as in a language."""
    dice = random.Random(1)
    parts = [consonant + vowel for consonant in "bcdfglmnprst" for vowel in "aeiouéà"]
    words = sorted({"".join(dice.choices(parts, k=dice.randint(1, 4))) for _ in range(VOCABULARY * 2)})
    dice.shuffle(words)
    words = words[:VOCABULARY]
    return words, list(accumulate(1 / (rank + 3) for rank in range(1, len(words) + 1)))


def make_runs(archives: Path, count: int) -> None:
    dice = random.Random(2)
    words, weights = make_vocabulary()
    base = json.loads(article(0).model_dump_json(by_alias=True))
    for first in range(0, count, RUN_ARTICLES):
        outlet = f"outlet{first // RUN_ARTICLES % OUTLETS:02d}"
        began = START + timedelta(minutes=2 * first)
        path = archives / outlet / f"{outlet}-{began:%Y%m%d%H%M%S}000-1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as stream:
            for number in range(first, min(first + RUN_ARTICLES, count)):
                chosen = dice.choices(words, cum_weights=weights, k=WORDS_OF_TEXT)
                published = began + timedelta(minutes=dice.randint(-2000, 0))
                line = {
                    **base,
                    "id": f"{number:032x}",
                    "url": f"https://{outlet}.example/{number}",
                    "url_norm": f"https://{outlet}.example/{number}",
                    "title": " ".join(chosen[:8]),
                    "lede": None,
                    "text": " ".join(chosen),
                    "is_mixed": False,
                    "lang": dice.choice(("fr", "en")),
                    "section": dice.choice(("Sport", "Monde", "Politique", "Culture")),
                    "published": published.isoformat(),
                    "fetched": (began + timedelta(hours=1)).isoformat(),
                }
                stream.write(f"{json.dumps(line, ensure_ascii=False)}\n")


@contextmanager
def viewing(archives: Path) -> Iterator[tuple[str, int, float]]:
    """Address and process id of a viewer, and the seconds until it answered."""
    before = time.perf_counter()
    ports = ["--port", "0", "--originals-port", "0"]
    command = [str(Path(sys.executable).with_name("newscrawl")), "view", "--archives", str(archives), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base = process.stdout.readline().strip().rstrip("/")
        urlopen(f"{base}/").read()
        try:
            yield base, process.pid, time.perf_counter() - before
        finally:
            process.terminate()


def memory_megabytes(pid: int, field: str = "VmRSS") -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def wait_until_indexed(base: str) -> None:
    while b"newscrawl_view_up_to_date 1.0" not in urlopen(f"{base}/metrics").read():
        time.sleep(0.5)


def list_searches() -> list[dict[str, Any]]:
    """A word, two words, a phrase, a word with filters: of every frequency."""
    dice = random.Random(3)
    words, weights = make_vocabulary()
    searches: list[dict[str, Any]] = []
    for number in range(SEARCHES):
        first, second = dice.choices(words, cum_weights=weights, k=2)
        kind = number % 5
        query = {0: first, 1: f"{first} {second}", 2: f'"{first} {second}"', 3: first, 4: first}[kind]
        filters = {3: {"outlet": "outlet03", "language": "fr"}, 4: {"order": "relevance"}}
        more: dict[str, Any] = filters.get(kind, {})
        searches.append({"q": query, **more})
    return searches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, help="keep the archive here, and use it again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        archives = options.folder or Path(scratch)
        if not any(archives.glob("*/*.jsonl")):
            make_runs(archives, options.articles)
        with viewing(archives) as (base, pid, _):
            before = time.perf_counter()
            time.sleep(1)
            wait_until_indexed(base)
            seconds, peak = time.perf_counter() - before, memory_megabytes(pid, "VmHWM")
            size = (archives / ".view.sqlite").stat().st_size / 1e6
            cpu = cpu_seconds(pid)
            print(f"index: {seconds:.0f} s, {cpu:.0f} CPU-s, {size:.0f} MB; memory at most {peak:.0f} MB")
        with viewing(archives) as (base, pid, started):
            print(f"start once indexed: {started:.2f} s")
            wait_until_indexed(base)
            at_first, times, cpu = memory_megabytes(pid), list[float](), cpu_seconds(pid)
            for search in list_searches():
                before = time.perf_counter()
                urlopen(f"{base}/api/search?{urlencode(search)}").read()
                times.append((time.perf_counter() - before) * 1000)
            used = (cpu_seconds(pid) - cpu) * 1000 / len(times)
            slow = quantiles(times, n=20)[-1]
            print(f"search: median {median(times):.0f} ms, 95th percentile {slow:.0f} ms, {used:.0f} CPU-ms")
            at_last = memory_megabytes(pid)
            print(f"memory: {at_first:.0f} MB before, {at_last:.0f} MB after {len(times)} searches")


if __name__ == "__main__":
    main()
