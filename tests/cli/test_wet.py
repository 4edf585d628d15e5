"""`newscrawl wet`: the text of runs, beside their archives."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.archived import answer, archived_run, story

from newscrawl.cli import app
from newscrawl.errors import ArchiveError
from newscrawl.warc.reader import iter_records


def test_the_text_of_several_runs_goes_into_one_file(tmp_path: Path) -> None:
    pages = {"http://example.org/pier": answer(story("pier"))}
    runs = [archived_run(tmp_path / "archives", name, pages, pid=ord(name)) for name in ("a", "b")]
    out = tmp_path / "x.warc.wet.gz"
    ids = [run.report.run for run in runs]
    done = CliRunner().invoke(app, ["wet", *ids, "-o", str(out), "--archives", str(tmp_path / "archives")])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "x.warc.wet.gz: 2 records" in done.stderr
    with out.open("rb") as stream:
        info, *texts = list(iter_records(stream))
    assert info.headers["warc-date"] == "2026-03-01T12:05:00.000000Z"
    assert [name for name in ids if f"isPartOf: {name}\r\n".encode() in info.block] == ids
    assert [text.headers["warc-date"] for text in texts] == ["2026-03-01T12:00:00.250000Z"] * 2
    referred = {text.headers["warc-refers-to"] for text in texts}
    for run in runs:
        with run.warcs[0].open("rb") as stream:
            assert referred & {record.record_id for record in iter_records(stream)}


def test_a_name_that_ends_like_an_archive_is_refused(tmp_path: Path) -> None:
    run = archived_run(tmp_path / "archives", "a", {"http://example.org/pier": answer(story("pier"))})
    done = CliRunner().invoke(
        app, ["wet", f"{run.folder}/{run.report.run}.report.json", "-o", str(tmp_path / "x.warc.gz")]
    )
    assert isinstance(done.exception, ArchiveError)
    assert "must end with .warc.wet.gz" in str(done.exception)


def test_a_file_has_to_be_named() -> None:
    with pytest.raises(SystemExit):
        app(["wet", "some-run"])
