"""The index at the end of a run: what it cannot do is said once, and ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.utils.test import get_crawler

from newscrawl.errors import ArchiveError, StorageError
from newscrawl.extensions.index import IndexExtension


def spider_with(index: Callable[[], bool]) -> Any:
    return SimpleNamespace(name="paper", run=SimpleNamespace(index=index))


def extension() -> IndexExtension:
    return IndexExtension(get_crawler(settings_dict={"NEWSCRAWL_INDEX": True}))


@pytest.mark.parametrize("is_whole", [True, False])
def test_the_log_says_once_that_older_files_are_left(
    is_whole: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "newscrawl")
    extension().spider_closed(spider_with(lambda: is_whole))
    said = [record.getMessage() for record in caplog.records if record.name.startswith("newscrawl")]
    assert len(said) == (not is_whole)
    assert all("newscrawl index build" in line for line in said)


@pytest.mark.parametrize(
    "error", [ArchiveError("no disk"), StorageError("the bucket is away"), PermissionError(13, "not yours")]
)
def test_no_failure_of_the_index_ends_a_run(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> bool:
        raise error

    extension().spider_closed(spider_with(fail))
    assert "the index lacks this run" in caplog.text
