"""`newscrawl schedule`: prints what starts `newscrawl run --due` regularly, or keeps `--forever` running."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal
from zlib import crc32

import typer

from newscrawl import __version__, settings
from newscrawl.cli import ui
from newscrawl.cli.cluster import PORT
from newscrawl.errors import NewscrawlError
from newscrawl.logs import escape_controls
from newscrawl.project import PROJECT_VARIABLE

STOP_SECONDS = 120
"Longer than crawls get to close their files."
MIN_DEADLINE_SECONDS = 60
SYSTEM_HARDENING = """\
CapabilityBoundingSet=
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes"""
"Only the system's own manager can give it."
USER_HARDENING = "PrivateUsers=yes"
"A user's manager may mount things only in a namespace of that user."
_TIMER_TYPE = "Type=oneshot"
_RESIDENT_TYPE = """\
Type=exec
Restart=on-failure
RestartSec=30"""
"It ends by itself only when it cannot go on, as without its database."
_INTERVAL = re.compile(r"([0-9]{1,3})\s{0,3}(min|m|h|d)")
_UNITS_IN_CALENDAR = {"min": 60, "h": 24, "d": 1}
"Units, and how many of them a calendar has before it begins again."
_UNIT_SECONDS = {"min": 60, "h": 3600, "d": 86_400}
CRAWLS_PER_POD = 4
_SCHEDULER = f"tcp://newscrawl-scheduler:{PORT}"
_OUTLETS = "NEWSCRAWL_OUTLETS"
_PASSED_ON = ("NEWSCRAWL_CONTACT", "NEWSCRAWL_RIGHTS", "NEWSCRAWL_LOG_FORMAT")

app = typer.Typer(no_args_is_help=True)
ui.app.add_typer(app, name="schedule")

IntervalText = Annotated[
    str, typer.Option("--every", help="How often to look for due outlets: 10min, 2h, 1d.")
]
UnitFile = Literal["service", "timer"]


@app.command("systemd")
def print_systemd(
    *,
    every: IntervalText = "10min",
    archives: ui.Archives = ui.ARCHIVES,
    user: Annotated[bool, typer.Option("--user", help="For `systemctl --user`.")] = False,
    run_as: Annotated[
        str | None, typer.Option(help="User that the service runs as. Default: you.", show_default=False)
    ] = None,
    only: Annotated[UnitFile | None, typer.Option(help="Print only this file, to redirect it.")] = None,
    forever: Annotated[
        bool,
        typer.Option(
            "--forever", help="A service that stays, with `newscrawl run --forever`: it needs no timer."
        ),
    ] = False,
) -> None:
    """Print a systemd service and its timer, for a server or a workstation with Linux."""
    if forever and only == "timer":
        raise typer.BadParameter("a service that stays has no timer", param_hint="--only")
    job = replace(_local_job(every, archives), user=run_as or getpass.getuser())
    if job.user == "root" and not user:
        ui.warn("the service will run as root, which it does not need: name another user with --run-as")
    texts = {"service": systemd_service(job, for_user=user), "timer": systemd_timer(job)}
    if forever:
        job = replace(job, command=[job.command[0], "run", "--forever", "--archives", job.archives])
        texts = {"service": systemd_service(job, for_user=user, is_resident=True)}
    if only:
        print(texts[only], end="")
    else:
        print("\n".join(f"# newscrawl.{name}\n{text}" for name, text in texts.items()), end="")


@app.command("cron")
def print_crontab(*, every: IntervalText = "10min", archives: ui.Archives = ui.ARCHIVES) -> None:
    """Print the lines of a crontab, for systems without systemd.

    Leases prevent two runs from crawling the same outlet, so no lock is needed.
    """
    print(crontab(_local_job(every, archives)), end="")


@app.command("k8s")
def print_kubernetes(
    *,
    every: IntervalText = "10min",
    archives: Annotated[Path, typer.Option(help="Folder where the volume is mounted.")] = Path("/archives"),
    image: Annotated[
        str, typer.Option(help="Container image that has newscrawl in it.")
    ] = f"newscrawl:{__version__}",
    workers: Annotated[
        int,
        typer.Option(min=0, help="Let so many pods crawl, and print their manifests and a scheduler's too."),
    ] = 0,
) -> None:
    """Print the manifest of a Kubernetes CronJob.

    Where NEWSCRAWL_ARCHIVES is a bucket, the volume is the spool of what waits for it.
    """
    if not archives.is_absolute():
        raise typer.BadParameter("the mount's path begins with /", param_hint="--archives")
    interval = parse_interval(every)
    on = ["--on", _SCHEDULER, "--jobs", str(workers * CRAWLS_PER_POD)] if workers else []
    place = str(settings.NEWSCRAWL_ARCHIVES)
    bucket = place if "://" in place else ""
    job = ScheduledJob(
        command=["newscrawl", *_run_arguments(bucket or archives, interval), *on],
        archives=str(archives),
        interval=interval,
        environment=_passed_on() | ({"NEWSCRAWL_SPOOL": str(archives)} if bucket else {}),
        seed=image,
    )
    print(kubernetes_cronjob(job, image=image), end="")
    if workers:
        print(kubernetes_cluster(job, image=image, workers=workers), end="")


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An interval that divides an hour or a day, so that calendars can express it."""

    count: int
    unit: str

    @property
    def seconds(self) -> int:
        return self.count * _UNIT_SECONDS[self.unit]

    def on_calendar(self) -> str:
        """As systemd's OnCalendar; systemd itself adds jitter."""
        if self.unit == "min":
            return f"*-*-* *:00/{self.count}:00"
        return "*-*-* 00:00:00" if self.unit == "d" else f"*-*-* 00/{self.count}:00:00"

    def cron_fields(self, seed: str) -> str:
        """As the five fields of cron, from a minute on that differs between installations."""
        number = crc32(seed.encode("utf-8", "replace"))
        if self.unit == "min":
            return f"{number % self.count}-59/{self.count} * * * *"
        hours = f"{number // 60 % self.count}-23/{self.count}" if self.unit == "h" else str(number // 60 % 24)
        return f"{number % 60} {hours} * * *"


def parse_interval(text: str) -> Interval:
    """`10min`, `2h`, `1d`; NewscrawlError for what no calendar can express evenly."""
    if match := _INTERVAL.fullmatch(text.strip()):
        count, unit = int(match[1]), "min" if match[2] == "m" else match[2]
        total = _UNITS_IN_CALENDAR[unit]
        # A full hour or day has a unit of its own.
        if count > 0 and total % count == 0 and (count < total or unit == "d"):
            return Interval(count=count, unit=unit)
    raise NewscrawlError(
        f"--every {text!r}: give minutes that divide an hour (10min), hours that divide a day (2h), or 1d"
    )


@dataclass(frozen=True, kw_only=True)
class ScheduledJob:
    """What a timer starts, and with what."""

    command: list[str]
    archives: str
    "Absolute path."
    interval: Interval
    environment: Mapping[str, str]
    seed: str
    "What differs between installations, so that they do not all begin at the same minute."
    user: str = ""
    exports: str = ""
    "Absolute path of the project's folder, if its exports are written there too."


def _local_job(every: str, archives: Path) -> ScheduledJob:
    """The job of this machine."""
    folder = archives.resolve()
    outlets = [str(Path(name).resolve()) for name in os.environ.get(_OUTLETS, "").split(os.pathsep) if name]
    interval = parse_interval(every)
    project = str(settings.project.folder or "")
    return ScheduledJob(
        # The command beside this interpreter: timers have a PATH of their own.
        command=[str(Path(sys.executable).with_name("newscrawl")), *_run_arguments(folder, interval)],
        archives=str(folder),
        interval=interval,
        environment=_passed_on()
        | ({_OUTLETS: os.pathsep.join(outlets)} if outlets else {})
        # A timer starts elsewhere.
        | ({PROJECT_VARIABLE: project} if project else {}),
        exports=project if settings.project.exports else "",
        seed=f"{platform.node()}:{folder}",
    )


def _run_arguments(archives: Path | str, interval: Interval) -> list[str]:
    """No crawl begins once the next start is near, which has newer due times."""
    return ["run", "--due", "--max-time", str(interval.seconds), "--archives", str(archives)]


def _passed_on() -> dict[str, str]:
    """Settings that a timer would lack: without a contact no outlet is crawled. URLs may hold a password."""
    return {name: value for name in _PASSED_ON if (value := os.environ.get(name))}


def systemd_service(job: ScheduledJob, *, for_user: bool, is_resident: bool = False) -> str:
    """The service; `for_user`: for `systemctl --user`, which lacks the privileges of root.

    `is_resident`: it is started with the system and stays, where otherwise a timer starts it.

    Units can be read by everybody: a password of NEWSCRAWL_STATE_URL belongs in the EnvironmentFile.
    """
    variables = [_quote_word(f"{name}={value}") for name, value in job.environment.items()]
    return ui.fill_template(
        "service.txt",
        network="" if for_user else "Wants=network-online.target\nAfter=network-online.target\n",
        user="" if for_user else f"User={job.user}\n",
        environment="".join(f"Environment={variable}\n" for variable in variables),
        config_folder="%E" if for_user else "/etc",
        command=" ".join(_quote_word(word).replace("$", "$$") for word in job.command),
        stop_seconds=STOP_SECONDS,
        writable=" ".join(map(_quote_word, filter(None, (job.archives, job.exports)))),
        hardening=USER_HARDENING if for_user else SYSTEM_HARDENING,
        service_type=_RESIDENT_TYPE if is_resident else _TIMER_TYPE,
        install=f"\n\n[Install]\nWantedBy={'default' if for_user else 'multi-user'}.target"
        if is_resident
        else "",
    )


def systemd_timer(job: ScheduledJob) -> str:
    """The timer: jitter of a tenth of the interval, and a missed start is made up for."""
    jitter = max(1, job.interval.seconds // 10)
    return ui.fill_template("timer.txt", calendar=job.interval.on_calendar(), jitter=jitter)


def crontab(job: ScheduledJob) -> str:
    """A crontab; output goes to a log, since cron would mail it every time."""
    words = " ".join(shlex.quote(_check_printable(word)) for word in job.command)
    log = shlex.quote(f"{job.archives}/run.log")
    # cron ends a command at a bare percent sign.
    command = f"{words} >>{log} 2>&1".replace("%", r"\%")
    settings = [f"{name}={_quote_cron_value(value)}" for name, value in job.environment.items()]
    return "\n".join([*settings, f"{job.interval.cron_fields(job.seed)} {command}"]) + "\n"


def kubernetes_cronjob(job: ScheduledJob, *, image: str) -> str:
    """The manifest; the claim and the secret that it names belong to the cluster.

    Its values are JSON, which is YAML and needs no rules of quoting.
    """
    return ui.fill_template(
        "cronjob.txt",
        schedule=json.dumps(job.interval.cron_fields(job.seed)),
        deadline=max(MIN_DEADLINE_SECONDS, job.interval.seconds // 2),
        stop_seconds=STOP_SECONDS,
        image=json.dumps(image),
        command=json.dumps(job.command),
        environment=_kubernetes_variables(job, 16),
        archives=json.dumps(job.archives),
    )


def kubernetes_cluster(job: ScheduledJob, *, image: str, workers: int) -> str:
    """The manifests of a scheduler and of pods with a worker each, which the job's `--on` names."""
    join = ["newscrawl", "cluster", "join", _SCHEDULER, "--crawls", str(CRAWLS_PER_POD)]
    return ui.fill_template(
        "cluster.txt",
        port=PORT,
        workers=workers,
        stop_seconds=STOP_SECONDS,
        image=json.dumps(image),
        worker=json.dumps(join),
        environment=_kubernetes_variables(job, 12),
        archives=json.dumps(job.archives),
    )


def _kubernetes_variables(job: ScheduledJob, indent: int) -> str:
    return "".join(
        f"\n{' ' * indent}- {{name: {json.dumps(name)}, value: {json.dumps(value)}}}"
        for name, value in job.environment.items()
    )


def _quote_word(text: str) -> str:
    """A word of a systemd unit."""
    escaped = _check_printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[\s\"'\\;#]", text) or not text else escaped


def _quote_cron_value(text: str) -> str:
    quote = "'" if '"' in text else '"'
    return f"{quote}{_check_printable(text)}{quote}"


def _check_printable(text: str) -> str:
    if escape_controls(text) != text:
        raise NewscrawlError(f"{text!r} has control characters, which cannot be passed to a timer")
    return text
