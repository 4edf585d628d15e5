"""The same story at the same address is written once a run."""

from __future__ import annotations

from newscrawl.items import Article, Rejection, rejection_of


class DedupePipeline:
    """Refuse an Article whose id (normalised URL and text) was seen in this run."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        if item.id in self.seen:
            return rejection_of(item, "dedupe", "duplicate", f"article {item.id} is already in this run")
        self.seen.add(item.id)
        return item
