"""Typical mistakes: the message says what is wrong, where, and what to do; nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from crafted import http, members, record
from lines_made import article, write_run

from newscrawl.archive.manifest import add_to_manifest
from newscrawl.cli import main
from newscrawl.state.database import Database, database_url
from newscrawl.warc.index import update_index

URL = "http://echo.example/2026/04/le-pont"
STATE = "postgresql://paul:kola-nut@127.0.0.1:1/news"
BROKEN = "spoilt.warc.gz"
UNWANTED = (
    "Traceback",
    "URLError",
    "[Errno",
    "Input should",
    "Value error",
    "\\n",
    "pydantic",
    "kola-nut",
)
"What no message contains: names of Python and of libraries, escapes, passwords."
NO_FOLDER = ("no such folder: nowhere", "name the archives with --archives")


@dataclass(frozen=True)
class Mistake:
    """A command line, and what it must answer."""

    line: str
    code: int
    words: tuple[str, ...]
    "Parts of the message: what is wrong and where, then what to do."
    files: dict[str, str] = field(default_factory=dict)
    "Files of the working folder beside the archives."
    missing: str = ""
    "A module that is not installed."

    def __str__(self) -> str:
        return self.line


MISTAKES = (
    # Names of commands, options and outlets.
    Mistake("exprot", 2, ("No such command 'exprot'", "Did you mean 'export'?")),
    Mistake("list --jsn", 2, ("No such option: --jsn", "--json")),
    Mistake("run", 2, ("give either --due or --forever", "newscrawl crawl OUTLET")),
    Mistake("crawl camerbee", 1, ("no outlet is named 'camerbee' (near: camerbe", "`newscrawl list`")),
    Mistake("status nobody", 1, ("state has no run of nobody", "`newscrawl list`")),
    Mistake("stats exampel", 1, ("no lines of exampel under archives", "did you mean example?")),
    Mistake("outlets --country Cameroon", 2, ("--country", "'Cameroon' is no code such as CM")),
    Mistake("outlets --country XX", 0, ("no outlet is of country XX", "there are: BE, ")),
    Mistake("outlets --language french", 2, ("--language", "'french' is no code such as fr")),
    Mistake("init new --language fr_FR", 2, ("--language", "'fr_FR' is no code such as fr")),
    Mistake("export -f csv -o out --lang french", 2, ("--lang", "'french' is no code such as fr")),
    # Settings and files.
    Mistake("crawl camerbe -s CONTACT", 2, ("--setting", "'CONTACT' is not NAME=VALUE")),
    Mistake(
        "crawl camerbe -s NEWSCRAWL_CONTCT=a@b.example",
        2,
        ("NEWSCRAWL_CONTCT: there is no such setting", "did you mean NEWSCRAWL_CONTACT?"),
    ),
    Mistake("crawl camerbe", 1, ("camerbe cannot be crawled without a contact", "set `contact` in")),
    Mistake("run --due", 1, ("outlets cannot be crawled without a contact", "set `contact` in")),
    Mistake(
        "outlets check a.toml",
        1,
        ("a.toml: titel: there is no such key", "did you mean title?", "a.toml: country: must be a text in"),
        {"a.toml": 'titel = "Echo"\ncountry = 5\n'},
    ),
    Mistake("outlets check a.toml", 1, ("a.toml: file: ", "line 1"), {"a.toml": "title = Echo\n"}),
    Mistake(
        "outlets new 127.0.0.1:1 --contact a@b.example --out a.toml",
        1,
        ("a.toml exists", "--force replaces it"),
        {"a.toml": ""},
    ),
    Mistake("init", 1, ("newscrawl.toml exists", "this is a project already"), {"newscrawl.toml": ""}),
    # Archives.
    *(
        Mistake(f"{line} --archives nowhere", 1, NO_FOLDER)
        for line in (
            "status",
            "runs",
            "stats",
            "check",
            "dedup",
            "dedup show x",
            f"explain {URL}",
            f"index lookup {URL}",
            "index build",
        )
    ),
    Mistake(f"takedown {URL} --archives nowhere", 1, NO_FOLDER),
    Mistake("status", 0, ("nothing was crawled yet", "`newscrawl run --due`")),
    Mistake("runs", 0, ("nothing was crawled yet", "`newscrawl run --due`")),
    Mistake("status --archives notes.txt", 1, ("notes.txt is no folder", "--archives"), {"notes.txt": "x"}),
    Mistake("export -f csv -o out --archives nowhere", 1, ("no finished run under nowhere",)),
    Mistake("replay example-1", 1, ("no run 'example-1' under archives", "`newscrawl runs`")),
    Mistake("wacz example-1 -o a.wacz", 1, ("no run 'example-1' under archives", "`newscrawl runs`")),
    Mistake("extract nowhere", 1, ("no such archive file: nowhere",)),
    Mistake("extract " + BROKEN, 1, ("no page found in ", BROKEN, "1 damaged", "`newscrawl verify`")),
    Mistake("extract cut.warc.gz", 1, ("no page found in ", "cut.warc.gz", "`newscrawl verify`")),
    Mistake(f"explain {BROKEN}", 1, (f"{BROKEN} holds no page", f"`newscrawl verify {BROKEN}`")),
    Mistake(f"verify {BROKEN}", 1, (BROKEN, "not_a_warc")),
    Mistake(f"explain {URL}s", 1, (f"archives: no capture of {URL}s", f"near: {URL}")),
    Mistake(f"index lookup {URL}s", 1, (f"no capture of {URL}s", f"near: {URL}")),
    Mistake(f"takedown {URL}s", 1, ("the archives have none of these URLs", "newscrawl index lookup")),
    # URLs, dates, formats.
    Mistake("explain echo.example/a", 1, ("echo.example/a: no file, no URL", "begins with https://")),
    Mistake("get echo.example/a", 1, ("neither a file nor a URL that begins with http:// or https://",)),
    Mistake("get ftp://echo.example/", 1, ("neither a file nor a URL that begins with http:// or https://",)),
    Mistake("outlets new ftp://127.0.0.1/ --contact a@b.example", 1, ("127.0.0.1/: not an http(s) URL",)),
    Mistake(
        "outlets new http://127.0.0.1:1/ --contact a@b.example --out a.toml",
        1,
        ("http://127.0.0.1:1/robots.txt: no answer: Connection refused",),
    ),
    Mistake("outlets new http://127.0.0.1:1/", 1, ("no contact is set", "pass --contact or set")),
    Mistake("get page.html", 1, ("page.html: --url is missing",), {"page.html": "<p>a"}),
    Mistake("stats --until 2026-13-01", 2, ("--until", "'2026-13-01' is no day such as 2026-03-31")),
    Mistake(f"explain {URL} --at yesterday", 1, ("--at yesterday: not a time such as 2026-05-01T12:0",)),
    Mistake("stats --days 0", 2, ("--days", "must be greater than or equal to 1")),
    Mistake("stats --days x", 2, ("--days", "must be a valid integer")),
    Mistake("export -f csb -o out", 2, ("'csb' is not one of", "'csv'")),
    Mistake("export --as csv -o out", 2, ("'csv' is not one of", "'huggingface'")),
    Mistake("export -f csv", 2, ("Missing option '--out'",)),
    Mistake("schedule cron --every 7min", 1, ("--every '7min'", "give minutes that divide an hour (10min)")),
    # Where things go.
    Mistake("index cdxj -o new/a.cdxj", 1, ("cannot write new/a.cdxj", "there is no such folder")),
    Mistake("export -f csv -o out", 1, ("cannot write to ", "out: File exists"), {"out": "mine"}),
    Mistake("stats --html new/a.html", 1, ("cannot write new/a.html", "there is no such folder")),
    Mistake("grafana out", 1, ("cannot write out/", "Not a directory"), {"out": "mine"}),
    # The database.
    Mistake("status --state nonsense", 1, ("no URL of a database", "write sqlite:////folder/state.sqlite")),
    Mistake(f"status --state {STATE}", 1, ("paul:***@127.0.0.1:1/news", "Connection refused")),
    Mistake("state copy", 1, ("nothing to copy", "set NEWSCRAWL_STATE_URL, or name the target with --to")),
    Mistake(
        "state copy --from sqlite:///old.sqlite --to sqlite:///new.sqlite",
        1,
        ("no such file: old.sqlite", "--from"),
    ),
    # What is not installed.
    Mistake(
        "export -f parquet -o out",
        1,
        ("needs pyarrow", "pip install 'newscrawl[parquet]'"),
        missing="pyarrow",
    ),
    Mistake("cluster start", 1, ("needs Dask", "pip install 'newscrawl[cluster]'"), missing="distributed"),
)


def list_files(folder: Path) -> set[str]:
    # Files of SQLite that stay while a database is open are no traces.
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.name.endswith(("-wal", "-shm"))
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's lines and WARC file, indexed, with a state database; and two files that are no archives."""
    folder = tmp_path_factory.mktemp("mistakes")
    add_to_manifest(write_run(folder / "archives", [article()]))
    page = folder / "archives" / "echo" / "echo.warc.gz"
    page.parent.mkdir()
    page.write_bytes(members([record("response", URL, http(b"<p>Le pont sera reconstruit."), number=1)]))
    update_index(page.parent)
    Database.open(database_url("", folder / "archives")).close()
    (folder / BROKEN).write_bytes(b"PK\x03\x04 this was a spreadsheet once\n" * 20)
    (folder / "cut.warc.gz").write_bytes(page.read_bytes()[: page.stat().st_size // 3])
    return folder


@pytest.fixture
def folder(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(archive, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    return tmp_path


def run_command(
    line: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["newscrawl", *line.split()])
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    shown = capfd.readouterr()
    assert isinstance(code, int)
    return code, shown.out + shown.err


def test_there_are_enough_of_them() -> None:
    assert len({mistake.line for mistake in MISTAKES}) >= 50


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_answered_in_words_and_leaves_nothing(
    mistake: Mistake, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in mistake.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    if mistake.missing:
        monkeypatch.setitem(sys.modules, mistake.missing, None)
    before = list_files(folder)
    code, shown = run_command(mistake.line, capfd, monkeypatch)
    assert code == mistake.code, shown
    for words in mistake.words:
        assert words in shown
    for words in UNWANTED:
        assert words not in shown
    assert list_files(folder) == before
    assert all((folder / name).read_text(encoding="utf-8") == text for name, text in mistake.files.items())


def test_the_port_of_the_viewer_may_be_in_use(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list_files(folder)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, shown = run_command(f"view --port {port} --originals-port 0", capfd, monkeypatch)
    assert code == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in shown
    assert "Traceback" not in shown
    assert list_files(folder) == before


def test_an_export_of_nothing_says_why(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is selected: no mistake for a program, which may well select nothing today."""
    code, shown = run_command("export -f csv -o out --lang sw", capfd, monkeypatch)
    assert code == 0
    assert "written, 0 files of 0 bytes" in shown
    assert "left out: language not selected" in shown
    assert not list((folder / "out").rglob("*.csv"))


NEWSCRAWL = str(Path(sys.executable).with_name("newscrawl"))


def start(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    """A real process, in an environment without settings but these."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NEWSCRAWL_")}
    return subprocess.Popen(
        words, cwd=folder, env=plain | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize(
    ("text", "variables", "words"),
    [
        (
            'contct = "a@b.example"\n',
            {},
            ("newscrawl.toml: contct: there is no such key", "did you mean contact?"),
        ),
        ("contact = 5\n", {}, ("newscrawl.toml: contact: must be a text",)),
        ("[settings]\nDOWNLOAD_DELY = 3\n", {}, ("settings.DOWNLOAD_DELY: ", "did you mean DOWNLOAD_DELAY?")),
        (
            "",
            {"NEWSCRAWL_CONTCT": "a@b.example"},
            ("environment: NEWSCRAWL_CONTCT: there is no such setting", "did you mean NEWSCRAWL_CONTACT?"),
        ),
        ("", {"NEWSCRAWL_PAGES_MAX": "many"}, ("environment: NEWSCRAWL_PAGES_MAX: must be a number",)),
    ],
)
def test_a_wrong_setting_stops_every_command(
    text: str, variables: dict[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "newscrawl.toml").write_text(text, encoding="utf-8")
    with start(tmp_path, NEWSCRAWL, "status", **variables) as process:
        shown, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    for each in words:
        assert each in errors
    assert errors.count("\n") == 1
    assert (shown, list_files(tmp_path)) == ("", {"newscrawl.toml"})


def test_a_full_disk_is_named_and_leaves_no_half_file(folder: Path) -> None:
    (folder / "page.html").write_text("<p>Le pont sera reconstruit.", encoding="utf-8")
    before = list_files(folder)
    limit = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh")
    words = ("explain", "page.html", "--url", URL, "--html", "a.html")
    with start(folder, *limit, NEWSCRAWL, *words) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a.html" in errors
    assert "File too large" in errors
    assert "Traceback" not in errors
    assert list_files(folder) == before


def test_ctrl_c_ends_a_command_without_a_trace(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        words = ("outlets", "new", url, "--contact", "a@b.example", "--out", "a.toml")
        with start(tmp_path, NEWSCRAWL, *words) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            shown, errors = process.communicate(timeout=60)
            connection.close()
    assert process.returncode in {1, 130}
    assert "Traceback" not in errors
    assert (shown, list_files(tmp_path)) == ("", set())
