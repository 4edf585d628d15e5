"""What can befall a process that reads a source: functions in the reader's place, importable by workers."""

from __future__ import annotations

import os
import time
from typing import Any

from newscrawl.discovery.results import SourceResult


def sleeps(*_: Any) -> SourceResult:
    time.sleep(60)
    raise AssertionError


def dies(*_: Any) -> SourceResult:
    os._exit(9)
