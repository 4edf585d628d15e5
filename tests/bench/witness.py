"""Measure what a witness is worth: `witness.py FOLDER [--dataset NAME] [--limit N] [--json]`.

FOLDER holds annotated pages as for `newscrawl bench text`: truth.jsonl and the files it names. Each page is
extracted without a witness and with several, made of the annotations: `whole` is the story as the content of
a feed, with paragraphs missing, other quotes and a link back; `other` (the story of another page), `summary`
and `third` are false. Figures are F1 by shingles for each set, and in brackets the mean of the pages.
Last come the agreement of the classifier with the whole witnesses, by characters, and what the annotations
say of the text of the same pages without a witness.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from newscrawl.demo.saved_pages import read_truth
from newscrawl.extraction.evaluation.scores import TextScore, parse_truth, ratio, score_text
from newscrawl.extraction.extract import extract
from newscrawl.items import Article
from newscrawl.monitoring.agreement import Agreement, read_agreement, sum_agreements

SEED = 16
LOST = 0.05
"Share of the paragraphs that the whole witness lacks."
LEAST_F1, MOST_HARM = 0.985, 0.001
_STRAIGHT = str.maketrans({"“": '"', "”": '"', "’": "'", "‘": "'", "–": "-", "—": "--", "\u00a0": " "})
_CURLY = str.maketrans({"'": "’", '"': "”", "-": "\u2011"})
KINDS = ("none", "whole", "other", "summary", "third")


def main() -> int:
    """Measure, print, and exit with 1 where a bound is missed."""
    options = _options()
    lines = [line for line in read_truth(options.folder) if line.record.get("kind") == "full"]
    if options.dataset:
        lines = [line for line in lines if line.record.get("dataset") == options.dataset]
    lines = lines[: options.limit]
    stories = [_paragraphs(next(parse_truth(line.record).variants())) for line in lines]
    scores: dict[str, dict[str, list[TextScore]]] = defaultdict(lambda: defaultdict(list))
    used: dict[str, Counter[str]] = defaultdict(Counter)
    cpu: Counter[str] = Counter()
    checks: dict[str, list[tuple[Agreement, TextScore]]] = defaultdict(list)
    for number, line in enumerate(lines):
        truth = parse_truth(line.record)
        html = line.page.read()
        charset = line.page.charset
        headers = {"content-type": f"text/html; charset={charset}"} if charset else {}
        row = {}
        for kind, witness in _witnesses(stories, number).items():
            began = time.process_time()
            result = extract(html, line.page.url, headers=headers, witness=witness)
            cpu[kind] += time.process_time() - began
            text = result.text if isinstance(result, Article) else ""
            score = score_text(text, truth)
            assert isinstance(score, TextScore)
            scores[truth.dataset][kind].append(score)
            row[kind] = score.f1
            used[truth.dataset][f"{kind}:{_use(result)}"] += 1
            agreement = read_agreement(result.quality) if isinstance(result, Article) else None
            if kind == "whole" and agreement and agreement.whole:
                checks[truth.dataset].append((agreement, scores[truth.dataset]["none"][-1]))
        if options.pages:
            print(line.page.id, *(f"{kind}={value:.3f}" for kind, value in row.items()))
    figures = {
        dataset: {
            kind: {"f1": _f1(each), "f1_page": fmean(s.f1 for s in each)} for kind, each in kinds.items()
        }
        for dataset, kinds in scores.items()
    }
    if options.json:
        print(json.dumps({"figures": figures, "used": used, "cpu_s": cpu}, indent=2))
    else:
        _show(figures, used)
        for dataset, pairs in checks.items():
            found = sum_agreements(agreement for agreement, _ in pairs)
            print(f"{dataset}: {found.as_dict()}; by the annotations {_f1([one for _, one in pairs]):.4f}")
    return int(any(map(_misses_bound, figures.values())))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dataset", help="only the pages of this set")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pages", action="store_true", help="print each page too")
    return parser.parse_args()


def _paragraphs(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _witnesses(stories: Sequence[list[str]], number: int) -> dict[str, str | None]:
    story = stories[number]
    return {
        "none": None,
        "whole": _whole(story, random.Random(SEED + number)),
        "other": _html(stories[number - 1]),
        "summary": _html([" ".join(story)[:400].rpartition(". ")[0] + "."]),
        "third": _html(story[: max(1, len(story) // 3)]),
    }


def _whole(story: Sequence[str], chance: random.Random) -> str:
    """The story as a full-text feed would give it."""
    rest = [line for line in story if chance.random() >= LOST]
    changed = [line.translate(_STRAIGHT if chance.random() < 0.5 else _CURLY) for line in rest]
    link = (
        '<p>The post <a href="https://example.org/p">A story</a> appeared first on <a href="/">Paper</a>.</p>'
    )
    return _html(changed) + link


def _html(lines: Sequence[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>\n" for line in lines)


def _use(result: object) -> str:
    if not isinstance(result, Article) or result.quality.witness == "none":
        return "unused"
    return "votes" if "witness_partial" in result.quality.flags else "decides"


def _f1(scores: Sequence[TextScore]) -> float:
    """The harmonic mean of the averages, as in `newscrawl bench text`."""
    precision = fmean([score.precision for score in scores if score.has_words] or [0.0])
    recall = fmean([score.recall for score in scores if score.truth_has_words] or [0.0])
    return ratio(2 * precision * recall, precision + recall)


def _misses_bound(kinds: dict[str, dict[str, float]]) -> bool:
    least = kinds["none"]["f1"] - MOST_HARM
    return kinds["whole"]["f1"] < LEAST_F1 or any(kinds[kind]["f1"] < least for kind in KINDS[2:])


def _show(figures: dict[str, dict[str, dict[str, float]]], used: dict[str, Counter[str]]) -> None:
    table = Table("set", *KINDS, title="F1 by the kind of witness")
    for dataset, kinds in figures.items():
        table.add_row(dataset, *(f"{kinds[kind]['f1']:.4f} ({kinds[kind]['f1_page']:.4f})" for kind in KINDS))
    Console().print(table)
    for dataset, counts in used.items():
        print(dataset, dict(counts))


if __name__ == "__main__":
    sys.exit(main())
