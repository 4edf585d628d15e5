"""`newscrawl grafana`: a board over the figures of the runs, and what Grafana needs to show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError
from newscrawl.package_data import read_package_text
from newscrawl.storage import atomic_write

BOARDS = "boards"
"Folder of the board below the one that is named."


@ui.app.command("grafana")
def write_board(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; it may exist.")],
    *,
    prometheus: Annotated[
        str, typer.Option(help="URL at which Grafana reaches Prometheus.")
    ] = "http://localhost:9090",
    view: Annotated[
        str, typer.Option(help="Host and port at which Prometheus reaches `newscrawl view`.")
    ] = "localhost:8700",
    mounted: Annotated[
        Path | None,
        typer.Option(help="Where Grafana sees the folder, as in a container. Default: where it is."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Write a Grafana board over the figures of the runs, with the files that provision it.

    Copy or mount `provisioning` into the configuration of Grafana, and add prometheus.yml to Prometheus' own.
    """
    boards = (mounted or folder.absolute()) / BOARDS
    texts = {
        Path(BOARDS) / "newscrawl.json": read_package_text(
            "newscrawl.cli", "templates", "grafana", "board.json"
        ),
        Path("provisioning/dashboards/newscrawl.yaml"): _fill("provider", boards=str(boards)),
        Path("provisioning/datasources/newscrawl.yaml"): _fill("datasource", prometheus=prometheus),
        Path("prometheus.yml"): _fill("prometheus", view=view),
    }
    if not force and (existing := [str(folder / name) for name in texts if (folder / name).exists()]):
        raise NewscrawlError(f"{existing[0]} exists: name another folder, or replace it with --force")
    for name, text in texts.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NewscrawlError(f"cannot write {path}: {error.strerror}") from error
        with atomic_write(path) as stream:
            stream.write(text.encode())
        ui.print_line(str(path))


def _fill(name: str, **values: str) -> str:
    """A template with values as JSON, which is YAML and needs no rules of quoting."""
    quoted = {key: json.dumps(value) for key, value in values.items()}
    return ui.fill_template(f"grafana/{name}.txt", **quoted)
