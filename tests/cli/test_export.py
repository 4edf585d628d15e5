"""`newscrawl export`: exit codes, counts for programs, broken lines named."""

from __future__ import annotations

import json
from pathlib import Path

from lines_made import article, write_run
from typer.testing import CliRunner, Result

from newscrawl.cli import app
from newscrawl.items import Rights


def run(tmp_path: Path, *args: str) -> Result:
    archives = str(tmp_path / "archives")
    return CliRunner().invoke(app, ["export", *args, "--archives", archives])


def test_counts_are_told_to_people_and_programs(tmp_path: Path) -> None:
    made = [article(1), article(2, lang="fr", is_mixed=False), article(3, rights=Rights(tdm_reserved=True))]
    write_run(tmp_path / "archives", made)
    done = run(tmp_path, "example", "-f", "csv", "-o", str(tmp_path / "a.csv"), "--lang", "fr", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["schema"], told["rows"], told["left_out"]) == (
        "newscrawl.exported/1",
        1,
        {"language": 1, "reserved": 1},
    )
    done = run(tmp_path, "-f", "jsonl", "-o", str(tmp_path / "a.jsonl"), "--include-reserved")
    assert (done.exit_code, "3 │ written" in done.stdout) == (0, True)


def test_a_broken_line_is_named_and_the_exit_code_is_1(tmp_path: Path) -> None:
    path = write_run(tmp_path / "archives", [article(1), b"{\n"])
    done = run(tmp_path, "-f", "jsonl", "-o", str(tmp_path / "a.jsonl"))
    assert done.exit_code == 1
    assert f"{path}, line 2: " in done.stderr
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 1


def test_days_are_read(tmp_path: Path) -> None:
    write_run(tmp_path / "archives", [article(1, published="2026-03-03"), article(2, published="2026-03-09")])
    done = run(
        tmp_path,
        "-f",
        "jsonl",
        "-o",
        str(tmp_path / "o"),
        "--from",
        "2026-03-03",
        "--to",
        "2026-03-05",
        "--json",
    )
    assert json.loads(done.stdout)["left_out"] == {"date": 1}


def test_a_hugging_face_data_set_needs_no_format_and_everything_else_does(tmp_path: Path) -> None:
    write_run(tmp_path / "archives", [article(1)])
    done = run(tmp_path, "--as", "huggingface", "-o", str(tmp_path / "news"))
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "news").glob("data/outlet=example/*/articles.parquet"))) == 1
    assert "day_2026_03_04" in (tmp_path / "news" / "README.md").read_text("utf-8")
    for options in ([], ["--as", "zyte"]):
        done = run(tmp_path, *options, "-o", str(tmp_path / "other"))
        assert done.exit_code == 2
        assert "--format" in done.stderr
    assert not (tmp_path / "other").exists()


def test_texts_left_out_for_their_languages_are_named_for_what_they_are(tmp_path: Path) -> None:
    write_run(tmp_path / "archives", [article(1), article(2), article(3, lang="fr", is_mixed=False)])
    for option, reason, words in (
        ("--mixed", {"not_mixed": 1}, "1 │ left out: the text does not mix"),
        ("--no-mixed", {"mixed": 2}, "2 │ left out: the text mixes"),
    ):
        done = run(tmp_path, "-f", "jsonl", "-o", str(tmp_path / "a.jsonl"), option, "--json")
        assert json.loads(done.stdout)["left_out"] == reason
        assert words in run(tmp_path, "-f", "jsonl", "-o", str(tmp_path / "a.jsonl"), option).stdout
