"""`newscrawl languages`: a filter for programs, a view for people."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from newscrawl.cli import app
from newscrawl.errors import NewscrawlError

FR = "Le conseil a voté mardi le budget de la ville, et les habitants attendent les travaux."
EN = "The council voted on Tuesday for the budget of the town, and its people wait for the works."


def lines(*told: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in told)


def test_lines_in_give_lines_out() -> None:
    texts = [{"id": "a", "text": f"{FR}\n\n{EN}"}, {"id": 7, "text": ""}, {"text": "🙂 \ud800 Awa Ndiaye"}]
    done = CliRunner().invoke(app, ["languages"], input=lines(*texts))
    assert done.exit_code == 0, done.output
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert (first["id"], first["doc"], sum(first["share"].values())) == ("a", "mixed", pytest.approx(1))
    assert [(block["start"], block["end"], block["lang"]) for block in first["blocks"]] == [
        (0, len(FR), "fr"),
        (len(FR) + 2, len(FR) + 2 + len(EN), "en"),
    ]
    assert all(0.9 < block["confidence"] <= 1 for block in first["blocks"])
    assert first["spans"] == [
        {key: block[key] for key in ("start", "end", "lang")} for block in first["blocks"]
    ]
    assert (second["id"], second["doc"], second["blocks"]) == (7, "und", [])
    assert (third["id"], third["doc"]) == (None, "und")


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"text": 3}', '"text"', "[" * 5000, "\xff"])
def test_a_line_that_holds_no_text_is_named(line: str) -> None:
    done = CliRunner().invoke(app, ["languages"], input=lines({"text": FR}) + line + "\n")
    assert isinstance(done.exception, NewscrawlError)
    assert "standard input, line 2: " in str(done.exception)


def test_the_command_itself_is_a_filter() -> None:
    command = Path(sys.executable).with_name("newscrawl")
    done = subprocess.run(
        [command, "languages"],
        input=lines({"id": "a", "text": FR}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["doc"] == "fr"


def test_a_file_is_shown_with_its_shares(tmp_path: Path) -> None:
    file = tmp_path / "page.txt"
    file.write_text(f"Accueil\n{EN}\n\x1b[31mLaisser un commentaire\x1b[0m\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["languages", str(file)])
    assert done.exit_code == 0, done.output
    assert "page.txt: mixed" in done.stdout.replace("\n", "")
    assert re.search(r"^en \d\d\.\d%  fr \d\d\.\d%  sure \d\.\d\d$", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout
    assert " en " + EN[:20] in done.stdout.replace("  ", " ")


def test_articles_are_found_by_id_or_url(tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl"
    told = [
        {"id": "a", "url": "https://echo.example/a", "text": FR},
        {"id": "b", "url": "https://echo.example/b", "text": EN},
    ]
    file.write_text(lines(*told), encoding="utf-8")
    for asked in ("b", "https://echo.example/b"):
        done = CliRunner().invoke(app, ["languages", str(file), "--article", asked])
        assert "https://echo.example/b: en" in done.stdout
        assert "echo.example/a" not in done.stdout
    missing = CliRunner().invoke(app, ["languages", str(file), "--article", "c"])
    assert isinstance(missing.exception, NewscrawlError)
    both = CliRunner().invoke(app, ["languages", str(file), "--json"])
    assert [json.loads(line)["doc"] for line in both.stdout.splitlines()] == ["fr", "en"]
