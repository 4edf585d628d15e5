"""What looking for copies takes, and that its answer does not depend on how the work is divided.

`python tests/bench/cluster.py [--documents N] [--days N] [--incremental N] [--shards N,N] [--jobs N]`. Texts
are drawn from a vocabulary as uneven as a language's; a tenth are copies, edited and trimmed. With several
numbers of shards the clusters are rebuilt with each of them, and all tables must come out the same.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from newscrawl.dedup.bulk import rebuild_clusters
from newscrawl.dedup.fingerprints import MAX_NAMES, Document, sketch_names, tokenize
from newscrawl.dedup.incremental import cluster_documents
from newscrawl.state.database import Database
from newscrawl.state.documents import DocumentTable

WORDS = 400
COPIES = 0.1
TRIMMED = 0.4
VOCABULARY = 60_000
NOW = 1_780_000_000
DAY_SECONDS = 86_400
EDITED = 15
IN_REACH = 200
"Texts that may be copied."
TEXTS_PER_SOURCE = 10_000
MOST_MB = 1_500
"Memory of a process, whatever the number of texts."
WRITTEN = 2_000
"Texts whose words and names are read, for the time it takes."
TABLES = {"documents": "id", "fingerprints": "1, 2", "cross_language_links": "1, 2"}


@cache
def vocabulary() -> list[str]:
    """Words of two to nine letters; of the rarer ones one in twelve is a name, one in twenty a figure."""
    dice = np.random.default_rng(7)
    letters = np.array(list("aeiounrtlsdcmpbgvfh"))
    words = ["".join(dice.choice(letters, dice.integers(2, 10))) for _ in range(VOCABULARY)]
    for at in range(1000, VOCABULARY):
        if at % 12 == 0:
            words[at] = words[at].capitalize()
        elif at % 20 == 1:
            words[at] = str(dice.integers(2, 90_000))
    return words


@cache
def bounds() -> Any:
    weights = 1 / np.arange(1, VOCABULARY + 1)
    return np.cumsum(weights / weights.sum())


@cache
def hashed_words() -> tuple[Any, Any]:
    """The token of each word, and its hash where it is a name or a figure, else 0."""
    tokens = np.concatenate([tokenize(word) for word in vocabulary()])
    names = [sketch_names(f"so {word}") for word in vocabulary()]
    return tokens, np.array([int(each[0]) if len(each) else 0 for each in names], np.uint32)


@dataclass(frozen=True, kw_only=True)
class DrawnTexts:
    """Consecutive texts of so many, drawn anew whenever they are read."""

    first: int
    count: int
    all_texts: int
    days: int

    def draw(self) -> Iterator[tuple[Any, int | None]]:
        """The words of each text, and which earlier one it is a copy of."""
        dice = np.random.default_rng((7, self.first))
        originals: dict[int, Any] = {}
        for at in range(self.first, self.first + self.count):
            original = int(dice.choice(list(originals))) if originals and dice.random() < COPIES else None
            if original is None:
                size = int(dice.integers(WORDS // 2, WORDS * 3 // 2))
                words = np.minimum(np.searchsorted(bounds(), dice.random(size)), VOCABULARY - 1)
                originals[at] = words
                if len(originals) > IN_REACH:
                    del originals[next(iter(originals))]
            else:
                words = originals[original].copy()
                words[dice.integers(0, len(words), EDITED)] = dice.integers(0, VOCABULARY, EDITED)
                words = words[: len(words) * 2 // 5] if dice.random() < TRIMMED else words
            yield words, original

    def __iter__(self) -> Iterator[Document]:
        for at, (words, _) in enumerate(self.draw(), self.first):
            yield make_text(at, words, self.all_texts, self.days)


def draw_sources(count: int, days: int) -> list[DrawnTexts]:
    return [
        DrawnTexts(first=first, count=min(TEXTS_PER_SOURCE, count - first), all_texts=count, days=days)
        for first in range(0, count, TEXTS_PER_SOURCE)
    ]


def make_text(at: int, words: Any, count: int, days: int) -> Document:
    fetched_at = NOW - days * DAY_SECONDS + at * days * DAY_SECONDS // count
    tokens, names = hashed_words()
    return Document(
        key=at.to_bytes(16, "big"),
        article_id=f"{at:032x}",
        outlet=f"outlet {at % 150}",
        url=f"https://news.example.org/{at}/",
        title="A title",
        lang=("fr", "en")[at % 2],
        published=fetched_at,
        fetched_at=fetched_at,
        agency=None,
        agency_of_outlet=None,
        original_url=None,
        tokens=tokens[words],
        names=np.unique(names[words][names[words] > 0][:MAX_NAMES]),
    )


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    cpu, clock = used_seconds(), time.perf_counter()
    yield
    used, gone = used_seconds() - cpu, time.perf_counter() - clock
    own, workers = peak_memory()
    each = used / max(1, count) * 1e6
    print(
        f"{what:34} {used:8.1f} s CPU {gone:8.1f} s {each:9.1f} us each, "
        f"peak {own:.0f} MB here, {workers:.0f} MB in a worker",
        flush=True,
    )


def peak_memory() -> tuple[float, float]:
    """MB of this process, and of the largest that has ended."""
    own, workers = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own, workers


def used_seconds() -> float:
    """CPU time of this process and of those that have ended."""
    return sum(
        getattr(resource.getrusage(who), name)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        for name in ("ru_utime", "ru_stime")
    )


def rebuild(table: DocumentTable, count: int, days: int, shards: int, jobs: int) -> None:
    sources = draw_sources(count, days)
    if jobs == 1:
        print(rebuild_clusters(table, sources, NOW, shards=shards).counts)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        print(rebuild_clusters(table, sources, NOW, shards=shards, run=pool.map).counts)


def digest_tables(database: Database) -> str:
    """A digest of all rows."""
    digest = hashlib.sha256()
    with database.reading() as connection:
        for table, order in TABLES.items():
            for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY {order}"):
                digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()[:32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--incremental", type=int, default=200, help="new texts against all of those")
    parser.add_argument("--days", type=int, default=30, help="that the texts are spread over")
    parser.add_argument("--shards", default="0", help="numbers of shards, with commas; 0: as many as fit")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    wanted = parser.parse_args()
    count = wanted.documents
    body = " ".join(f"{vocabulary()[at * 31 % VOCABULARY]}{'' if at % 20 else '.'}" for at in range(WORDS))
    with timed("words and names read", WRITTEN):
        for _ in range(WRITTEN):
            tokenize(body), sketch_names(body)
    with timed("drawn", count):
        originals = [original for source in draw_sources(count, wanted.days) for _, original in source.draw()]
    digests = set()
    for shards in map(int, wanted.shards.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state.sqlite"
            database = Database.open(f"sqlite:///{path}")
            table = DocumentTable(database)
            with timed(f"drawn, clustered, written ({shards})", count):
                rebuild(table, count, wanted.days, shards, wanted.jobs)
            assert shards or max(peak_memory()) < MOST_MB
            digests.add(digest_tables(database))
            print(f"state: {path.stat().st_size / 1e6:.0f} MB, {digests}", flush=True)
            if shards == int(wanted.shards.split(",")[-1]):
                score(table, originals)
                last = DrawnTexts(first=count, count=wanted.incremental, all_texts=count, days=wanted.days)
                new = list(last)
                with timed("one by one, at the end of a run", len(new)):
                    print(cluster_documents(table, new, NOW))
            database.close()
    assert len(digests) == 1, "the number of shards makes a difference"


def score(table: DocumentTable, originals: list[int | None]) -> None:
    """How many of the copies are in the cluster of what they were made of, and how many strangers in any."""
    found = table.memberships(at.to_bytes(16, "big") for at in range(len(originals)))
    clusters = [found[at.to_bytes(16, "big")].cluster for at in range(len(originals))]
    copies = [(at, original) for at, original in enumerate(originals) if original is not None]
    right = sum(clusters[at] is not None and clusters[at] == clusters[original] for at, original in copies)
    families = {number for pair in copies for number in pair}
    wrong = sum(cluster is not None and at not in families for at, cluster in enumerate(clusters))
    print(f"of {len(copies)} copies {right / max(1, len(copies)):.4f} found; {wrong} strangers in a cluster")


if __name__ == "__main__":
    sys.exit(main())
