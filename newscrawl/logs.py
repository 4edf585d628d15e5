"""Log records as text or JSON, each on a single line and without characters that could mislead a terminal."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NO_RUN = "-"
PAGE_FIELDS = ("url", "reason", "lang", "chars")
"Further keys of a JSON line about a page."
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"C0 and C1 controls (with line ends and ESC), marks of writing direction, lone surrogates."
_CONTINUATION = "  "
"Begins each further line of a traceback, so that an error's text cannot pass for a record."


def escape_controls(text: str) -> str:
    r"""The text on a single line: control characters as `\x1b`, marks of direction as `\u202e`."""
    return _CONTROLS.sub(_escape_control, text)


def _escape_control(match: re.Match[str]) -> str:
    code = ord(match[0])
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(code) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    )


def escape_lines(text: str) -> str:
    """The text with its line ends, each line escaped."""
    return "\n".join(map(escape_controls, text.split("\n")))


def escape_data(text: str) -> str:
    r"""JSON or TOML with its line ends, in whose strings control characters become `\u009b`."""
    return _CONTROLS.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)


def escape_default_log() -> None:
    """Escape what is logged where no log is open: of commands, of workers, and of libraries in both."""
    if logging.lastResort:
        logging.lastResort.setFormatter(TextFormatter("%(name)s: %(message)s"))


def indent_lines(text: str) -> str:
    """The further lines of a record, each of them escaped."""
    return "\n".join(_CONTINUATION + escape_controls(line) for line in text.split("\n"))


class TextFormatter(logging.Formatter):
    """Writes lines for people."""

    def __init__(self, fmt: str | None = None, datefmt: str | None = None) -> None:
        super().__init__(fmt, datefmt, defaults={"run": NO_RUN, "outlet": NO_RUN})

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 # logging's name
        return escape_controls(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 # the same
        return indent_lines(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 # the same
        return indent_lines(super().formatStack(stack_info))


class JsonFormatter(logging.Formatter):
    """Writes lines for programs, each of them a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        # Here, since the help of a command is printed faster without the models of items.
        from newscrawl.items import rfc3339

        args = record.args if isinstance(record.args, Mapping) else {}
        line: dict[str, object] = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "run": getattr(record, "run", None),
            "outlet": getattr(record, "outlet", None),
            "message": escape_controls(record.getMessage()),
        }
        line |= {name: _json_value(args[name]) for name in PAGE_FIELDS if args.get(name) is not None}
        if record.exc_info:
            line["traceback"] = indent_lines(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)


def _json_value(value: object) -> object:
    return value if isinstance(value, int) else escape_controls(str(value))


class RunFilter(logging.Filter):
    """Adds the run and its outlet to each record, as soon as `set_run` has named them."""

    run: str | None = None
    outlet: str | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.update(run=self.run or NO_RUN, outlet=self.outlet or NO_RUN)
        return True


def set_run(run: str | None, outlet: str | None) -> None:
    """Name the run and outlet of all records from now on."""
    for handler in logging.root.handlers:
        for log_filter in handler.filters:
            if isinstance(log_filter, RunFilter):
                log_filter.run, log_filter.outlet = run, outlet
