"""What can befall a worker: functions in the extractor's place, importable by worker processes."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.outlet import Outlet
from newscrawl.pipelines.packed_pages import PackedPage


def extract_packed_by_name(
    folder: Path,
    pointer: WarcPointer,
    outlet: Outlet | None,
    memory: Path | None,
    *,
    is_compared: bool,
) -> PackedPage:
    """As `extract_by_name`, for crawls."""
    item = extract_by_name(folder, pointer, outlet, memory)
    assert isinstance(item, Rejection)
    return PackedPage(item, None)


def extract_by_name(
    folder: Path,
    pointer: WarcPointer,
    outlet: Outlet | None,
    memory: Path | None,
    parts: tuple[WarcPointer, ...] = (),
) -> Article | Rejection:
    """Fails in the way the pointer's file is named."""
    if pointer.file == "hangs":
        time.sleep(60)
    if pointer.file == "dies":
        os._exit(9)
    if pointer.file == "dies_once" and not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(9)
    if pointer.file == "no_descriptors":
        raise ArchiveError("cannot read it") from OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    if pointer.file == "no_memory":
        raise MemoryError
    if pointer.file == "raises":
        raise ValueError("no sense in this page")
    if pointer.file == "unreadable":
        raise ArchiveError(f"no such archive file: {folder / pointer.file}")
    return Rejection(url="http://a/", url_requested="http://a/", step="extract", reason="fine")
