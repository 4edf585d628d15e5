"""`newscrawl config`: every setting, its value, and where the value comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from newscrawl import settings
from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError, find_near
from newscrawl.project import DEFAULT_SOURCE, PREFIX
from newscrawl.storage import hide_credentials

_SECRETS = frozenset({"NEWSCRAWL_STATE_URL", "NEWSCRAWL_WEBHOOK"})
"URLs that may hold a password."


@ui.app.command("config")
def show_config(
    name: Annotated[str | None, typer.Argument(help="Print the value of this setting alone.")] = None,
    *,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only the settings that differ from their default.")
    ] = False,
    as_json: ui.AsJson = False,
) -> None:
    """Show the settings that hold here, and where each comes from.

    Passwords in URLs are not shown. Settings of Scrapy are listed where the project changes them.
    """
    names = [key for key in vars(settings) if key.startswith(PREFIX) or key in settings.sources]
    if name is not None:
        if name not in names:
            raise NewscrawlError(f"{name}: there is no such setting{find_near(name, names)}")
        ui.print_line(_format(_shown(name)))
        return
    wanted = [key for key in names if not changed or key in settings.sources]
    if as_json:
        file = settings.project.file
        values = {key: {"value": _shown(key), "source": _source(key)} for key in wanted}
        ui.print_json({"project": str(file) if file else None, "settings": values})
        return
    ui.print_line(f"project: {settings.project.file or 'none, see `newscrawl init`'}")
    for key in wanted:
        ui.print_line(f"{key} = {_format(_shown(key))}  ({_source(key)})")


def _shown(name: str) -> object:
    value = getattr(settings, name)
    if name == "NEWSCRAWL_MAIL_PASSWORD" and value:
        return "***"
    return hide_credentials(value) if name in _SECRETS else value


def _source(name: str) -> str:
    return settings.sources.get(name, DEFAULT_SOURCE)


def _format(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
