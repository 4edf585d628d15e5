"""A page -> what the stages learn from, by the same way a crawl sees it."""

from __future__ import annotations

import numpy as np

from newscrawl.extraction.body import opinion_of
from newscrawl.extraction.classifier.features import features
from newscrawl.extraction.classifier.wording import hints_of
from newscrawl.extraction.head import head_of
from newscrawl.extraction.parse import Fault, parse
from newscrawl.extraction.view import prune, view_of
from newscrawl.items import PageType
from newscrawl.outlet import Rule
from tools.training.fit import Sample
from tools.training.labels import labels_of
from tools.training.pages import FOLDS, Page

_KINDS: dict[str, PageType] = {
    "article": "article",
    "listing": "listing",
    "collection": "listing",
    "forum": "forum",
    "product": "product",
}
GENERAL = frozenset({"wcxb"})
"Corpora of pages that are not news alone."


def sample_of(page: Page) -> Sample | None:
    """The page's matrix, labels and second opinion; None where nothing on it can be judged."""
    parsed = parse(page.html, {"content-type": "text/html"})
    if isinstance(parsed, Fault):
        return None
    head = head_of(parsed.tree, page.url, {})
    view = view_of(parsed.tree, head, Rule())
    if not view.blocks:
        return None
    hints = hints_of(head)
    matrix = features(view.blocks, view.frames, hints, view.chrome)
    labels = labels_of(page, view.blocks, hints.title)
    kind = _KINDS.get(page.page_type, "other")
    opinion: list[bool] = []
    if kind == "article":
        prune(view)
        opinion = opinion_of(parsed.tree, page.url, view.blocks)
    return Sample(
        lot=page.lot // FOLDS,
        matrix=matrix,
        labels=labels,
        opinion=np.array(opinion, np.float64),
        news=page.dataset not in GENERAL,
        kind=kind,
    )
