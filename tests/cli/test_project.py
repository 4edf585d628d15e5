"""A project: its file is found from below, every value says where it comes from, and mistakes are named."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from newscrawl import settings
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import NewscrawlError
from newscrawl.project import PROJECT_FILE, read_project

SCRIPTS = Path(sys.executable).parent
DEFAULTS = {name: value for name, value in vars(settings).items() if name.isupper()}
LOOPBACK = (
    "[settings]\nDOWNLOAD_DELAY = 0\nAUTOTHROTTLE_ENABLED = false\nNEWSCRAWL_ALLOW_PRIVATE_ADDRESSES = '1'\n"
)


def run(
    folder: Path, *words: object, program: str = "newscrawl", code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A command as a user types it in the folder, with none of the caller's own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSCRAWL_")}
    done = subprocess.run(
        [str(SCRIPTS / program), *map(str, words)],
        cwd=folder,
        env={**environment, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def values(folder: Path, **variables: str) -> dict[str, tuple[object, str]]:
    shown = json.loads(run(folder, "config", "--json", **variables).stdout)["settings"]
    return {name: (entry["value"], entry["source"]) for name, entry in shown.items()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    run(tmp_path, "init", "news", "--contact", "desk@example.org")
    return tmp_path / "news"


def write(project: Path, text: str) -> None:
    (project / PROJECT_FILE).write_text(text, encoding="utf-8")


def test_init_makes_a_project_and_changes_nothing_that_exists(tmp_path: Path) -> None:
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = mine\n")
    run(tmp_path, "init")
    assert {path.name for path in tmp_path.iterdir()} == {
        PROJECT_FILE,
        "archives",
        "outlets",
        "scrapy.cfg",
        ".gitignore",
    }
    assert (tmp_path / "scrapy.cfg").read_text() == "[settings]\ndefault = mine\n"
    before = (tmp_path / PROJECT_FILE).read_text()
    done = run(tmp_path, "init", "--contact", "other@example.org", code=1)
    assert "newscrawl.toml exists: this is a project already" in done.stderr
    assert (tmp_path / PROJECT_FILE).read_text() == before


def test_the_file_holds_below_its_folder_and_nowhere_else(project: Path) -> None:
    below = project / "notes" / "today"
    below.mkdir(parents=True)
    own = str(project / PROJECT_FILE)
    assert values(below)["NEWSCRAWL_CONTACT"] == ("desk@example.org", own)
    assert values(below)["NEWSCRAWL_ARCHIVES"] == (str(project / "archives"), own)
    assert values(below)["NEWSCRAWL_PAGES_MAX"] == (settings.NEWSCRAWL_PAGES_MAX, "default")
    assert values(project.parent)["NEWSCRAWL_CONTACT"] == ("", "default")
    assert values(project.parent, NEWSCRAWL_PROJECT=str(project))["NEWSCRAWL_CONTACT"][1] == own


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("sqlite:///state.sqlite", "sqlite:///{}/state.sqlite"),
        ("sqlite:////var/state.sqlite", "sqlite:////var/state.sqlite"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://me@db.example/news", "postgresql://me@db.example/news"),
    ],
)
def test_the_state_and_the_spool_are_in_one_place_wherever_a_command_runs(
    tmp_path: Path, url: str, absolute: str
) -> None:
    write(tmp_path, f'archives = "s3://bucket/news"\nstate = "{url}"\n')
    found = read_project(tmp_path / PROJECT_FILE, DEFAULTS).settings
    assert found["NEWSCRAWL_STATE_URL"] == absolute.format(tmp_path)
    assert found["NEWSCRAWL_SPOOL"] == str(tmp_path / "spool")


def test_the_environment_wins_over_the_file_and_an_option_over_both(project: Path) -> None:
    write(project, 'contact = "desk@example.org"\n[settings]\nNEWSCRAWL_PAGES_MAX = 7\nDOWNLOAD_DELAY = 9\n')
    assert values(project)["NEWSCRAWL_PAGES_MAX"] == (7, str(project / PROJECT_FILE))
    assert values(project)["DOWNLOAD_DELAY"] == (9, str(project / PROJECT_FILE))
    shown = values(project, NEWSCRAWL_PAGES_MAX="8", NEWSCRAWL_SITE_MEMORY="no", NEWSCRAWL_CONTACT="")
    assert shown["NEWSCRAWL_PAGES_MAX"] == (8, "environment")
    assert shown["NEWSCRAWL_SITE_MEMORY"] == (False, "environment")
    assert shown["NEWSCRAWL_CONTACT"][0] == "desk@example.org"
    value = run(project, "settings", "--get", "NEWSCRAWL_PAGES_MAX", program="scrapy").stdout
    assert value == "7\n"
    option = ("-s", "NEWSCRAWL_PAGES_MAX=3")
    assert run(project, "settings", "--get", "NEWSCRAWL_PAGES_MAX", *option, program="scrapy").stdout == "3\n"


def test_a_password_is_not_shown(project: Path) -> None:
    write(project, 'state = "postgresql://me:hushhush@db.example/news"\n')
    assert "hushhush" not in run(project, "config").stdout
    assert "db.example" in run(project, "config", "NEWSCRAWL_STATE_URL").stdout


def test_the_project_chooses_among_shipped_outlets_and_has_its_own(project: Path) -> None:
    write(project, '[outlets]\ncountries = ["cm"]\nshipped = ["rtbf"]\n')
    own = (Path(settings.shipped_outlets) / "cm" / "crtv.toml").read_text(encoding="utf-8")
    (project / "outlets" / "crtv.toml").write_text(f"# mine\n{own}", encoding="utf-8")
    (project / "outlets" / "ours.toml").write_text(own, encoding="utf-8")
    ids = json.loads(run(project, "list", "--json").stdout)
    shipped = {path.stem for path in Path(settings.shipped_outlets).glob("cm/*.toml")}
    assert {*ids} == shipped | {"rtbf", "ours"}
    assert len(run(project, "list", "--all").stdout.splitlines()) > len(ids)
    assert "ours" in run(project, "list", program="scrapy").stdout.splitlines()
    write(project, "")
    assert run(project, "list").stdout.splitlines() == ["crtv", "ours"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contcat = 'x'", "contcat: there is no such key; did you mean contact?"),
        ("archives = 3", "archives: must be a text"),
        ("[outlets]\nshiped = []", "outlets.shiped: there is no such key; did you mean shipped?"),
        ("[outlets]\ncountries = 'CM'", "outlets.countries: must be a list"),
        (
            "[settings]\nNEWSCRAWL_PAGE_MAX = 3",
            "settings.NEWSCRAWL_PAGE_MAX: there is no such setting; did you mean NEWSCRAWL_PAGES_MAX?",
        ),
        (
            "[settings]\nDOWNLOAD_DELY = 3",
            "settings.DOWNLOAD_DELY: there is no such setting; did you mean DOWNLOAD_DELAY?",
        ),
        ("[settings]\nNEWSCRAWL_PAGES_MAX = true", "settings.NEWSCRAWL_PAGES_MAX: must be a number"),
        ("[settings]\nNEWSCRAWL_CONTACT = 'x'", "settings.NEWSCRAWL_CONTACT: write contact instead"),
        ("[[export]]\nformat = 'csv'", "export.0: out is missing"),
        ("contact =", "Invalid value"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(NewscrawlError) as raised:
        read_project(tmp_path / PROJECT_FILE, DEFAULTS)
    assert str(raised.value).startswith(f"{tmp_path / PROJECT_FILE}: {message}")


@pytest.mark.parametrize(
    ("program", "words", "code"), [("newscrawl", ["list"], 1), ("scrapy", ["crawl", "crtv"], 2)]
)
def test_no_command_works_with_a_mistake_in_the_file(
    project: Path, program: str, words: list[str], code: int
) -> None:
    write(project, "contcat = 'x'")
    done = run(project, *words, program=program, code=code)
    assert f"{project / PROJECT_FILE}: contcat: there is no such key; did you mean contact?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((project / "archives").iterdir())


def test_unknown_variables_and_outlets_are_named(project: Path) -> None:
    done = run(project, "list", NEWSCRAWL_PAGE_MAX="3", code=1)
    assert "environment: NEWSCRAWL_PAGE_MAX: there is no such setting; did you mean NEWSCRAWL_PAGES_MAX?" in (
        done.stderr
    )
    done = run(project, "list", NEWSCRAWL_PAGES_MAX="many", code=1)
    assert "environment: NEWSCRAWL_PAGES_MAX: must be a number" in done.stderr
    write(project, '[outlets]\nshipped = ["rtfb"]\n')
    done = run(project, "list", code=1)
    assert "newscrawl.toml: outlets.shipped: no outlet is named 'rtfb'; did you mean rtbf?" in done.stderr
    done = run(project, "crawl", "rtfb", code=1)
    assert "near: rtbf" in done.stderr
    assert not list((project / "archives").iterdir())


def test_an_export_that_cannot_be_made_is_named_before_the_crawl(project: Path) -> None:
    write(project, '[[export]]\nformat = "csv"\nout = "news.csv"\nlanguage = "en"\n')
    done = run(project, "run", "--due", code=1)
    assert "newscrawl.toml: export.0.language: there is no such key; did you mean lang?" in done.stderr
    assert not list((project / "archives").iterdir())


@pytest.mark.crawl
def test_the_project_is_crawled_without_scrapy(project: Path) -> None:
    with serve_in_thread(Newsroom([demo_site("fundy_courier")])) as newsroom:
        write_outlets(newsroom.bases, project / "outlets")
        write(project, LOOPBACK + '[[export]]\nformat = "csv"\nout = "lists/news.csv"\nlang = ["en"]\n')
        (project / "notes").mkdir()
        (crawled,) = json.loads(run(project / "notes", "crawl", "fundy_courier", "--json").stdout)
        assert crawled["report"]["articles"] > 3
        assert list((project / "archives" / "fundy_courier").glob("*.warc.gz"))
        assert not list((project / "notes").iterdir())
        with (project / "lists" / "news.csv").open(encoding="utf-8", newline="") as stream:
            exported = list(csv.DictReader(stream))
        assert exported
        assert {row["lang"] for row in exported} == {"en"}
        line = next((project / "archives" / "fundy_courier").glob("*Z*.jsonl"), None) or next(
            path
            for path in (project / "archives" / "fundy_courier").glob("*.jsonl")
            if not path.name.endswith(".rejected.jsonl")
        )
        article = json.loads(line.read_text(encoding="utf-8").splitlines()[0])
        got = json.loads(run(project, "get", article["url"], "-f", "json").stdout)
        assert got["text"] == article["text"]
        assert got["warc"] is None
        assert not list((project / "archives").glob("urls*"))
        kept = json.loads(run(project, "get", article["url"], "-f", "json", "--archive", "mine").stdout)
        assert (project / "mine" / "urls" / kept["warc"]["file"]).is_file()
        missing = run(project, "get", f"{newsroom.bases['fundy_courier']}/nothing/here", code=3)
        assert "no story: http_404" in missing.stderr


PAGE = """<html lang="en"><head><title>Lamp oil</title></head><body><nav><a href="/">Home</a></nav>
<article><h1>Lamp oil runs short</h1>
<p>The island's last lamp oil will be gone by Friday, the keeper of the store said, and the boat
that should bring more is still waiting for the storm to pass.</p>
<h2>What to <i>do</i> *now*</h2>
<ul><li>Put out every lamp that nobody reads by in the evening</li>
<li>Share a room with the people next door</li></ul>
<blockquote><p>I have never seen so many candles in one window, and I have lived here long.</p></blockquote>
<p>The harbour master expects calm water on Saturday morning, and the boat soon after it.</p>
</article></body></html>"""


def test_a_saved_page_is_printed_as_text_markdown_or_json(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(PAGE, encoding="utf-8")
    url = "https://lamp.example/oil"
    text = run(tmp_path, "get", file, "--url", url).stdout
    assert text.startswith("The island's last lamp oil")
    assert "Home" not in text
    assert json.loads(run(tmp_path, "get", file, "--url", url, "-f", "json").stdout)["text"] + "\n" == text
    with file.open("rb") as stream:
        done = subprocess.run(
            [str(SCRIPTS / "newscrawl"), "get", "-", "--url", url, "-f", "markdown"],
            stdin=stream,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
    parts = done.stdout.split("\n\n")
    assert parts[:2] == ["# Lamp oil runs short", f"<{url}>"]
    assert "## What to do \\*now\\*" in parts
    assert (
        "- Put out every lamp that nobody reads by in the evening\n- Share a room with the people next door"
        in (parts)
    )
    assert any(part.startswith("> I have never seen") for part in parts)


def test_what_get_cannot_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.html").write_text("<html><body><p>Nothing.</p></body></html>")
    assert "--url is missing" in run(tmp_path, "get", "empty.html", code=1).stderr
    missing = run(tmp_path, "get", "empty.html", "--url", "https://a.example/x", code=3)
    assert "empty.html: no story: " in missing.stderr
    assert "nowhere: neither a file nor a URL" in run(tmp_path, "get", "nowhere", code=1).stderr
    assert "set NEWSCRAWL_CONTACT" in run(tmp_path, "get", "https://a.example/", code=1).stderr
