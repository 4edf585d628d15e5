"""`python -m tools.training`: fit the block classifier, or cross-validate it by site."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from newscrawl.extraction.classifier.model import MODEL_NAME, BlockClassifier, load_model
from newscrawl.extraction.extract import extract
from newscrawl.items import Article
from tools.training.fit import Sample, fit_classifier, save_model
from tools.training.pages import FOLDS, Page, iter_pages, page_list
from tools.training.samples import make_sample

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "newscrawl/extraction/classifier" / MODEL_NAME
PAGE_LIST = "training-pages.tsv"
_WORKERS = 2


def main() -> int:
    """`fit` writes the model, `cross` a model for each fold, `predict` what they extract from other folds."""
    options = _options()
    pages = [page for folder in options.corpora for page in iter_pages(folder)]
    if options.task == "predict":
        _write(options.out, _predictions(pages, options.folds))
        return 0
    samples = _samples(pages)
    usable = [page for page in pages if page.id in samples]
    if options.task == "fit":
        save_model(fit_classifier(list(samples.values())), options.out)
        # The list of the shipped model stays out of the wheel.
        folder = HERE if options.out == MODEL else options.out.parent
        _write(folder / PAGE_LIST, page_list(iter(usable)))
        return 0
    options.folds.mkdir(parents=True, exist_ok=True)
    for fold in range(FOLDS):
        began = time.monotonic()
        others = [samples[page.id] for page in usable if page.fold != fold]
        save_model(fit_classifier(others), options.folds / f"fold-{fold}.npz")
        print(
            f"fold {fold + 1} of {FOLDS}: {len(others)} pages, {time.monotonic() - began:.0f} s",
            file=sys.stderr,
        )
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.training", description=main.__doc__)
    parser.add_argument("task", choices=["fit", "cross", "predict"])
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with truth.jsonl and its pages")
    parser.add_argument(
        "--out", type=Path, default=MODEL, help="file for the model, or for the predictions as JSON lines"
    )
    parser.add_argument(
        "--folds", type=Path, default=Path("folds"), help="folder for the models of the folds"
    )
    return parser.parse_args()


def _samples(pages: list[Page]) -> dict[str, Sample]:
    with ProcessPoolExecutor(_WORKERS) as pool:
        pairs = zip(pages, pool.map(make_sample, pages, chunksize=20), strict=True)
        return {page.id: sample for page, sample in pairs if sample is not None}


def _predictions(pages: list[Page], folder: Path) -> Iterator[str]:
    """Yield a JSON line for each page, from the model that was fitted without its site."""
    classifiers: list[BlockClassifier] = [load_model(folder / f"fold-{fold}.npz") for fold in range(FOLDS)]
    for page in pages:
        began = time.process_time()
        result = extract(page.html, page.url, classifier=classifiers[page.fold])
        row: dict[str, object] = {"id": page.id, "cpu_ms": round((time.process_time() - began) * 1000, 3)}
        if isinstance(result, Article):
            row |= {"text": result.text, "title": result.title, "date": result.published, "lede": result.lede}
            row |= {"authors": [author.name for author in result.authors]}
        yield json.dumps(row, ensure_ascii=False)


def _write(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
