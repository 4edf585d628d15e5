"""The commands around crawls: demo run, run, runs, as a user calls them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.crawl import environment
from wire.slow_site import SlowSite, write_slow_outlet

from newscrawl.archive.report import Report, read_report, write_report
from newscrawl.cli import app
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import ArchiveError, NewscrawlError

COMMAND = Path(sys.executable).with_name("newscrawl")


def newscrawl(*args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *args], cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def a_report(folder: Path, run: str = "echo-20260101000000000-1", **more: object) -> Report:
    given = {
        "run": run,
        "outlet": "echo",
        "started": "a",
        "finished": "b",
        "seconds": 1.5,
        "reason": "finished",
    }
    report = Report.model_validate({**given, **more})
    folder.mkdir(parents=True, exist_ok=True)
    write_report(folder, report)
    return report


@pytest.mark.crawl
def test_the_demo_runs_anywhere_and_says_that_every_body_is_exact(tmp_path: Path) -> None:
    done = newscrawl("demo", "run", "--archives", tmp_path / "archives", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    exact = re.search(r"(\d+) of (\d+) bodies exact", done.stdout)
    assert exact
    assert exact[1] == exact[2]
    assert int(exact[1]) >= 60
    for outlet in ("kamer_echo", "deccan_wire", "val_sambre", "fundy_courier"):
        (report,) = (tmp_path / "archives" / outlet).glob("*.report.json")
        assert read_report(report).error is None
        assert str(report).replace(".report.json", ".jsonl") in done.stdout


@pytest.mark.crawl
def test_saved_pages_are_crawled_as_outlets(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    with (pages / "truth.jsonl").open("w") as truth:
        for n in range(6):
            text = "".join(
                f"<p>Sentence {i} of page {n} tells what happened in the valley today.</p>" for i in range(9)
            )
            head = f"<html><head><title>Page {n}</title></head><body>"
            page = f"{head}<article><h1>Page {n}</h1>{text}</article></body></html>"
            (pages / f"{n}.html").write_text(page)
            truth.write(
                json.dumps({"id": f"p{n}", "url": f"https://h{n % 2}.example/{n}", "html": f"{n}.html"})
                + "\n"
            )
    done = newscrawl("demo", "run", "--pages", pages, "--archives", tmp_path / "archives", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    reports = [read_report(path) for path in (tmp_path / "archives").glob("pages_*/*.report.json")]
    assert sum(report.articles for report in reports) == 6


@pytest.mark.crawl
def test_a_run_with_an_outlet_that_fails_says_so_and_shows_the_rest(tmp_path: Path) -> None:
    outlets = tmp_path / "outlets"
    outlets.mkdir()
    (outlets / "gone.toml").write_text(
        'title = "Gone"\nhome = "http://127.0.0.1:9/"\ncountry = "CM"\nlanguages = ["fr"]\n'
        'timezone = "Africa/Douala"\nkind = "regional"\nfeeds = ["http://127.0.0.1:9/feed"]\n'
    )
    options = ["-s", f"NEWSCRAWL_OUTLETS={outlets}", "-s", "RETRY_TIMES=0", "-s", "DOWNLOAD_DELAY=0"]
    options += ["-s", "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES=1", "--archives", str(tmp_path / "archives")]
    done = newscrawl("crawl", "gone", *options, cwd=tmp_path)
    assert done.returncode == 1
    assert "no link was found" in done.stdout
    assert "gone: gone: no link was found: http://127.0.0.1:9/feed: connection_refused" in done.stderr
    as_json = newscrawl("crawl", "gone", "--json", *options, cwd=tmp_path)
    (told,) = json.loads(as_json.stdout)
    assert (told["outlet"], told["code"]) == ("gone", 1)
    assert told["report"]["error"].startswith("no link was found")


@pytest.mark.crawl
def test_sigterm_ends_the_crawls_too(tmp_path: Path) -> None:
    site = SlowSite()
    with serve_in_thread(Newsroom([site])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets", name="slow_too")
        options = ["NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES=1", "DOWNLOAD_DELAY=0", "AUTOTHROTTLE_ENABLED=0"]
        options += [f"NEWSCRAWL_OUTLETS={tmp_path / 'outlets'}"]
        command = [COMMAND, "crawl", "slow", "slow_too", "--jobs", "1", "--archives", tmp_path / "archives"]
        process = subprocess.Popen(
            [*command, *(part for option in options for part in ("-s", option))],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert site.enough.wait(60)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    (report,) = tmp_path.glob("archives/*/*.report.json")
    assert read_report(report).reason == "shutdown"
    assert not list(tmp_path.glob("archives/*/*.open"))


@pytest.mark.crawl
def test_an_outlet_that_cannot_be_crawled_costs_no_other(tmp_path: Path) -> None:
    archives = tmp_path / "archives"
    archives.mkdir()
    (archives / "slow_too").write_text("a file in the way")
    for name in ("slow", "slow_too"):
        write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets", name=name)
    options = ["-s", f"NEWSCRAWL_OUTLETS={tmp_path / 'outlets'}", "-s", "RETRY_TIMES=0"]
    options += ["--archives", str(archives)]
    done = newscrawl("crawl", "slow_too", "slow", *options, cwd=tmp_path)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert any(line.startswith("slow_too: cannot write ") for line in said)
    assert list(archives.glob("slow/*.report.json"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("slow", "slwo"), "no outlet is named 'slwo' (near: slow)"),
        (("slow", "public"), "public cannot be crawled without a contact"),
    ],
)
def test_a_mistake_stops_everything_before_anything_is_written(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets", name="slow")
    write_slow_outlet("http://public.example", tmp_path / "outlets", name="public")
    options = ["-s", f"NEWSCRAWL_OUTLETS={tmp_path / 'outlets'}", "--archives", tmp_path / "archives"]
    for words in (("crawl", *names), *([("run", "--due")] if "public" in names else [])):
        done = newscrawl(*words, *options, cwd=tmp_path)
        assert done.returncode == 1
        assert message in done.stderr
        assert not (tmp_path / "archives").exists()


def test_the_report_is_of_the_newest_run(tmp_path: Path) -> None:
    a_report(tmp_path / "echo", articles=1)
    a_report(tmp_path / "echo", run="echo-20260202000000000-1", articles=7, rejected={"listing": 2}, pages=9)
    a_report(tmp_path / "other", run="other-1", outlet="other")
    shown = CliRunner().invoke(app, ["runs", "echo", "--archives", str(tmp_path), "--json"])
    (report,) = json.loads(shown.stdout)
    assert (report["run"], report["articles"]) == ("echo-20260202000000000-1", 7)
    table = CliRunner().invoke(app, ["runs", "--archives", str(tmp_path)]).stdout
    assert "listing 2" in table
    assert "other" in table


def test_hostile_names_do_not_colour_the_table(tmp_path: Path) -> None:
    a_report(tmp_path / "echo", error="[red]not markup[/red]", rejected={"[bold]x": 1})
    table = CliRunner().invoke(app, ["runs", "--archives", str(tmp_path)], env={"COLUMNS": "200"}).stdout
    assert "[red]not markup[/red]" in table
    assert "[bold]x 1" in table


@pytest.mark.parametrize("outlet", ["echo", "l_echo_de_valmer_" * 4 + "x"])
def test_the_table_of_a_failed_run_can_be_read_at_80_columns(tmp_path: Path, outlet: str) -> None:
    error = f"the state database {'cannot be reached ' * 20}"
    alarm = {"name": "no_articles", "level": "error", "detail": "no article in the last three runs " * 5}
    counts = {"pages": 1234, "articles": 1200, "rejected": {"listing": 34}, "languages": {"fr": 1200}}
    a_report(tmp_path / "one", run="one-1", outlet=outlet, error=error, alarms=[alarm], **counts)
    a_report(tmp_path / "two", run="two-1", outlet="two", **counts)
    shown = CliRunner().invoke(app, ["runs", "--archives", str(tmp_path)], env={"COLUMNS": "80"}).stdout
    place = shown.index(f"{outlet}: {error}\n")
    table, notes = shown[:place], shown[place:]
    assert all(len(line) <= 80 for line in table.splitlines())
    for word in ("articles", "languages", "seconds", "listing 34", "fr 1200", "2400", "1234"):
        assert word in table
    assert f"{outlet}: no_articles: {alarm['detail']}" in notes


def test_an_outlet_that_never_ran_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["runs", "nobody", "--archives", str(tmp_path)])
    assert isinstance(result.exception, NewscrawlError)
    assert "no run of nobody" in str(result.exception)


@pytest.mark.parametrize("left", [".jsonl.open", ".jsonl", ".rejected.jsonl"])
def test_a_run_that_left_no_report_is_told_of(tmp_path: Path, left: str) -> None:
    a_report(tmp_path / "echo", run="echo-20260101000000000-1")
    assert not CliRunner().invoke(app, ["runs", "--archives", str(tmp_path)]).stderr
    (tmp_path / "echo" / f"echo-20260102000000000-7{left}").touch()
    told = CliRunner().invoke(app, ["runs", "--archives", str(tmp_path)]).stderr
    assert "run echo-20260102000000000-7 has left no report" in told.replace("\n", "")


def test_a_broken_report_costs_no_other(tmp_path: Path) -> None:
    a_report(tmp_path / "echo", articles=3)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "other-1.report.json").write_text("{")
    result = CliRunner().invoke(app, ["runs", "--archives", str(tmp_path)])
    assert result.exit_code == 1
    assert "echo" in result.stdout
    assert "other-1.report.json" in result.stderr


def test_a_broken_report_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "x.report.json").write_text("{}")
    with pytest.raises(ArchiveError, match=r"cannot read .*x\.report\.json"):
        read_report(tmp_path / "x.report.json")


def test_every_command_has_help() -> None:
    commands = [[], ["run"], ["runs"], ["outlets"], ["outlets", "check"], ["outlets", "new"]]
    for words in [*commands, ["demo"], ["demo", "run"], ["demo", "serve"]]:
        result = CliRunner().invoke(app, [*words, "--help"])
        assert result.exit_code == 0
        assert "Usage:" in result.stdout
