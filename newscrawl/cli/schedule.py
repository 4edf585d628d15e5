"""`newscrawl schedule`: what a timer needs to start `newscrawl run --due`, on standard output."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zlib import crc32

import typer

from newscrawl import __version__
from newscrawl import settings as defaults
from newscrawl.cli.status import Archives
from newscrawl.errors import NewscrawlError

STOP_SECONDS = 120
"Longer than crawls get to close their files."
_EVERY = re.compile(r"([0-9]{1,3})\s{0,3}(min|m|h|d)")
_WHOLE = {"min": 60, "h": 24, "d": 1}
"Units, and how many of them a calendar has before it begins again."
_SECONDS = {"min": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, kw_only=True, slots=True)
class Every:
    """An interval that divides an hour or a day, so that calendars can say it."""

    count: int
    unit: str

    @property
    def seconds(self) -> int:
        return self.count * _SECONDS[self.unit]

    def on_calendar(self) -> str:
        """As systemd's OnCalendar; jitter is systemd's to add."""
        if self.unit == "min":
            return f"*-*-* *:00/{self.count}:00"
        return "*-*-* 00:00:00" if self.unit == "d" else f"*-*-* 00/{self.count}:00:00"

    def cron_fields(self, seed: str) -> str:
        """As the five fields of cron, begun at a minute that differs between installations."""
        number = crc32(seed.encode("utf-8", "replace"))
        if self.unit == "min":
            return f"{number % self.count}-59/{self.count} * * * *"
        hours = f"{number // 60 % self.count}-23/{self.count}" if self.unit == "h" else str(number // 60 % 24)
        return f"{number % 60} {hours} * * *"


def every_of(text: str) -> Every:
    """`10min`, `2h`, `1d`; NewscrawlError for what no calendar can say evenly."""
    found = _EVERY.fullmatch(text.strip())
    if found:
        count, unit = int(found[1]), "min" if found[2] == "m" else found[2]
        # A whole hour or day has a unit of its own.
        if count > 0 and _WHOLE[unit] % count == 0 and (count < _WHOLE[unit] or unit == "d"):
            return Every(count=count, unit=unit)
    raise NewscrawlError(
        f"--every {text!r}: give minutes that divide an hour (10min), hours a day (2h), or 1d"
    )


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is started, and with what."""

    command: list[str]
    archives: str
    "Absolute path: the only folder that is written to."
    every: Every
    environment: Mapping[str, str]
    seed: str
    "What differs between installations, so that they do not all begin at the same minute."
    user: str = ""


def service_of(job: Job, *, of_user: bool) -> str:
    """The systemd service; `of_user`: for `systemctl --user`, where root's means are not to be had."""
    lines = [
        "[Unit]",
        "Description=Crawl the news outlets that are due",
        *([] if of_user else ["Wants=network-online.target", "After=network-online.target"]),
        "",
        "[Service]",
        "Type=oneshot",
        *([] if of_user else [f"User={job.user}"]),
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in job.environment.items()),
        # Where a password of NEWSCRAWL_STATE_URL belongs: units can be read by everybody.
        f"EnvironmentFile=-{'%E' if of_user else '/etc'}/newscrawl.env",
        f"ExecStart={' '.join(_quoted(word).replace('$', '$$') for word in job.command)}",
        "# The command hands SIGTERM on to its crawls; a second one would end them with files open.",
        "KillMode=mixed",
        f"TimeoutStopSec={STOP_SECONDS}",
        "Nice=5",
        "UMask=0027",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        f"ReadWritePaths={_quoted(job.archives)}",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        # A user's manager may not mount anything but in a namespace of that user.
        *(["PrivateUsers=yes"] if of_user else _ROOTS),
    ]
    return "\n".join(lines) + "\n"


_ROOTS = (
    "CapabilityBoundingSet=",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
)
"Hardening that only the system's own manager can give."


def timer_of(job: Job) -> str:
    """The systemd timer: jitter of a tenth of the interval, and a missed start is made up for."""
    lines = [
        "[Unit]",
        "Description=Crawl news outlets when they are due",
        "",
        "[Timer]",
        f"OnCalendar={job.every.on_calendar()}",
        f"RandomizedDelaySec={max(1, job.every.seconds // 10)}",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def crontab_of(job: Job) -> str:
    """A crontab; what is printed goes to a log, for cron would mail it every time."""
    words = " ".join(map(shlex.quote, job.command))
    log = shlex.quote(f"{job.archives}/run.log")
    # cron ends a command at a bare percent sign.
    command = f"{words} >>{log} 2>&1".replace("%", r"\%")
    settings = [f"{name}={_cron_value(value)}" for name, value in job.environment.items()]
    return "\n".join([*settings, f"{job.every.cron_fields(job.seed)} {command}"]) + "\n"


def _quoted(text: str) -> str:
    """One word of a systemd unit."""
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[\s\"'\\;#]", text) or not text else escaped


def _cron_value(text: str) -> str:
    mark = "'" if '"' in text else '"'
    return f"{mark}{_one_line(text)}{mark}"


def _one_line(text: str) -> str:
    if any(ord(char) < 32 for char in text):
        raise NewscrawlError(f"{text!r} has control characters, which no timer can be given")
    return text


def yaml_scalar(text: object) -> str:
    """JSON is YAML, and needs no rules of quoting."""
    return json.dumps(text)


CLAIM = "newscrawl-archives"
SECRET = "newscrawl"  # noqa: S105 # its name
USER_ID = 10001
_LEAST_DEADLINE = 60


def cron_job_of(job: Job, *, image: str) -> str:
    """The manifest; the claim and the secret that it names are the cluster's."""
    environment = "".join(
        f"\n                - {{name: {yaml_scalar(name)}, value: {yaml_scalar(value)}}}"
        for name, value in job.environment.items()
    )
    return f"""\
# Needs a PersistentVolumeClaim {CLAIM!r}. Set NEWSCRAWL_STATE_URL to a PostgreSQL database in the secret
# {SECRET!r} when the volume is on a network: SQLite's locks are not safe there.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: newscrawl
spec:
  schedule: {yaml_scalar(job.every.cron_fields(job.seed))}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {max(_LEAST_DEADLINE, job.every.seconds // 2)}
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: {STOP_SECONDS}
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: {USER_ID}
            fsGroup: {USER_ID}
            seccompProfile: {{type: RuntimeDefault}}
          containers:
            - name: newscrawl
              image: {yaml_scalar(image)}
              command: {yaml_scalar(job.command)}
              env:
                - {{name: HOME, value: /tmp}}{environment}
              envFrom:
                - secretRef: {{name: {SECRET}, optional: true}}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities: {{drop: [ALL]}}
              volumeMounts:
                - {{name: archives, mountPath: {yaml_scalar(job.archives)}}}
                - {{name: tmp, mountPath: /tmp}}
          volumes:
            - name: archives
              persistentVolumeClaim: {{claimName: {CLAIM}}}
            - name: tmp
              emptyDir: {{}}
"""


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
