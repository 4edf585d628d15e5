"""JSON lines: every key, sorted, in the order of the archive; readable while open; read back with places."""

import json
from pathlib import Path

import pytest
from wire.archived import answer, archived_run, story

from newscrawl.archive import lines as lines_module
from newscrawl.archive.lines import LinesFile, iter_lines, json_line, read_articles, replace_lines
from newscrawl.archive.manifest import MANIFEST, add_to_manifest, file_sha256
from newscrawl.errors import ArchiveError
from newscrawl.items import Rejection, WarcPointer


def pointer(file: str, offset: int) -> WarcPointer:
    return WarcPointer(file=file, offset=offset, length=1, record_id="<urn:uuid:1>")


def test_lines_stand_in_archive_order_once_closed(tmp_path: Path) -> None:
    lines = LinesFile(tmp_path / "sub" / "run.jsonl")
    lines.open()
    lines.add(b"none\n", None)
    for name, place in ((b"c\n", ("b.warc.gz", 5)), (b"b\n", ("a.warc.gz", 70)), (b"a\n", ("a.warc.gz", 9))):
        lines.add(name, pointer(*place))
    assert (tmp_path / "sub" / "run.jsonl.open").read_bytes() == b"none\nc\nb\na\n"
    lines.close()
    assert (tmp_path / "sub" / "run.jsonl").read_bytes() == b"a\nb\nc\nnone\n"
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["run.jsonl"]
    assert lines.count == 4


def test_a_line_that_was_withdrawn_unwritten_is_not_counted_twice(tmp_path: Path) -> None:
    lines = LinesFile(tmp_path / "run.jsonl")
    lines.open()
    lines.withdraw(pointer("a.warc.gz", 9))
    lines.add(b"a\n", pointer("a.warc.gz", 70))
    assert lines.count == 1
    lines.close()
    assert (tmp_path / "run.jsonl").read_bytes() == b"a\n"


def test_a_line_has_every_key_sorted_in_utf8() -> None:
    item = Rejection(
        url="http://é/", url_requested="http://é/", step="fetch", reason="http_404", detail="\ud800"
    )
    line = json_line(item)
    data = json.loads(line)
    assert list(data) == sorted(data)
    assert data["schema"] == "newscrawl.rejection/1"
    assert data["warc"] is None
    assert "é".encode() in line
    assert line.count(b"\n") == 1


def test_a_file_of_another_run_is_not_touched(tmp_path: Path) -> None:
    first, second = LinesFile(tmp_path / "run.jsonl"), LinesFile(tmp_path / "run.jsonl")
    first.open()
    with pytest.raises(ArchiveError, match="cannot write"):
        second.open()
    first.close()


def test_articles_are_read_from_a_file_a_report_and_folders(tmp_path: Path) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"pier {n}")) for n in range(2)}
    run = archived_run(tmp_path / "archives", "echo", pages)
    other = archived_run(tmp_path / "archives", "wire", {"http://example.org/x": answer(story("harbour"))})
    report = run.folder / f"{run.report.run}.report.json"
    titles = ["News of the pier 0", "News of the pier 1"]
    for path in (run.lines, report, run.folder):
        assert [article.title for article in read_articles(path)] == titles
    assert [article.title for article in read_articles(tmp_path / "archives")] == [
        *titles,
        "News of the harbour",
    ]
    report.write_text(run.report.model_copy(update={"replay_of": "x"}).model_dump_json(by_alias=True))
    (other.folder / "notes.jsonl").write_text("{}\n")
    assert [article.title for article in read_articles(tmp_path / "archives")] == ["News of the harbour"]
    assert len(list(read_articles(report))) == 2


@pytest.mark.parametrize(
    ("broken", "says"),
    [(b'{"cut', "line 3: Invalid JSON"), (b"{}\n", "line 3: id: Field required"), (b"\n", "line 3: ")],
)
def test_an_invalid_line_is_named_with_its_file(tmp_path: Path, broken: bytes, says: str) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"pier {n}")) for n in range(2)}
    run = archived_run(tmp_path / "archives", "echo", pages)
    run.lines.write_bytes(run.lines.read_bytes() + broken)
    with pytest.raises(ArchiveError, match=f"{run.lines.name}, {says}"):
        list(read_articles(run.folder))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cannot read .*none\.jsonl"):
        list(read_articles(tmp_path / "none.jsonl"))


def test_lines_have_numbers_and_offsets(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'{"a": "\xe2\x80\xa8"}\n[1]\n{"b": 2}')
    lines = list(iter_lines(tmp_path / "x.jsonl"))
    assert [(line.number, line.start) for line in lines] == [(1, 0), (2, 13), (3, 17)]
    assert [line.fields for line in lines] == [{"a": "\u2028"}, None, {"b": 2}]


def test_a_line_that_is_too_long_is_no_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 10)
    (tmp_path / "x.jsonl").write_bytes(b'{"a": "0123456789"}\n{"b": 2}\n')
    assert [line.fields for line in iter_lines(tmp_path / "x.jsonl")] == [None, None, {"b": 2}]


def test_lines_are_replaced_whole_and_the_manifest_follows(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"old\n")
    add_to_manifest(path)
    replace_lines(path, [b"new\n", b"lines\n"])
    assert path.read_bytes() == b"new\nlines\n"
    assert (tmp_path / MANIFEST).read_bytes() == f"{file_sha256(path)}  x.jsonl\n".encode()
    assert {entry.name for entry in tmp_path.iterdir()} == {"x.jsonl", MANIFEST}
