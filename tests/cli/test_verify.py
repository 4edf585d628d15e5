"""`newscrawl verify`: exit codes, what is printed where, which files are looked at."""

import importlib
import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from newscrawl.cli import app
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.index import INDEX_NAME, update_index
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def a_warc(folder: Path, prefix: str = "echo", *, closed: bool = True) -> Path:
    numbers = count(1)
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix=prefix, host="host", pid=1),
        info=(("software", "newscrawl"),),
        now=lambda: START,
        new_id=lambda: f"<urn:uuid:{prefix}-{next(numbers)}>",
    )
    body = b"a story of the day"
    writer.write(
        HttpExchange(
            url="http://example.org/a",
            started=START,
            sent=b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n",
            received=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
        )
    )
    if closed:
        writer.close()
    (path,) = folder.glob(f"{prefix}-*")
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-10])
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, args)], env={"COLUMNS": "200"})


def test_a_clean_file_is_exit_code_0(tmp_path: Path) -> None:
    done = run(a_warc(tmp_path))
    assert done.exit_code == 0
    assert done.stdout.startswith("1 file, ")
    assert done.stdout.endswith(": no problem\n")


def test_quiet_says_nothing_of_what_is_clean(tmp_path: Path) -> None:
    done = run(a_warc(tmp_path), "--quiet")
    assert (done.exit_code, done.output) == (0, "")


def test_problems_are_exit_code_1_and_a_table_by_file(tmp_path: Path) -> None:
    bad = cut(a_warc(tmp_path, "bad"))
    bad.write_bytes(b"rubbish" + bad.read_bytes())
    a_warc(tmp_path, "good")
    done = run(tmp_path)
    assert done.exit_code == 1
    assert bad.name in done.stdout
    assert "good-" not in done.stdout
    assert "garbage_at_start" in done.stdout
    assert "member_truncated" in done.stdout
    assert "2 files, " in done.stdout
    assert done.stdout.endswith(": 2 errors\n")


def test_the_same_problem_is_shown_once_and_counted(tmp_path: Path) -> None:
    done = run(a_warc(tmp_path).rename(tmp_path / "other.warc.gz"), "--quiet")
    assert done.stdout.count("filename_differs") == 1
    good = a_warc(tmp_path)
    good.write_bytes(good.read_bytes() * 3)
    done = run(good)
    (row,) = [line for line in done.stdout.splitlines() if "record_id_repeated" in line]
    assert "│     8 │" in row


def test_json_is_one_object_a_problem_and_a_summary(tmp_path: Path) -> None:
    bad = cut(a_warc(tmp_path, "bad"))
    good = a_warc(tmp_path, "good")
    size = bad.stat().st_size + good.stat().st_size
    done = run(tmp_path, "--json")
    assert done.exit_code == 1
    problem, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert problem.pop("message")
    assert problem.pop("offset") > 0
    assert problem == {
        "file": str(bad),
        "record_id": None,
        "code": "member_truncated",
        "level": "error",
        "clause": "RFC 1952, 2.2",
    }
    assert summary == {
        "summary": {
            "files": 2,
            "files_clean": 1,
            "files_still_open": 0,
            "bytes": size,
            "problems": 1,
            "errors": 1,
            "warnings": 0,
            "codes": {"member_truncated": 1},
        }
    }


def test_warnings_alone_are_exit_code_0_unless_strict(tmp_path: Path) -> None:
    path = a_warc(tmp_path).rename(tmp_path / "other.warc.gz")
    done = run(path)
    assert done.exit_code == 0
    assert done.stdout.endswith(": 1 warning\n")
    (row,) = [line for line in done.stdout.splitlines() if "filename_differs" in line]
    assert "warning" in row
    assert "ISO 28500:2017, 5.17" in row
    summary = json.loads(run(path, "--json").stdout.splitlines()[-1])["summary"]
    assert (summary["errors"], summary["warnings"]) == (0, 1)
    assert run(path, "--strict").exit_code == 1
    assert run(cut(path)).stdout.endswith(": 1 error, 1 warning\n")


def test_json_of_a_clean_file_is_its_summary(tmp_path: Path) -> None:
    done = run(a_warc(tmp_path), "--json")
    assert done.exit_code == 0
    assert [list(json.loads(line)) for line in done.stdout.splitlines()] == [["summary"]]


def test_a_file_still_being_written_is_skipped_and_said(tmp_path: Path) -> None:
    a_warc(tmp_path, "done")
    still_open = a_warc(tmp_path, "busy", closed=False)
    done = run(tmp_path)
    assert done.exit_code == 0
    assert done.stderr == f"{still_open}: still being written, not checked\n"
    assert done.stdout.startswith("1 file, ")
    assert run(tmp_path, "--quiet").output == ""


def test_folders_are_searched_and_a_file_is_read_once(tmp_path: Path) -> None:
    deep = tmp_path / "one" / "two"
    path = a_warc(deep)
    (deep / "notes.jsonl").write_text("{}")
    (deep / "folder.warc.gz").mkdir()
    done = run(tmp_path, deep, path, path)
    assert done.exit_code == 0
    assert done.stdout.startswith("1 file, ")


def test_references_lead_from_file_to_file(tmp_path: Path) -> None:
    from gzip import compress

    old = a_warc(tmp_path, "old")
    new = a_warc(tmp_path, "new")
    field = "WARC-Type: metadata\r\nWARC-Record-ID: <urn:x:1>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
    field += "WARC-Refers-To: <urn:uuid:old-2>\r\nContent-Length: 0\r\n"
    new.write_bytes(new.read_bytes() + compress(f"WARC/1.1\r\n{field}\r\n\r\n\r\n".encode()))
    assert "refers_to_unresolved" in run(new).stdout
    assert run(new, old).exit_code == 0


@pytest.mark.parametrize("name", ["gone.warc.gz", "empty"])
def test_nothing_to_check_is_exit_code_2(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / name)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_name_with_markup_is_printed_as_it_is(tmp_path: Path) -> None:
    path = cut(a_warc(tmp_path)).rename(tmp_path / "[red]x.warc.gz")
    assert "[red]x.warc.gz" in run(path).stdout


def test_the_bar_is_for_much_to_read_and_leaves_stdout_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_warc(tmp_path)
    plain = run(path).stdout
    # By its path: in the package the name stands for the command.
    monkeypatch.setattr(importlib.import_module("newscrawl.cli.verify"), "PROGRESS_BYTES", 1)
    assert run(path).stdout == plain


def test_an_index_out_of_step_is_a_problem(tmp_path: Path) -> None:
    folder = tmp_path / "echo"
    folder.mkdir()
    path = a_warc(folder)
    update_index(folder)
    assert run(tmp_path).exit_code == 0
    later = a_warc(folder, "later")
    done = run("--json", tmp_path)
    assert done.exit_code == 1
    problem, summary = map(json.loads, done.stdout.splitlines())
    assert (problem["code"], problem["file"]) == ("index_file_missing", str(folder / INDEX_NAME))
    assert summary["summary"]["files_clean"] == summary["summary"]["files"] == 2
    assert run(path).exit_code == 0
    assert run(later).exit_code == 1


def test_an_index_of_files_that_are_gone_is_a_problem(tmp_path: Path) -> None:
    a_warc(tmp_path)
    update_index(tmp_path)
    next(tmp_path.glob("*.warc.gz")).unlink()
    done = run(tmp_path)
    assert done.exit_code == 1
    assert "index_file_gone" in done.stdout
