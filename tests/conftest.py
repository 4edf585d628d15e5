"""Order of the tests when several processes share them, file by file."""

from __future__ import annotations

from collections import defaultdict

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests go first: at the end no process waits for another that has begun one late."""
    marks: dict[str, set[str]] = defaultdict(set)
    for item in items:
        marks[item.nodeid.partition("::")[0]] |= {mark.name for mark in item.iter_markers()}

    def turn(item: pytest.Item) -> int:
        names = marks[item.nodeid.partition("::")[0]]
        return 0 if {"slow", "crawl"} <= names else 1 if "slow" in names else 2 if "crawl" in names else 3

    items.sort(key=turn)
