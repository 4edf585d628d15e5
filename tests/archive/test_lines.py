"""JSON lines: every key, sorted, in the order of the archive; readable while open."""

import json
from pathlib import Path

import pytest

from newscrawl.archive.lines import LinesFile, json_line
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
