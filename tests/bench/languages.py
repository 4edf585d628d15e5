"""How right and how fast languages are told: `languages.py [--gold FILE] [--json]`.

Gold documents are JSON lines with `text`, `doc`, `share` and `blocks` of `start`, `end`, `lang`. Without a
file of them the stories of the embedded newsroom are asked, each line of which is in a known language. Speeds
are characters a CPU second in one process: cold, as words are met for the first time, and warm. What loading
takes is measured in a process of its own, beyond what the rest of the extractor has loaded.
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
from newscrawl.languages import Languages, label

HOME = {"fr", "en", "und"}
MANY = 400_000
"Characters of one language that speeds are measured on."
LOADING = """
import time
from pathlib import Path
import newscrawl.extraction

def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])

held, began = pages(), time.process_time()
from newscrawl.languages import label
label("Le conseil a voté. The council voted.")
print(time.process_time() - began, (pages() - held) * 4096 / 2**20)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gold:
    """A text of which the languages are known."""

    text: str
    doc: str
    french: float | None
    blocks: dict[int, set[str]]
    "Start of a line to the languages it may be said to be in."


@dataclass(slots=True)
class Counted:
    """What was right of how many."""

    documents: Counter[bool] = field(default_factory=Counter)
    blocks: Counter[bool] = field(default_factory=Counter)
    short: Counter[bool] = field(default_factory=Counter)
    "Blocks of one or two words."
    mixed: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    "Whether a document is mixed, and whether it was called so."
    off: list[float] = field(default_factory=list)
    "By how much the share of French was missed."

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
        said = self.mixed[True, True]
        return {
            "documents right, %": share(self.documents),
            "mixed: precision, %": percent(said, said + self.mixed[False, True]),
            "mixed: recall, %": percent(said, said + self.mixed[True, False]),
            "blocks right, %": share(self.blocks),
            "blocks of one or two words right, %": share(self.short),
            "French share off, points": round(100 * sum(self.off) / max(len(self.off), 1), 2),
        }


def kind(code: str) -> str:
    return code if code in HOME else "other"


def percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 100.0


def share(counted: Counter[bool]) -> float:
    return percent(counted[True], counted.total())


def gold_of(path: Path) -> list[Gold]:
    return [
        Gold(
            text=told["text"],
            doc=told["doc"],
            french=told["share"].get("fr", 0.0) if told["share"] else None,
            blocks={
                block["start"]: {kind(code) for code in (block["lang"], *block.get("alt", ()))}
                for block in told["blocks"]
                if block["lang"]
            },
        )
        for told in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ]


def gold_of_newsroom() -> list[Gold]:
    """Each story, and each beside the next one of its outlet."""
    stories = [
        [(part.text, part.lang) for part in story.parts]
        for site in demo_sites()
        for story in site.desk.listed
    ]
    pairs = [first + second for first, second in pairwise(stories)]
    return [gold_of_parts(parts) for parts in (*stories, *pairs)]


def gold_of_parts(parts: Iterable[tuple[str, str]]) -> Gold:
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
    counted = Counted()
    for gold in golds:
        counted.add(gold, label(gold.text))
    return counted.figures()


def speeds(golds: list[Gold], rounds: int) -> dict[str, float]:
    """Thousands of characters a CPU second; the first reading is the cold one."""
    texts = [gold.text for gold in golds]
    found = {"cold, kchar/s": speed(lambda: [label(text) for text in texts], texts)}
    found["warm, kchar/s"] = max(speed(lambda: [label(text) for text in texts], texts) for _ in range(rounds))
    for code, name in (("fr", "French"), ("en", "English")):
        own = [gold.text for gold in golds if gold.doc == code]
        some = list(chain.from_iterable([own] * (MANY // max(sum(map(len, own)), 1) + 1))) if own else []
        if some:
            found[f"stories in {name}, kchar/s"] = max(
                speed(lambda some=some: [label(text) for text in some], some) for _ in range(rounds)
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
    parser.add_argument("--gold", type=Path, help="JSON lines of documents whose languages are known")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    golds = gold_of(options.gold) if options.gold else gold_of_newsroom()
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
