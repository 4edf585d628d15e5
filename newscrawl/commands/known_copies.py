"""What state knows of copies, for commands that read the archive and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from newscrawl.state.copies import CopyTable
from newscrawl.state.database import FILE, Database, database_url


@contextmanager
def known_copies(archives: Path, state_url: str) -> Iterator[CopyTable | None]:
    """What state knows of copies; None without state, for reading makes none."""
    url = database_url(state_url, archives.resolve())
    if not state_url and not (archives / FILE).exists():
        yield None
        return
    with closing(Database.open(url)) as database:
        yield CopyTable(database)
