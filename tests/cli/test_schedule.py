"""What `newscrawl schedule` writes is what systemd, cron and Kubernetes take."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from newscrawl import settings
from newscrawl.cli import app
from newscrawl.cli.schedule import Interval, ScheduledJob, crontab, parse_interval, systemd_service
from newscrawl.errors import NewscrawlError


def schedule(*args: str | Path) -> str:
    done = CliRunner().invoke(app, ["schedule", *map(str, args)])
    assert done.exit_code == 0, done.output
    return done.stdout


def unit(text: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def a_job(**more: object) -> ScheduledJob:
    given = {"command": ["/bin/true"], "archives": "/srv/a", "interval": parse_interval("10min"), "seed": "s"}
    return ScheduledJob(**{"environment": {}, "user": "news", **given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [[], ["--user"]], ids=["system", "user"])
def test_the_service_writes_to_the_archives_alone(tmp_path: Path, more: list[str]) -> None:
    text = schedule("systemd", "--archives", tmp_path / "a", "--only", "service", *more)
    service = unit(text)["Service"]
    assert service["ReadWritePaths"] == str(tmp_path / "a")
    assert service["ExecStart"].endswith(f"/newscrawl run --due --max-time 600 --archives {tmp_path / 'a'}")
    assert (service["ProtectSystem"], service["PrivateTmp"], service["NoNewPrivileges"]) == (
        "strict",
        "yes",
        "yes",
    )
    assert service["KillMode"] == "mixed"
    assert ("User" in service) != ("PrivateUsers" in service) == bool(more)


def test_the_timer_makes_up_for_what_it_missed(tmp_path: Path) -> None:
    both = schedule("systemd", "--archives", tmp_path, "--every", "2h")
    timer = schedule("systemd", "--archives", tmp_path, "--every", "2h", "--only", "timer")
    assert both.endswith(f"# newscrawl.timer\n{timer}")
    assert dict(unit(timer)["Timer"]) == {
        "OnCalendar": "*-*-* 00/2:00:00",
        "RandomizedDelaySec": "720",
        "Persistent": "true",
    }


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("every", ["1min", "10min", "30m", "1h", "6h", "1d"])
def test_systemd_takes_the_units(tmp_path: Path, every: str) -> None:
    archives = tmp_path / 'a folder of 100% "news"'
    job = a_job(archives=str(archives), command=["/bin/true", f"{archives} $HOME"], user="root")
    (tmp_path / "newscrawl.service").write_text(systemd_service(job, for_user=False))
    (tmp_path / "newscrawl.timer").write_text(
        schedule("systemd", "--archives", archives, "--every", every, "--only", "timer")
    )
    units = [tmp_path / "newscrawl.service", tmp_path / "newscrawl.timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False, timeout=60
    )
    # It tells unknown keys and values without failing.
    said = [line for line in done.stderr.splitlines() if "newscrawl." in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize("more", [[], ["--user"]], ids=["system", "user"])
def test_a_service_that_stays_starts_with_the_system_and_has_no_timer(
    tmp_path: Path, more: list[str]
) -> None:
    text = schedule("systemd", "--archives", tmp_path / "a", "--forever", *more)
    assert "newscrawl.timer" not in text
    file = unit(text)
    assert file["Service"]["ExecStart"].endswith(f"/newscrawl run --forever --archives {tmp_path / 'a'}")
    assert (file["Service"]["Type"], file["Service"]["Restart"]) == ("exec", "on-failure")
    assert file["Install"]["WantedBy"] == ("default.target" if more else "multi-user.target")
    args = ["schedule", "systemd", "--forever", "--only", "timer"]
    assert CliRunner().invoke(app, args).exit_code == 2


def test_words_of_a_unit_are_words_to_systemd() -> None:
    job = a_job(
        command=["/bin/true", "a b", "50%", "$HOME"], environment={"NEWSCRAWL_CONTACT": 'a "b" <c@d.org>'}
    )
    service = unit(systemd_service(job, for_user=False))["Service"]
    assert service["ExecStart"] == '/bin/true "a b" 50%% $$HOME'
    assert service["Environment"] == r'"NEWSCRAWL_CONTACT=a \"b\" <c@d.org>"'


def test_a_line_break_does_not_become_a_line_of_the_unit() -> None:
    job = a_job(environment={"NEWSCRAWL_CONTACT": "a@b.org\nExecStartPre=/bin/false"})
    for text_of in (crontab, lambda told: systemd_service(told, for_user=True)):
        with pytest.raises(NewscrawlError, match="control characters"):
            text_of(job)


@pytest.mark.parametrize("every", ["1min", "10min", "6h", "1d"])
def test_the_crontab_has_five_fields_and_a_command(tmp_path: Path, every: str) -> None:
    line = schedule("cron", "--archives", tmp_path / "100% news", "--every", every).splitlines()[-1]
    *fields, command = line.split(" ", 5)
    assert len(fields) == 5
    assert all(re.fullmatch(r"\*|\d{1,2}(-(23|59)/\d{1,2})?", field) for field in fields)
    assert not re.search(r"(?<!\\)%", command), "cron would end the command there"
    words = shlex.split(command.replace(r"\%", "%"))
    seconds = str(parse_interval(every).seconds)
    assert words[1:7] == ["run", "--due", "--max-time", seconds, "--archives", str(tmp_path / "100% news")]


def test_installations_do_not_all_begin_at_the_same_minute() -> None:
    assert len({Interval(count=10, unit="min").cron_fields(f"host{n}") for n in range(50)}) == 10
    assert len({Interval(count=1, unit="d").cron_fields(f"host{n}") for n in range(50)}) > 40


@pytest.mark.parametrize("every", ["7min", "60min", "0min", "24h", "5h", "2d", "10", "", "-5min", "1e3h"])
def test_an_interval_that_no_calendar_can_say_is_refused(every: str) -> None:
    with pytest.raises(NewscrawlError, match="--every"):
        parse_interval(every)


def test_the_cron_job_keeps_its_archives_and_never_runs_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSCRAWL_STATE_URL", "postgresql://me:secret@host/db")
    text = schedule("k8s", "--archives", "/data: x", "--image", "registry/newscrawl:1")
    found = dict(re.findall(r"^ *(?:- )?(\w+): (\S.*)$", text, re.MULTILINE))
    assert (found["apiVersion"], found["kind"]) == ("batch/v1", "CronJob")
    assert found["concurrencyPolicy"] == "Forbid"
    assert int(found["startingDeadlineSeconds"]) == 300
    assert json.loads(found["image"]) == "registry/newscrawl:1"
    wanted = ["newscrawl", "run", "--due", "--max-time", "600", "--archives", "/data: x"]
    assert json.loads(found["command"]) == wanted
    assert len(json.loads(found["schedule"]).split()) == 5
    assert '- {name: archives, mountPath: "/data: x"}' in text
    assert "persistentVolumeClaim: {claimName: newscrawl-archives}" in text
    assert "secret@" not in text
    assert all((len(line) - len(line.lstrip())) % 2 == 0 and "\t" not in line for line in text.splitlines())


def test_the_volume_is_the_spool_of_archives_in_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "NEWSCRAWL_ARCHIVES", "s3://bucket/news")
    text = schedule("k8s", "--archives", "/spool")
    (command,) = re.findall(r"^ *command: (\S.*)$", text, re.MULTILINE)
    assert json.loads(command)[-2:] == ["--archives", "s3://bucket/news"]
    assert '- {name: "NEWSCRAWL_SPOOL", value: "/spool"}' in text
    assert '- {name: archives, mountPath: "/spool"}' in text


def test_a_mount_is_an_absolute_path() -> None:
    assert CliRunner().invoke(app, ["schedule", "k8s", "--archives", "here"]).exit_code == 2


def test_pods_that_crawl_are_found_by_the_job_that_asks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = pytest.importorskip("yaml", reason="comes with Dask")
    monkeypatch.setenv("NEWSCRAWL_CONTACT", 'crawl@example.org, "desk"')
    text = schedule("k8s", "--workers", "3", "--archives", "/data: x", "--image", "registry/newscrawl:1")
    parts = {(part["kind"], part["metadata"]["name"]): part for part in yaml.safe_load_all(text)}
    job = parts["CronJob", "newscrawl"]["spec"]["jobTemplate"]["spec"]["template"]
    service = parts["Service", "newscrawl-scheduler"]["spec"]
    pods = {
        name: parts["Deployment", f"newscrawl-{name}"]["spec"]["template"] for name in ("scheduler", "worker")
    }
    commands = {name: pod["spec"]["containers"][0]["command"] for name, pod in {**pods, "job": job}.items()}
    address = f"tcp://newscrawl-scheduler:{service['ports'][0]['port']}"
    assert commands["job"][-4:] == ["--on", address, "--jobs", "12"]
    assert commands["worker"][:4] == ["newscrawl", "cluster", "join", address]
    assert service["selector"] == pods["scheduler"]["metadata"]["labels"]
    assert parts["Deployment", "newscrawl-worker"]["spec"]["replicas"] == 3
    # Workers share the folder, write where the job does, and have its settings.
    here, there = job["spec"]["containers"][0], pods["worker"]["spec"]["containers"][0]
    assert (here["volumeMounts"], here["envFrom"]) == (there["volumeMounts"], there["envFrom"])
    # But for the index, which is no file for several machines.
    assert [*here["env"], {"name": "NEWSCRAWL_INDEX", "value": "0"}] == there["env"]
    policy = parts["NetworkPolicy", "newscrawl-cluster"]["spec"]
    admitted = policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"].items()
    assert all(admitted <= pod["metadata"]["labels"].items() for pod in (job, *pods.values()))
    for name, pod in pods.items():
        done = CliRunner().invoke(app, [*commands[name][1:3], "--help"])
        assert done.exit_code == 0
        assert all(word in done.output for word in commands[name] if word.startswith("--")), pod
