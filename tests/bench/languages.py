"""Measure the accuracy and speed of language detection: `languages.py [--gold FILE] [--json]`.

Gold documents are JSON lines with `text`, `doc`, `share` and `blocks` of `start`, `end`, `lang`. Without a
file, the stories of the embedded newsroom serve as gold: the language of each line is annotated. Speeds are
characters per CPU second in a single process: cold, when words occur for the first time, and warm. Loading
is measured in a process of its own, beyond what the rest of the extractor has loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from newscrawl.demo.catalogue import demo_sites
from newscrawl.languages import Languages, detect_languages

HOME = {"fr", "en", "und"}
MANY = 400_000
"Characters per language on which speeds are measured."
LOADING = """
import time
from pathlib import Path
import newscrawl.extraction

def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])

held, began = pages(), time.process_time()
from newscrawl.languages import detect_languages
detect_languages("Le conseil a voté. The council voted.")
print(time.process_time() - began, (pages() - held) * 4096 / 2**20)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gold:
    """A text with annotated languages."""

    text: str
    doc: str
    french: float | None
    blocks: dict[int, set[str]]
    "Start of a line to the languages that are right for it."


@dataclass(slots=True)
class Accuracy:
    """Counts of right and wrong results."""

    documents: Counter[bool] = field(default_factory=Counter)
    blocks: Counter[bool] = field(default_factory=Counter)
    short: Counter[bool] = field(default_factory=Counter)
    "Blocks of one or two words."
    mixed: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    "Whether a document is mixed, and whether it was labelled so."
    off: list[float] = field(default_factory=list)
    "Errors of the share of French."

    def add(self, gold: Gold, found: Languages) -> None:
        self.documents[gold.doc == found.label] += 1
        self.mixed[gold.doc == "mixed", found.label == "mixed"] += 1
        if gold.french is not None:
            self.off.append(abs(gold.french - found.shares.get("fr", 0.0)))
        for block in found.blocks:
            if (codes := gold.blocks.get(block.start)) is None:
                continue
            right = kind(block.lang) in codes
            self.blocks[right] += 1
            if len(gold.text[block.start : block.end].split()) <= 2:
                self.short[right] += 1

    def figures(self) -> dict[str, float]:
        hits = self.mixed[True, True]
        return {
            "documents right, %": share(self.documents),
            "mixed: precision, %": percent(hits, hits + self.mixed[False, True]),
            "mixed: recall, %": percent(hits, hits + self.mixed[True, False]),
            "blocks right, %": share(self.blocks),
            "blocks of one or two words right, %": share(self.short),
            "French share off, points": round(100 * sum(self.off) / max(len(self.off), 1), 2),
        }


def kind(code: str) -> str:
    return code if code in HOME else "other"


def percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 100.0


def share(counts: Counter[bool]) -> float:
    return percent(counts[True], counts.total())


def read_gold(path: Path) -> list[Gold]:
    return [
        Gold(
            text=row["text"],
            doc=row["doc"],
            french=row["share"].get("fr", 0.0) if row["share"] else None,
            blocks={
                block["start"]: {kind(code) for code in (block["lang"], *block.get("alt", ()))}
                for block in row["blocks"]
                if block["lang"]
            },
        )
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ]


def newsroom_gold() -> list[Gold]:
    """Each story, and each pair of neighbouring stories of an outlet."""
    stories = [
        [(part.text, part.lang) for part in story.parts]
        for site in demo_sites()
        for story in site.desk.listed
    ]
    pairs = [first + second for first, second in pairwise(stories)]
    return [make_gold(parts) for parts in (*stories, *pairs)]


def make_gold(parts: Iterable[tuple[str, str]]) -> Gold:
    blocks: dict[int, set[str]] = {}
    letters: Counter[str] = Counter()
    at = 0
    lines = [(text.replace("\n", " "), lang) for text, lang in parts]
    for text, lang in lines:
        blocks[at] = {lang}
        letters[lang] += sum(map(str.isalpha, text))
        at += len(text) + 1
    french = letters["fr"] / letters.total()
    doc = "mixed" if 0.1 <= french <= 0.9 else "fr" if french > 0.5 else "en"
    return Gold(text="\n".join(text for text, _ in lines), doc=doc, french=french, blocks=blocks)


def accuracy(golds: list[Gold]) -> dict[str, float]:
    counts = Accuracy()
    for gold in golds:
        counts.add(gold, detect_languages(gold.text))
    return counts.figures()


def speeds(golds: list[Gold], rounds: int) -> dict[str, float]:
    """Thousands of characters per CPU second; the first run is cold."""
    texts = [gold.text for gold in golds]
    found = {"cold, kchar/s": speed(lambda: [detect_languages(text) for text in texts], texts)}
    found["warm, kchar/s"] = max(
        speed(lambda: [detect_languages(text) for text in texts], texts) for _ in range(rounds)
    )
    for code, name in (("fr", "French"), ("en", "English")):
        own = [gold.text for gold in golds if gold.doc == code]
        some = list(chain.from_iterable([own] * (MANY // max(sum(map(len, own)), 1) + 1))) if own else []
        if some:
            found[f"stories in {name}, kchar/s"] = max(
                speed(lambda some=some: [detect_languages(text) for text in some], some)
                for _ in range(rounds)
            )
    return found


def speed(call: Callable[[], object], texts: list[str]) -> float:
    began = time.process_time()
    call()
    return round(sum(map(len, texts)) / (time.process_time() - began) / 1e3)


def loading() -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True)
    spent, held = map(float, done.stdout.split())
    return {"loading, CPU s": round(spent, 3), "loading, MiB": round(held, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gold", type=Path, help="JSON lines of documents with annotated languages")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    golds = read_gold(options.gold) if options.gold else newsroom_gold()
    found = {**speeds(golds, options.rounds), **accuracy(golds), **loading()}
    if options.json:
        print(json.dumps(found))
        return
    table = Table(
        "", "", title=f"Languages of {len(golds)} documents", title_justify="left", show_header=False
    )
    for name, figure in found.items():
        table.add_row(name, f"{figure:g}")
    Console().print(table)


if __name__ == "__main__":
    main()
