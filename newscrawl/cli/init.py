"""`newscrawl init`: the folder of a project, with a commented `newscrawl.toml` and its outlet files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError
from newscrawl.project import PROJECT_FILE

Contact = Annotated[
    str,
    typer.Option(help="Mail address or URL where sites can reach you; without it only loopback is crawled."),
]
Shipped = Annotated[
    list[str] | None,
    typer.Option("--shipped", help="Id of a shipped outlet to crawl, see `newscrawl list`. Can be repeated."),
]
Country = Annotated[
    list[str] | None,
    typer.Option(help="Crawl the shipped outlets of this country, such as CM. Can be repeated."),
]
Language = Annotated[
    list[str] | None,
    typer.Option(help="Crawl the shipped outlets in this language, such as fr. Can be repeated."),
]


@ui.app.command("init")
def make_project(
    folder: Annotated[Path, typer.Argument(help="Folder of the project; it may exist.")] = Path(),
    *,
    contact: Contact = "",
    shipped: Shipped = None,
    country: Country = None,
    language: Language = None,
) -> None:
    """Make the folder of a project: settings, outlet files and archives in one place.

    All commands that run in the folder or below it use its newscrawl.toml. Nothing that exists is changed.
    """
    ui.require_codes("--country", country, "CM")
    ui.require_codes("--language", language, "fr")
    file = folder / PROJECT_FILE
    if file.exists():
        raise NewscrawlError(f"{file} exists: this is a project already")
    texts = {
        PROJECT_FILE: ui.fill_template(
            "project.txt",
            contact=json.dumps(contact, ensure_ascii=False),
            shipped=json.dumps(shipped or []),
            countries=json.dumps([code.upper() for code in country or []]),
            languages=json.dumps([code.lower() for code in language or []]),
        ),
        # For `scrapy crawl` and `scrapy list`, which look for it as we look for ours.
        "scrapy.cfg": "[settings]\ndefault = newscrawl.settings\n",
        ".gitignore": "/archives/\n",
    }
    try:
        for name in ("outlets", "archives"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            if not path.exists():
                path.write_text(text, encoding="utf-8")
                ui.print_line(str(path))
    except OSError as error:
        raise NewscrawlError(f"cannot write {error.filename or folder}: {error.strerror}") from error
    ui.note(_next_step(folder, is_reachable=bool(contact), has_outlets=bool(shipped or country or language)))


def _next_step(folder: Path, *, is_reachable: bool, has_outlets: bool) -> str:
    steps = [] if folder.resolve() == Path.cwd() else [f"cd {folder}"]
    if not is_reachable:
        steps.append(f"write your contact into {PROJECT_FILE}")
    if not has_outlets:
        steps.append("newscrawl outlets new URL --out outlets/NAME.toml")
    return "next: " + ", ".join([*steps, "newscrawl run --due"])
