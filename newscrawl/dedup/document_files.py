"""Documents in files, while all clusters are rebuilt: more of them than fit into memory.

A source's documents lie in one file, one after the other. Where each of them begins is in its row, and the
rows of all sources are sorted by the time of the fetch, a day a file. The number of a document is its place
in that order, from 0.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from newscrawl.dedup.clusters import is_linkable
from newscrawl.dedup.fingerprints import (
    Document,
    NameSketch,
    Tokens,
    pack_names,
    pack_tokens,
    unpack_names,
    unpack_tokens,
)
from newscrawl.dedup.shuffle import Rows, replace_file

ROW = np.dtype(
    [
        ("key", ">u8", 2),
        ("fetched_at", "<i8"),
        ("published", "<i8"),
        ("article_id", "S32"),  # longer ones are cut: it only sorts
        ("source", "<u4"),
        ("offset", "<u8"),
        ("token_bytes", "<u4"),
        ("name_bytes", "<u4"),
        ("string_bytes", "<u4"),
        ("is_linkable", "?"),
    ]
)
_STRINGS = ("article_id", "outlet", "url", "title", "lang", "agency", "agency_of_outlet", "original_url")
MAX_OPEN_FILES = 200
MAX_DAYS = 16
"Days whose rows stay in memory: more than the comparison reaches back."
MAX_CACHED_TOKENS = 20_000
"Texts whose tokens stay in memory: about 20 MB."


def write_source(folder: Path, source: int, documents: Iterable[Document]) -> Rows:
    """Write the documents of a source into its file; return their rows, in the same order."""
    rows: list[tuple[Any, ...]] = []
    offset = 0
    with replace_file(source_path(folder, source)) as file:
        for document in documents:
            strings = json.dumps([getattr(document, name) for name in _STRINGS]).encode()
            parts = (pack_tokens(document.tokens), pack_names(document.names), strings)
            sizes = tuple(map(len, parts))
            rows.append(
                (
                    np.frombuffer(document.key, ">u8"),
                    document.fetched_at,
                    document.published,
                    document.article_id.encode("utf-8", "replace"),
                    source,
                    offset,
                    *sizes,
                    is_linkable(document.lang, document.names),
                )
            )
            file.write(b"".join(parts))
            offset += sum(sizes)
    return np.array(rows, ROW)


class DocumentFiles:
    """The documents of a rebuild by their number; close it after use."""

    def __init__(self, sources: Path, days: Path, starts: Sequence[int]) -> None:
        """`starts`: the number of the first document of each day, and behind them that of all documents."""
        self._sources, self._days = sources, days
        self._starts = np.array(starts, np.int64)
        self._day_rows: OrderedDict[int, Rows] = OrderedDict()
        self._files: OrderedDict[int, BinaryIO] = OrderedDict()
        self._tokens: OrderedDict[int, Tokens] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def numbers(self, day: int) -> range:
        """The numbers of a day's documents."""
        return range(int(self._starts[day]), int(self._starts[day + 1]))

    def article_ids(self, numbers: NDArray[np.int64]) -> Rows:
        """The article ids of documents that are in ascending order, each cut to 32 bytes."""
        bounds = np.searchsorted(numbers, self._starts).tolist()
        parts = [
            self.day_rows(day)["article_id"][numbers[start:end] - self._starts[day]]
            for day, (start, end) in enumerate(pairwise(bounds))
            if end > start
        ]
        return np.concatenate([np.empty(0, ROW["article_id"]), *parts])

    def day_rows(self, day: int) -> Rows:
        """The rows of a day's documents, in their order."""
        rows = self._day_rows.pop(day, None)
        if rows is None:
            rows = np.load(self._days / f"{day:08}.npy")
            if len(self._day_rows) >= MAX_DAYS:
                self._day_rows.popitem(last=False)
        self._day_rows[day] = rows
        return rows

    def row(self, number: int) -> Any:
        day = int(np.searchsorted(self._starts, number, side="right")) - 1
        return self.day_rows(day)[number - int(self._starts[day])]

    def tokens(self, number: int) -> Tokens:
        """The tokens of a document; those of the last documents stay in memory."""
        tokens = self._tokens.pop(number, None)
        if tokens is None:
            row = self.row(number)
            tokens = unpack_tokens(self._read(row, 0, row["token_bytes"]))
            if len(self._tokens) >= MAX_CACHED_TOKENS:
                self._tokens.popitem(last=False)
        self._tokens[number] = tokens
        return tokens

    def names(self, number: int) -> NameSketch:
        row = self.row(number)
        return unpack_names(self._read(row, row["token_bytes"], row["name_bytes"]))

    def document(self, number: int) -> Document:
        row = self.row(number)
        token_bytes, name_bytes = int(row["token_bytes"]), int(row["name_bytes"])
        data = self._read(row, 0, token_bytes + name_bytes + int(row["string_bytes"]))
        return Document(
            key=row["key"].tobytes(),
            published=int(row["published"]),
            fetched_at=int(row["fetched_at"]),
            tokens=unpack_tokens(data[:token_bytes]),
            names=unpack_names(data[token_bytes : token_bytes + name_bytes]),
            **dict(zip(_STRINGS, json.loads(data[token_bytes + name_bytes :]), strict=True)),
        )

    def _read(self, row: Any, skipped: int, size: int) -> bytes:
        source = int(row["source"])
        file = self._files.pop(source, None)
        if file is None:
            if len(self._files) >= MAX_OPEN_FILES:
                self._files.popitem(last=False)[1].close()
            file = source_path(self._sources, source).open("rb", buffering=0)
        self._files[source] = file
        return os.pread(file.fileno(), int(size), int(row["offset"]) + int(skipped))


def source_path(folder: Path, source: int) -> Path:
    """The file of a source's documents."""
    return folder / f"{source:08}"
