"""`python -m tools.training`: fit the block classifier, or cross-validate it by site or by corpus."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import chain
from pathlib import Path

from newscrawl.extraction.classifier.model import MODEL_NAME, BlockClassifier, load_model
from newscrawl.extraction.extract import extract
from newscrawl.items import Article
from tools.training.fit import Sample, fit_classifier, save_model
from tools.training.pages import FOLDS, Page, iter_pages, page_list
from tools.training.samples import make_samples

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "newscrawl/extraction/classifier" / MODEL_NAME
PAGE_LIST = "training-pages.tsv"
_WORKERS = 2


def main() -> int:
    """`fit` writes the model; `cross` a model for each fold, by site, without it; `leave` one for each corpus
    without it and without its sites; `predict` and `predict-left` what those extract from pages they have not
    seen.
    """
    options = _options()
    pages = [page for folder in options.corpora for page in iter_pages(folder)]
    if options.task in {"predict", "predict-left"}:
        _write(options.out, _predictions(pages, options.folds, by_corpus=options.task == "predict-left"))
        return 0
    samples = _samples(pages)
    usable = [page for page in pages if page.id in samples]
    if options.task == "fit":
        save_model(fit_classifier([*chain.from_iterable(samples.values())]), options.out)
        # The list of the shipped model stays out of the wheel.
        folder = HERE if options.out == MODEL else options.out.parent
        _write(folder / PAGE_LIST, page_list(iter(usable)))
        return 0
    options.folds.mkdir(parents=True, exist_ok=True)
    parts = _corpora(usable) if options.task == "leave" else _folds(usable)
    for name, excluded in parts.items():
        began = time.monotonic()
        others = [samples[page.id] for page in usable if page.id not in excluded]
        save_model(fit_classifier([*chain.from_iterable(others)]), options.folds / f"{name}.npz")
        print(f"{name}: {len(others)} pages, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


def _folds(pages: Sequence[Page]) -> dict[str, set[str]]:
    """The ids of the pages of each fold."""
    return {f"fold-{fold}": {page.id for page in pages if page.fold == fold} for fold in range(FOLDS)}


def _corpora(pages: Sequence[Page]) -> dict[str, set[str]]:
    """The ids of the pages of each corpus, and of the pages of its sites in other corpora."""
    sites: dict[str, set[str]] = {}
    for page in pages:
        sites.setdefault(f"without-{page.dataset}", set()).add(page.site)
    return {name: {page.id for page in pages if page.site in found} for name, found in sites.items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.training", description=main.__doc__)
    parser.add_argument("task", choices=["fit", "cross", "predict", "leave", "predict-left"])
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with truth.jsonl and its pages")
    parser.add_argument(
        "--out", type=Path, default=MODEL, help="file for the model, or for the predictions as JSON lines"
    )
    parser.add_argument(
        "--folds",
        type=Path,
        default=Path("folds"),
        help="folder for the models that have not seen a fold or a corpus",
    )
    return parser.parse_args()


def _samples(pages: list[Page]) -> dict[str, list[Sample]]:
    with ProcessPoolExecutor(_WORKERS) as pool:
        pairs = zip(pages, pool.map(make_samples, pages, chunksize=20), strict=True)
        return {page.id: samples for page, samples in pairs if samples}


def _predictions(pages: list[Page], folder: Path, *, by_corpus: bool) -> Iterator[str]:
    """Yield a JSON line for each page, from the model that was fitted without its site, or its corpus."""
    load = cache(load_model)
    for page in pages:
        name = f"without-{page.dataset}" if by_corpus else f"fold-{page.fold}"
        classifier: BlockClassifier = load(folder / f"{name}.npz")
        began = time.process_time()
        result = extract(page.html, page.url, classifier=classifier)
        row: dict[str, object] = {"id": page.id, "cpu_ms": round((time.process_time() - began) * 1000, 3)}
        if isinstance(result, Article):
            row |= {"text": result.text, "title": result.title, "date": result.published, "lede": result.lede}
            row |= {"authors": [author.name for author in result.authors]}
        else:
            row["reason"] = result.reason
        yield json.dumps(row, ensure_ascii=False)


def _write(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
