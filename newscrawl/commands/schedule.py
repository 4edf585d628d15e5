"""`newscrawl schedule`: what a timer needs to start `newscrawl run --due`, on standard output."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from newscrawl import __version__
from newscrawl import settings as defaults
from newscrawl.commands.cronjobs import cron_job_of
from newscrawl.commands.report import Archives
from newscrawl.commands.timers import Every, Job, crontab_of, every_of, service_of, timer_of

_OUTLETS = "NEWSCRAWL_OUTLETS"
_TAKEN_ALONG = ("NEWSCRAWL_CONTACT", "NEWSCRAWL_RIGHTS", "NEWSCRAWL_LOG_FORMAT")

app = typer.Typer(help="Write what a timer needs to crawl outlets when they are due.", no_args_is_help=True)

Often = Annotated[str, typer.Option("--every", help="How often to look: 10min, 2h, 1d.")]


class Part(StrEnum):
    """Files of systemd."""

    SERVICE = "service"
    TIMER = "timer"


@app.command()
def systemd(
    *,
    every: Often = "10min",
    archives: Archives = Path(defaults.NEWSCRAWL_ARCHIVES),
    user: Annotated[bool, typer.Option("--user", help="For `systemctl --user`.")] = False,
    only: Annotated[Part | None, typer.Option(help="One of the two files, to be sent into it.")] = None,
) -> None:
    """Write a systemd service and its timer."""
    job = _job(every, archives)
    texts = {Part.SERVICE: service_of(job, of_user=user), Part.TIMER: timer_of(job)}
    if only:
        print(texts[only], end="")
    else:
        print("\n".join(f"# newscrawl.{part}\n{text}" for part, text in texts.items()), end="")


@app.command()
def cron(*, every: Often = "10min", archives: Archives = Path(defaults.NEWSCRAWL_ARCHIVES)) -> None:
    """Write lines of a crontab; leases keep runs apart, so no lock is needed."""
    print(crontab_of(_job(every, archives)), end="")


@app.command()
def k8s(
    *,
    every: Often = "10min",
    archives: Annotated[Path, typer.Option(help="Where the volume is mounted.")] = Path("/archives"),
    image: Annotated[str, typer.Option(help="Image with newscrawl in it.")] = f"newscrawl:{__version__}",
) -> None:
    """Write a Kubernetes CronJob."""
    if not archives.is_absolute():
        raise typer.BadParameter("the mount's path begins with /", param_hint="--archives")
    often = every_of(every)
    job = Job(
        command=["newscrawl", *_arguments(archives, often)],
        archives=str(archives),
        every=often,
        environment=_taken_along(),
        seed=image,
    )
    print(cron_job_of(job, image=image), end="")


def _job(every: str, archives: Path) -> Job:
    """What is started on this machine."""
    folder = archives.resolve()
    outlets = [str(Path(name).resolve()) for name in os.environ.get(_OUTLETS, "").split(os.pathsep) if name]
    often = every_of(every)
    return Job(
        # The command beside this interpreter: timers have a PATH of their own.
        command=[str(Path(sys.executable).with_name("newscrawl")), *_arguments(folder, often)],
        archives=str(folder),
        every=often,
        user=getpass.getuser(),
        environment=_taken_along() | ({_OUTLETS: os.pathsep.join(outlets)} if outlets else {}),
        seed=f"{platform.node()}:{folder}",
    )


def _arguments(archives: Path, every: Every) -> list[str]:
    """No crawl begins once the next start is near: that one knows better what is due."""
    return ["run", "--due", "--for", str(every.seconds), "--archives", str(archives)]


def _taken_along() -> dict[str, str]:
    """What a timer would not know: without a contact no outlet is crawled. URLs may hold a password."""
    return {name: value for name in _TAKEN_ALONG if (value := os.environ.get(name))}
