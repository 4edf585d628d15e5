"""Spiders that fail in ways no outlet file can bring about; each harms its own process as much as it can."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from newscrawl.spiders.outlet import OutletSpider

MODULES, CHILDREN = "modules.txt", "children.txt"


class RaisingSpider(OutletSpider):
    """Raises before its first request."""

    async def start(self) -> AsyncIterator[Any]:
        raise RuntimeError("the spider is broken")
        yield


class BlockingSpider(OutletSpider):
    """Holds the event loop for ever, so that no signal is heard."""

    async def start(self) -> AsyncIterator[Any]:
        while True:
            time.sleep(0.1)
        yield


class DyingSpider(OutletSpider):
    """Is killed as the kernel kills what has taken all memory."""

    async def start(self) -> AsyncIterator[Any]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield


class ListingSpider(OutletSpider):
    """Lists the modules and the children that its process has when it closes."""

    def closed(self, reason: str) -> None:
        folder = Path(self.run.folder)
        (folder / MODULES).write_text("\n".join(sorted(sys.modules)))
        (folder / CHILDREN).write_text(Path(f"/proc/self/task/{os.getpid()}/children").read_text())
