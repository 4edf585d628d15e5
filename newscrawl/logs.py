"""Text as a log may show it: one line a record, and no character that plays tricks with a terminal."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from newscrawl.items import rfc3339

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


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


FORMAT = "NEWSCRAWL_LOG_FORMAT"
JSON = "json"
FORM = "%(asctime)s %(run)s [%(name)s] %(levelname)s: %(message)s"
TOLD = ("url", "reason", "lang", "chars")
"What a line about a page says besides, in JSON."
_STARTS = ("Scrapy %(version)s started", "Versions:\n", "Overridden settings:\n", "Enabled ")
_UNHANDLED = "Ignoring response "
"The page's own line says as much."
_TALKATIVE = (
    "scrapy.utils.log",
    "scrapy.crawler",
    "scrapy.middleware",
    "scrapy.addons",
    "scrapy.spidermiddlewares.httperror",
)


class _Quiet(logging.Filter):
    """What Scrapy says of itself when it starts, and of each answer that is no page, is for DEBUG alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno == logging.INFO and str(record.msg).startswith((*_STARTS, _UNHANDLED)):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return True


_QUIET = _Quiet()


def quiet_start() -> None:
    """Ask before Scrapy begins to tell of itself. A logger's own filter outlives Scrapy's configuration."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_QUIET)


class Whose(logging.Filter):
    """Gives each record the run and the outlet it is of, once they are known."""

    run: str | None = None
    outlet: str | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.update(run=self.run or NO_RUN, outlet=self.outlet or NO_RUN)
        return True


class JsonFormatter(logging.Formatter):
    """One object a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        told = record.args if isinstance(record.args, Mapping) else {}
        line: dict[str, object] = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "run": getattr(record, "run", None),
            "outlet": getattr(record, "outlet", None),
            "message": escaped(record.getMessage()),
        }
        line |= {name: _plain(told[name]) for name in TOLD if told.get(name) is not None}
        if record.exc_info:
            line["traceback"] = indented(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)


def _plain(value: object) -> object:
    return value if isinstance(value, int) else escaped(str(value))


def open_log(settings: BaseSettings) -> None:
    """Put our handler in the place of Scrapy's, which Scrapy makes anew whenever settings change."""
    quiet_start()
    handler = _handler(settings)
    is_json = settings.get(FORMAT) == JSON
    text = TextFormatter(_form(settings), settings.get("LOG_DATEFORMAT"))
    handler.setFormatter(JsonFormatter() if is_json else text)
    handler.setLevel(settings.get("LOG_LEVEL"))
    handler.addFilter(Whose())
    logging.root.setLevel(logging.NOTSET)
    logging.root.addHandler(handler)


def _form(settings: BaseSettings) -> str:
    """LOG_FORMAT where somebody has set it. Scrapy's commands other than crawl could not fill in a run."""
    return settings["LOG_FORMAT"] if settings.getpriority("LOG_FORMAT") else FORM


def _handler(settings: BaseSettings) -> logging.Handler:
    """Where the log goes, by Scrapy's own settings."""
    if not settings.getbool("LOG_ENABLED"):
        return logging.NullHandler()
    if file := settings.get("LOG_FILE"):
        mode = "a" if settings.getbool("LOG_FILE_APPEND") else "w"
        return logging.FileHandler(file, mode=mode, encoding=settings.get("LOG_ENCODING"))
    return logging.StreamHandler()


def name_run(run: str | None, outlet: str | None) -> None:
    """From now on records are of this run."""
    for handler in logging.root.handlers:
        for one in handler.filters:
            if isinstance(one, Whose):
                one.run, one.outlet = run, outlet
