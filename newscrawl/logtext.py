"""Text as a log may show it: one line a record, and no character that plays tricks with a terminal."""

from __future__ import annotations

import logging
import re
from typing import Any

NO_RUN = "-"
_TRICKY = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"C0 and C1 (line ends and ESC among them), marks that turn the direction of writing, halves of characters."
_CONTINUED = "  "
"Before each further line of a traceback: an error's text cannot pass for a record."


def escaped(text: str) -> str:
    r"""The text on one line: control characters as `\x1b`, marks of direction as `\u202e`."""
    return _TRICKY.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(code) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    )


class TextFormatter(logging.Formatter):
    """Lines for people."""

    def __init__(self, fmt: str | None = None, datefmt: str | None = None) -> None:
        super().__init__(fmt, datefmt, defaults={"run": NO_RUN, "outlet": NO_RUN})

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 # logging's name
        return escaped(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 # the same
        return indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 # the same
        return indented(super().formatStack(stack_info))


def indented(text: str) -> str:
    """Further lines of a record, each escaped."""
    return "\n".join(_CONTINUED + escaped(line) for line in text.split("\n"))
