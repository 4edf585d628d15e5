"""The templates of the pages: everything is escaped, and characters that would turn text are replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from newscrawl.view.plots import bar_plot, point_plot
from newscrawl.view.search import split_snippet
from newscrawl.view.words import (
    format_day,
    format_moment,
    format_number,
    has_word,
    name_language,
    translate,
)

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"What HTML forbids, what would turn the order of all that follows, and what UTF-8 cannot encode."


def neutralize(value: Any) -> Any:
    """A value for a page: text without such characters; markup of our own as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _FORBIDDEN.sub("\ufffd", value)
    return "" if value is None else value


def web_address(url: object) -> str:
    """A URL that may be the target of a link; empty for any other than http and https."""
    text = url if isinstance(url, str) else ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.netloc else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("newscrawl.view"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=neutralize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["web"] = web_address
    environment.filters["pieces"] = split_snippet
    environment.globals.update(bar_plot=bar_plot, point_plot=point_plot)
    return environment


def render(template: str, language: str, explicit: str | None, **values: Any) -> str:
    """A page in a language of the viewer; `explicit`: the language if the address names it, for its links."""

    def link(path: str, query: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """An address of the viewer; values that are None or empty are left out."""
        pairs = {**(query or {}), **changes}
        if explicit:
            pairs.setdefault("lang", explicit)
        shown = [(name, str(value)) for name, value in pairs.items() if value not in (None, "")]
        return f"{path}?{urlencode(shown)}" if shown else path

    return (
        _environment()
        .get_template(template)
        .render(
            t=partial(translate, language),
            has_word=has_word,
            language_name=partial(name_language, language),
            number=partial(format_number, language),
            day=partial(format_day, language),
            moment=partial(format_moment, language),
            ui_language=language,
            explicit_language=explicit,
            link=link,
            **values,
        )
    )
