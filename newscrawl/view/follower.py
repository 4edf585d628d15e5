"""Keeps a catalogue up to date while it is looked at: a thread that reads what runs and takedowns leave."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from newscrawl.errors import NewscrawlError
from newscrawl.view.catalogue import Catalogue, CatalogueProgress

logger = logging.getLogger(__name__)
SECONDS_BETWEEN = 2.0
"Between two looks at the folders; a look costs a system call for each file."


class CatalogueFollower:
    """The thread, from `start` to `stop`."""

    def __init__(self, catalogue: Catalogue, fetch_files: Callable[[], None] = lambda: None) -> None:
        """`fetch_files` is called before each look: it brings the files of archives that are elsewhere."""
        self._catalogue = catalogue
        self._fetch_files = fetch_files
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="catalogue", daemon=True)
        self.progress: CatalogueProgress | None = None
        "Of the update that is under way; None between updates."
        self.error: str | None = None
        "Why the last update failed."
        self.is_complete = threading.Event()
        "Set once the catalogue has everything that was there at the start."

    @property
    def is_up_to_date(self) -> bool:
        """Whether the last look found nothing to do, or all of it was done."""
        return self.is_complete.is_set() and self.error is None and self.progress is None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                self._fetch_files()
                self._catalogue.update(self._show, self._stopping.is_set)
                self.error = None
            except (NewscrawlError, OSError) as error:
                if self.error != str(error):
                    logger.warning("the catalogue is not up to date: %s", error)
                self.error = str(error)
            except Exception:
                # The thread must live: whatever it was may be gone at the next look.
                logger.exception("the catalogue is not up to date")
                self.error = "internal error"
            self.progress = None
            self.is_complete.set()
            self._stopping.wait(SECONDS_BETWEEN)

    def _show(self, progress: CatalogueProgress) -> None:
        self.progress = progress
