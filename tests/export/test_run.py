"""What an export writes and leaves out, and that nothing is written in part."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_made import article, write_run

from newscrawl.archive.lines import json_line
from newscrawl.archive.report import Report, write_report
from newscrawl.errors import Busy, NewscrawlError
from newscrawl.export.formats import csv_head, csv_writer
from newscrawl.export.manifest import ExportCounts
from newscrawl.export.partitions import Partition, outlets_in
from newscrawl.export.run import Selection, Sink, run_export
from newscrawl.export.sinks import sink_for
from newscrawl.items import Article, Rights

ALL = Selection()
PARTITION = Partition(outlet="example", day=date(2026, 3, 4), files=())


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    return tmp_path / "archives"


def exported(  # noqa: PLR0917
    archives: Path,
    out: Path,
    form: str = "jsonl",
    selection: Selection = ALL,
    shape: str | None = None,
    packing: str | None = None,
) -> ExportCounts:
    sink = sink_for(
        str(out), form, shape=shape, compression=packing, selection=selection, staging=out.parent / "staging"
    )
    return run_export(archives, outlets_in(archives, ()), selection, sink)


def read(out: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for path in sorted(out.rglob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]


def test_lines_go_out_as_they_are_by_outlet_and_day(archives: Path, tmp_path: Path) -> None:
    made = [article(1), article(2)]
    write_run(archives, made)
    write_run(archives, [article(3)], day="20260305")
    write_run(archives, [article(4)], outlet="echo")
    counts = exported(archives, tmp_path / "out")
    assert (counts.rows, counts.files, counts.left_out.total()) == (4, 3, 0)
    path = tmp_path / "out" / "outlet=example" / "date=2026-03-04" / "articles.jsonl"
    assert [Article.model_validate_json(line) for line in path.read_bytes().splitlines()] == made
    manifest = json.loads((tmp_path / "out" / "_export.json").read_bytes())
    assert set(manifest["units"]) == {
        "outlet=example/date=2026-03-04",
        "outlet=example/date=2026-03-05",
        "outlet=echo/date=2026-03-04",
    }
    assert not (tmp_path / "out" / "_export.journal").exists()


def test_of_several_versions_the_last_goes_out_even_within_a_run(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(1, "One."), article(2, "Two."), article(1, "One, edited.")])
    write_run(archives, [article(2, "Two, edited.")], day="20260305")
    assert exported(archives, tmp_path / "last").left_out == {"older_version": 2}
    assert {row["text"] for row in read(tmp_path / "last")} == {"One, edited.", "Two, edited."}
    every = exported(archives, tmp_path / "every", selection=Selection(all_versions=True))
    assert (every.rows, every.left_out.total()) == (4, 0)


def test_a_last_version_that_stays_does_not_let_an_older_one_out(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(1)])
    write_run(archives, [article(1, "Edited.", rights=Rights(policy="no-export"))], day="20260305")
    counts = exported(archives, tmp_path / "out")
    assert (counts.rows, counts.left_out) == (0, {"older_version": 1, "reserved": 1})
    assert not list((tmp_path / "out").rglob("*.jsonl"))


RESERVED = Rights(tdm_reserved=True)
SELECTIONS: list[tuple[Selection, set[int], dict[str, int]]] = [
    (Selection(), {1, 2, 4, 5}, {"reserved": 2}),
    (Selection(reserved=True), {1, 2, 3, 4, 5, 6}, {}),
    (Selection(languages=frozenset({"en"})), {2}, {"language": 3, "reserved": 2}),
    (Selection(mixed=True), {1, 4, 5}, {"not_mixed": 1, "reserved": 2}),
    (Selection(mixed=False), {2}, {"mixed": 3, "reserved": 2}),
    (Selection(page_types=frozenset({"liveblog"})), {4}, {"page_type": 3, "reserved": 2}),
    (Selection(duplicates=False), {1, 2, 4}, {"duplicate": 1, "reserved": 2}),
    (Selection(since=date(2026, 3, 4)), {2, 5}, {"date": 2, "reserved": 2}),
    (Selection(until=date(2026, 3, 3)), {1, 4}, {"date": 2, "reserved": 2}),
]


@pytest.mark.parametrize(("selection", "pages", "left_out"), SELECTIONS)
def test_what_is_not_asked_for_stays_and_is_counted(
    archives: Path, tmp_path: Path, selection: Selection, pages: set[int], left_out: dict[str, int]
) -> None:
    """Page 2 has no date of its own: the day it was fetched counts, which is the fourth."""
    made = [
        article(1),
        article(2, lang="en", is_mixed=False, published=None),
        article(3, rights=RESERVED),
        article(4, page_type="liveblog"),
        article(
            5,
            duplicate_of="0" * 32,
            published="2026-03-05",
            rights=Rights(tdm_reserved=True, policy="archive"),
        ),
        article(6, rights=Rights(policy="no-export")),
    ]
    write_run(archives, made)
    counts = exported(archives, tmp_path / "out", selection=selection)
    assert {int(row["url"].rpartition("/")[2]) for row in read(tmp_path / "out")} == pages
    assert (counts.rows, counts.left_out) == (len(pages), left_out)


BROKEN = [
    b"{\n",
    b'{"schema":"newscrawl.article/2","url_norm":"x"}\n',
    b"\xff\xfe\n",
    b"[]\n",
    b"\n",
    b'{"url_norm":"\\ud800"}\n',
    b"[" * 50_000 + b"\n",
]


def test_broken_lines_are_named_and_the_rest_goes_on(archives: Path, tmp_path: Path) -> None:
    path = write_run(archives, [article(1), *BROKEN, article(2)])
    counts = exported(archives, tmp_path / "out")
    assert (counts.rows, counts.left_out) == (2, {"unreadable": len(BROKEN)})
    assert [fault.startswith(f"{path}, line {n}: ") for n, fault in enumerate(counts.unreadable, 2)] == [
        True
    ] * 7


def test_a_line_from_before_a_field_was_added_is_filled_in(archives: Path, tmp_path: Path) -> None:
    old = json.loads(article(1).model_dump_json(by_alias=True))
    del old["cluster"], old["rights"]["policy"]
    write_run(archives, [json.dumps(old).encode() + b"\n"])
    exported(archives, tmp_path / "out")
    assert set(read(tmp_path / "out")[0]) == set(article(1).model_dump(by_alias=True))


def test_the_same_command_again_writes_only_what_is_new(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(1), article(2, "Two.")])
    exported(archives, tmp_path / "out")
    (first,) = (tmp_path / "out").rglob("*.jsonl")
    before = first.stat().st_ino
    write_run(archives, [article(3)], day="20260305")
    counts = exported(archives, tmp_path / "out")
    assert (counts.rows, counts.skipped_partitions, first.stat().st_ino) == (3, 1, before)
    write_run(archives, [article(2, "Two, edited.")], day="20260306")
    counts = exported(archives, tmp_path / "out")
    assert (counts.rows, counts.skipped_partitions) == (3, 1)
    assert {row["text"] for row in read(tmp_path / "out")} == {article(1).text, "Two, edited."}
    first.unlink()
    assert exported(archives, tmp_path / "out").skipped_partitions == 2
    assert len(read(tmp_path / "out")) == 3


def test_a_folder_of_another_export_is_refused(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(1)])
    exported(archives, tmp_path / "out")
    with pytest.raises(NewscrawlError, match="other options"):
        exported(archives, tmp_path / "out", selection=Selection(mixed=True))
    with pytest.raises(NewscrawlError, match="other options"):
        exported(archives, tmp_path / "out", "csv")


@pytest.mark.parametrize("form", ["jsonl", "sqlite"])
def test_two_exports_into_one_place_do_not_meet(archives: Path, tmp_path: Path, form: str) -> None:
    write_run(archives, [article(1)])
    first, second = (
        sink_for(str(tmp_path / "out"), form, shape=None, compression=None, selection=ALL, staging=tmp_path)
        for _ in range(2)
    )
    first.open()
    with pytest.raises(Busy):
        second.open()
    first.abandon()
    second.abandon()


def test_one_file_holds_all_units_one_behind_the_other(archives: Path, tmp_path: Path) -> None:
    for day in ("20260304", "20260305"):
        write_run(archives, [article(int(day))], day=day)
    counts = exported(archives, tmp_path / "a.jsonl.gz")
    assert (counts.files, counts.bytes) == (1, (tmp_path / "a.jsonl.gz").stat().st_size)
    lines = gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()).splitlines()
    assert [json.loads(line)["url"][-2:] for line in lines] == ["05", "04"]
    exported(archives, tmp_path / "a.csv", "csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.jsonl.gz", "archives"]


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\ttab",
    'quotes " and, commas\r\nand\nlines',
    "nul \0 behind",
    "\u2028 \u202e right to left \ufeff",
    "<script>alert(1)</script>",
    "\n=1+1",
    "\uff1d1+1",
]


def test_csv_cells_run_nothing_and_read_back(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(n, "Text.", title=title) for n, title in enumerate(HOSTILE)])
    counts = exported(archives, tmp_path / "a.csv", "csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as stream:
        titles = [row["title"] for row in csv.DictReader(stream)]
    assert titles[:5] == [f"'{title}" for title in HOSTILE[:5]]
    assert titles[5] == HOSTILE[5]
    assert titles[6] == "nul \ufffd behind"
    assert titles[7:9] == HOSTILE[7:9]
    assert titles[9:] == [f"'{title}" for title in HOSTILE[9:]]
    assert counts.guarded == 8


def test_a_byte_order_mark_stands_once_at_the_head(archives: Path, tmp_path: Path) -> None:
    for day in ("20260304", "20260305"):
        write_run(archives, [article(int(day), "\ufeffText.")], day=day)
    sink = sink_for(
        str(tmp_path / "a.csv"),
        "csv",
        shape=None,
        compression=None,
        selection=ALL,
        staging=tmp_path,
        bom=True,
    )
    run_export(archives, ["example"], ALL, sink)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    assert ([row["text"] for row in rows], next(iter(rows[0]))) == (["\ufeffText."] * 2, "id")


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_text_reads_back_from_csv(texts: list[str]) -> None:
    """But for the apostrophe that is put before formulas, and NUL."""
    counts = ExportCounts()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        with csv_writer(path, PARTITION, counts, head=csv_head(bom=False), compression="none") as add:
            for text in texts:
                add(article(1, text, title=None))
        with path.open(newline="", encoding="utf-8") as stream:
            found = [row["text"] for row in csv.DictReader(stream)]
    bare = [
        one[1:] if one.startswith("'") and not text.startswith("'") else one
        for one, text in zip(found, texts, strict=True)
    ]
    assert bare == [text.replace("\0", "\ufffd") for text in texts]
    assert not [one for one in found if one.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_sqlite_is_searched_without_accents(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(n, title=title) for n, title in enumerate(["L'Économie", *HOSTILE])])
    counts = exported(archives, tmp_path / "a.db", "sqlite")
    base = sqlite3.connect(tmp_path / "a.db")
    found = base.execute(
        "SELECT a.title, a.tags, a.is_mixed FROM articles_fts f JOIN articles a ON a.row = f.rowid "
        "WHERE articles_fts MATCH 'economie'"
    ).fetchall()
    assert found == [("L'Économie", '["port", "travaux"]', 1)]
    assert base.execute("SELECT count(*) FROM articles").fetchone() == (counts.rows,) == (len(HOSTILE) + 1,)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "archives"]


class Killed(BaseException):
    """What ends an export at once."""


def killed(*_: object) -> None:
    raise Killed


def urls_of(base: Path) -> list[str]:
    with closing(sqlite3.connect(base)) as open_base:
        return [url for (url,) in open_base.execute("SELECT url FROM articles ORDER BY url")]


def test_a_killed_database_hands_down_no_outlet_that_is_not_asked_for(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(1)], outlet="one")
    write_run(archives, [article(2)], outlet="two")
    out = tmp_path / "a.db"
    with pytest.raises(Killed):
        run_export(archives, ["two", "one"], ALL, database_sink(out), advanced=killed)
    run_export(archives, ["one"], ALL, database_sink(out))
    assert urls_of(out) == [article(1).url]


def test_a_database_that_was_killed_before_it_had_its_name_is_made_again(
    archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(archives, [article(1)])
    out = tmp_path / "a.db"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(Killed):
            run_export(archives, ["example"], ALL, database_sink(out))
    assert not out.exists()
    assert run_export(archives, ["example"], ALL, database_sink(out)).rows == 1
    assert urls_of(out) == [article(1).url]


def database_sink(out: Path) -> Sink:
    return sink_for(
        str(out), "sqlite", shape=None, compression=None, selection=ALL, staging=out.parent / "staging"
    )


def test_lines_of_a_replay_are_no_later_versions(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(1, "The text of today.")])
    run = write_run(archives, [article(1, "A text of long ago.")], day="20260305").stem
    moment = "2026-03-05T05:06:07.891000Z"
    report = Report(run=run, outlet="example", started=moment, finished=moment, seconds=1, reason="finished")
    write_report(archives / "example", report.model_copy(update={"replay_of": "example-20260101"}))
    assert exported(archives, tmp_path / "out").rows == 1
    assert [line["text"] for line in read(tmp_path / "out")] == ["The text of today."]


def test_texts_stand_in_folders_by_day_and_an_odd_id_names_no_file(archives: Path, tmp_path: Path) -> None:
    write_run(archives, [article(1, "One."), article(2, id="../../evil"), article(3, "x" * 10_000_000)])
    counts = exported(archives, tmp_path / "out", "text")
    folder = tmp_path / "out" / "outlet=example" / "date=2026-03-04"
    assert (folder / f"{article(1, 'One.').id}.txt").read_text(encoding="utf-8").endswith("\n\nOne.\n")
    assert (counts.rows, counts.left_out, len(list(folder.iterdir()))) == (2, {"no_id": 1}, 2)
    write_run(archives, [article(1, "One, edited.")], day="20260305")
    exported(archives, tmp_path / "out", "text")
    assert len(list((tmp_path / "out").rglob("*.txt"))) == 2


def test_wet_records_refer_to_their_responses(archives: Path, tmp_path: Path) -> None:
    from warcio.archiveiterator import ArchiveIterator

    write_run(archives, [article(1, "One."), article(2, warc=None)])
    counts = exported(archives, tmp_path / "a.warc.wet.gz", "wet")
    assert (counts.rows, counts.left_out) == (1, {"no_record": 1})
    with (tmp_path / "a.warc.wet.gz").open("rb") as stream:
        kinds = [(r.rec_type, r.rec_headers["WARC-Refers-To"]) for r in ArchiveIterator(stream)]
    assert kinds == [("warcinfo", None), ("conversion", f"<urn:uuid:{1:036d}>")]


MISFITS = [
    ("parquet", "zyte", None, "out", "goes with --format jsonl"),
    ("csv", "datatrove", None, "out", "goes with --format jsonl"),
    ("parquet", None, "gz", "out", "--compress goes with"),
    ("sqlite", None, "gz", "a.db", "do not go with --format sqlite"),
    ("sqlite", None, None, "memory://a/b.db", "on this machine"),
    ("jsonl", None, None, "memory://a/b.jsonl", "a URL names a folder"),
    ("jsonl", None, "gz", "a.jsonl", "unlike"),
]


@pytest.mark.parametrize(("form", "shape", "packing", "out", "said"), MISFITS)
def test_what_does_not_go_together_is_said(  # noqa: PLR0917
    tmp_path: Path, form: str, shape: str | None, packing: str | None, out: str, said: str
) -> None:
    with pytest.raises(NewscrawlError, match=said):
        sink_for(out, form, shape=shape, compression=packing, selection=ALL, staging=tmp_path)


def test_an_outlet_without_runs_is_named(archives: Path, tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="no finished run under"):
        outlets_in(archives, ())
    write_run(archives, [article(1)])
    with pytest.raises(NewscrawlError, match="no finished run of nowhere"):
        outlets_in(archives, ["nowhere", "example"])


def too_large(**changes: object) -> Article:
    made = article(9, "Sa ligne n’entre pas.")
    return made.model_copy(update=changes)


ODD_LINES = {
    "words": too_large(word_count=2**63),
    "negative": too_large(char_count=-(2**63) - 1),
    "nested": too_large(http=article().http.model_copy(update={"status": 10**30})),
    "in a list": too_large(
        lang_mix=[part.model_copy(update={"chars": 2**64}) for part in article().lang_mix]
    ),
    "infinite": too_large(lang_score=float("inf")),
}


@pytest.mark.parametrize("position", [0, 2, 4])
@pytest.mark.parametrize("line", ODD_LINES)
@pytest.mark.parametrize(
    ("form", "shape"),
    [
        *((form, None) for form in ("parquet", "csv", "sqlite", "jsonl", "text", "wet")),
        *(("jsonl", shape) for shape in ("datatrove", "zyte", "schemaorg")),
        *(("parquet", shape) for shape in ("datatrove", "huggingface")),
    ],
)
def test_a_line_that_a_format_cannot_hold_costs_only_itself(
    tmp_path: Path, form: str, shape: str | None, line: str, position: int
) -> None:
    made = [article(number, f"Texte {number}.") for number in range(4)]
    made.insert(position, ODD_LINES[line])
    raw = [json_line(each).replace(b":Infinity", b":1e999") for each in made]
    write_run(tmp_path / "archives", raw)
    out = tmp_path / ("out.db" if form == "sqlite" else "out")
    counts = exported(tmp_path / "archives", out, form, ALL, shape)
    assert counts.rows + counts.left_out["not_representable"] == 5
    assert set(counts.left_out) <= {"not_representable"}
    assert counts.rows in (4, 5)
    if form == "jsonl":
        (file,) = out.rglob("*.jsonl")
        rows = [json.loads(text, parse_constant=pytest.fail) for text in file.read_text().splitlines()]
        assert len(rows) == counts.rows
    if (form in ("parquet", "sqlite") and line in ("words", "negative")) or (form, line) == (
        "sqlite",
        "nested",
    ):
        assert counts.rows == 4
    if form == "parquet":
        (file,) = out.rglob("*.parquet")
        assert pq.read_metadata(file).num_rows == counts.rows


def test_a_text_that_looks_like_no_number_goes_out(tmp_path: Path) -> None:
    write_run(tmp_path / "archives", [article(1, 'Le fichier disait {"a":NaN,"b":-Infinity}.')])
    assert exported(tmp_path / "archives", tmp_path / "out").rows == 1
