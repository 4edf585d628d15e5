"""A file that appears under its name whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from newscrawl.archive.writer import sync_folder
from newscrawl.errors import ArchiveError


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A stream that becomes `path` when the block ends well, and leaves no trace when it does not."""
    draft = Path(f"{path}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
