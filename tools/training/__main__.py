"""`python -m tools.training`: fit the judge's model, or cross-validate it by site."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from newscrawl.extraction.classifier.model import MODEL, Judge, judge_in
from newscrawl.extraction.extract import extract
from newscrawl.items import Article
from tools.training.fit import Sample, fitted_judge
from tools.training.pages import FOLDS, Page, listed, pages_of
from tools.training.samples import sample_of
from tools.training.store import save_judge

HERE = Path(__file__).resolve().parent
LISTED = "training-pages.tsv"
_WORKERS = 2


def main() -> int:
    """`fit` writes the model, `cross` one model a fold, `predict` what these make of pages they never saw."""
    options = _options()
    pages = [page for folder in options.corpora for page in pages_of(folder)]
    if options.task == "predict":
        _write(options.out, _predictions(pages, options.folds))
        return 0
    samples = _samples(pages)
    learnt = [page for page in pages if page.id in samples]
    if options.task == "fit":
        save_judge(fitted_judge(list(samples.values())), options.out)
        _write(options.out.with_name(LISTED), listed(iter(learnt)))
        return 0
    options.folds.mkdir(parents=True, exist_ok=True)
    for fold in range(FOLDS):
        began = time.monotonic()
        unlike = [samples[page.id] for page in learnt if page.fold != fold]
        save_judge(fitted_judge(unlike), options.folds / f"fold-{fold}.npz")
        print(
            f"fold {fold + 1} of {FOLDS}: {len(unlike)} pages, {time.monotonic() - began:.0f} s",
            file=sys.stderr,
        )
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.training", description=main.__doc__)
    parser.add_argument("task", choices=["fit", "cross", "predict"])
    parser.add_argument(
        "corpora", nargs="+", type=Path, help="folders with truth.jsonl and the pages it names"
    )
    parser.add_argument(
        "--out", type=Path, default=HERE / MODEL, help="the model, or the predictions' JSON lines"
    )
    parser.add_argument("--folds", type=Path, default=Path("folds"), help="folder of the folds' models")
    return parser.parse_args()


def _samples(pages: list[Page]) -> dict[str, Sample]:
    with ProcessPoolExecutor(_WORKERS) as pool:
        found = zip(pages, pool.map(sample_of, pages, chunksize=20), strict=True)
        return {page.id: sample for page, sample in found if sample is not None}


def _predictions(pages: list[Page], folder: Path) -> Iterator[str]:
    """A JSON line for each page, by the judge that was fitted without its site."""
    judges: list[Judge] = [judge_in(folder / f"fold-{fold}.npz") for fold in range(FOLDS)]
    for page in pages:
        began = time.process_time()
        found = extract(page.html, page.url, judge=judges[page.fold])
        row: dict[str, object] = {"id": page.id, "cpu_ms": round((time.process_time() - began) * 1000, 3)}
        if isinstance(found, Article):
            row |= {"text": found.text, "title": found.title, "date": found.published, "lede": found.lede}
            row |= {"authors": [author.name for author in found.authors]}
        yield json.dumps(row, ensure_ascii=False)


def _write(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
