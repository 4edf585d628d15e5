"""What looking for copies takes.

`python tests/bench/cluster.py [--documents N] [--days N] [--incremental N]`. Texts are drawn from a
vocabulary as uneven as a language's; a tenth are copies, edited and trimmed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from newscrawl.dedup.bulk import rebuild_clusters
from newscrawl.dedup.fingerprints import Document, sketch_names, tokenize
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


def vocabulary(dice: np.random.Generator) -> list[str]:
    """Words of two to nine letters; of the rarer ones one in twelve is a name, one in twenty a figure."""
    letters = np.array(list("aeiounrtlsdcmpbgvfh"))
    words = ["".join(dice.choice(letters, dice.integers(2, 10))) for _ in range(VOCABULARY)]
    for at in range(1000, VOCABULARY):
        if at % 12 == 0:
            words[at] = words[at].capitalize()
        elif at % 20 == 1:
            words[at] = str(dice.integers(2, 90_000))
    return words


def drawn(dice: np.random.Generator, count: int) -> Iterator[tuple[str, int | None]]:
    """Texts, and which earlier one each is a copy of."""
    known = vocabulary(dice)
    weights = 1 / np.arange(1, VOCABULARY + 1)
    bounds = np.cumsum(weights / weights.sum())
    kept: dict[int, np.ndarray] = {}
    for at in range(count):
        original = int(dice.choice(list(kept))) if kept and dice.random() < COPIES else None
        if original is None:
            words = np.searchsorted(bounds, dice.random(int(dice.integers(WORDS // 2, WORDS * 3 // 2))))
            kept[at] = words
            if len(kept) > 200:
                del kept[next(iter(kept))]
        else:
            words = kept[original].copy()
            words[dice.integers(0, len(words), EDITED)] = dice.integers(0, VOCABULARY, EDITED)
            words = words[: len(words) * 2 // 5] if dice.random() < TRIMMED else words
        text = [known[min(word, VOCABULARY - 1)] for word in words.tolist()]
        for sentence in range(0, len(text), 20):
            text[sentence] = f".\n\n{text[sentence]}" if sentence % 60 == 0 else f". {text[sentence]}"
        yield " ".join(text), original


def text_at(at: int, body: str, count: int, days: int) -> Document:
    seen = NOW - days * DAY_SECONDS + at * days * DAY_SECONDS // count
    return Document(
        key=at.to_bytes(16, "big"),
        article_id=f"{at:032x}",
        outlet=f"outlet {at % 150}",
        url=f"https://news.example.org/{at}/",
        title="A title",
        lang=("fr", "en")[at % 2],
        published=seen,
        fetched_at=seen,
        agency=None,
        agency_of_outlet=None,
        original_url=None,
        tokens=tokenize(body),
        names=sketch_names(body),
    )


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    cpu, clock = time.process_time(), time.perf_counter()
    yield
    used, gone = time.process_time() - cpu, time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = used / max(1, count) * 1e6
    print(f"{what:34} {used:8.1f} s CPU {gone:8.1f} s {each:9.1f} us each, peak {peak:6.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--incremental", type=int, default=200, help="new texts against all of those")
    parser.add_argument("--days", type=int, default=30, help="that the texts are spread over")
    wanted = parser.parse_args()
    count = wanted.documents
    bodies = drawn(np.random.default_rng(7), count + wanted.incremental)
    texts: list[Document] = []
    originals: list[int | None] = []
    made = 0.0
    with timed("drawn, words and names read", count):
        for at in range(count):
            began = time.process_time()
            body, original = next(bodies)
            made += time.process_time() - began
            texts.append(text_at(at, body, count, wanted.days))
            originals.append(original)
    print(f"{'  of that: drawn':34} {made:8.1f} s CPU")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite"
        table = DocumentTable(Database.open(f"sqlite:///{path}"))
        with timed("clustered and written", count):
            print(rebuild_clusters(table, texts, NOW))
        print(f"state: {path.stat().st_size / 1e6:.0f} MB")
        score(table, texts, originals)
        new = [text_at(count + n, body, count, wanted.days) for n, (body, _) in enumerate(bodies)]
        with timed("one by one, at the end of a run", len(new)):
            print(cluster_documents(table, new, NOW))


def score(table: DocumentTable, texts: list[Document], originals: list[int | None]) -> None:
    """How many of the copies are in the cluster of what they were made of, and how many strangers in any."""
    known = table.memberships(text.key for text in texts)
    found = {text.article_id: known[text.key].cluster for text in texts}
    copies = [(at, original) for at, original in enumerate(originals) if original is not None]
    pairs = [(found[texts[at].article_id], found[texts[original].article_id]) for at, original in copies]
    right = sum(one is not None and one == other for one, other in pairs)
    families = {texts[n].article_id for pair in copies for n in pair}
    wrong = sum(cluster is not None and article not in families for article, cluster in found.items())
    print(f"of {len(copies)} copies {right / max(1, len(copies)):.4f} found; {wrong} strangers in a cluster")


if __name__ == "__main__":
    sys.exit(main())
