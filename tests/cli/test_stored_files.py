"""Commands on archives in a bucket do what they do on the folder that it holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.archived import answer, archived_run, story
from wire.s3 import bucket as s3_bucket

from newscrawl import settings
from newscrawl.archive.bucket import OutletCopy, bring_outlets, trim_copies
from newscrawl.archive.manifest import MANIFEST, add_to_manifest, read_manifest
from newscrawl.cli import app
from newscrawl.errors import NewscrawlError
from newscrawl.storage import BUCKET_MARKER, Storage

STORIES = ("pier", "mill", "lake")


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    pages = {f"http://example.org/{name}": answer(story(name)) for name in STORIES}
    for name in ("a", "b"):
        archived_run(tmp_path / "archives", name, pages, pid=ord(name))
    return tmp_path / "archives"


@pytest.fixture(params=["file", "s3"])
def url(
    request: pytest.FixtureRequest, archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A bucket with all that the archives hold; its spool is empty."""
    monkeypatch.setattr(settings, "NEWSCRAWL_SPOOL", str(tmp_path / "spool"))
    if request.param == "file":
        (tmp_path / "far").mkdir()
        invoke("sync", f"file://{tmp_path}/far", "--archives", archives)
        yield f"file://{tmp_path}/far"
        return
    with s3_bucket(monkeypatch) as root:
        invoke("sync", f"{root}/news", "--archives", archives)
        yield f"{root}/news"


def invoke(*args: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_extraction_gives_the_same_bytes(url: str, archives: Path, tmp_path: Path) -> None:
    invoke("extract", archives, "-o", tmp_path / "folder.jsonl", "--jobs", "1")
    invoke("extract", url, "-o", tmp_path / "bucket.jsonl", "--jobs", "1")
    assert (tmp_path / "bucket.jsonl").read_bytes() == (tmp_path / "folder.jsonl").read_bytes()
    assert (tmp_path / "bucket.jsonl").read_bytes().count(b"\n") == 2 * len(STORIES)


def test_readers_find_the_same(
    url: str, archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("stats", "--json", "--days", "3660", "--archives")
    assert json.loads(invoke(*words, url)) == json.loads(invoke(*words, archives))
    for place, out in ((archives, "here"), (url, "there")):
        invoke("export", "-f", "jsonl", "-o", tmp_path / out, "--archives", place)
    here, there = (
        sorted(path.read_bytes() for path in (tmp_path / out).rglob("*.jsonl")) for out in ("here", "there")
    )
    assert here == there
    assert here
    # A folder of the bucket, named by the URL below that of the archives.
    monkeypatch.setattr(settings, "NEWSCRAWL_ARCHIVES", url)
    assert json.loads(invoke("verify", f"{url}/a", "--json").splitlines()[-1])["summary"]["files"] == 1
    shutil.rmtree(tmp_path / "spool" / "a")
    built = json.loads(invoke("index", "build", "--archives", url, "--json"))
    assert [row["records"] for row in built] == [
        row["records"] for row in json.loads(invoke("index", "build", "--archives", archives, "--json"))
    ]
    # The index stays where the records are not, and a look at a page fetches what it needs.
    for warc in (tmp_path / "spool").rglob("*.warc.gz"):
        warc.unlink()
    found = json.loads(invoke("index", "lookup", "http://example.org/pier", "--archives", url, "--json"))
    assert len(found) == 2
    assert "pier" in invoke("explain", f"{found[0]['file']}:{found[0]['offset']}", "--archives", url)
    assert invoke("index", "build", "--archives", url, "--json").count('"added": 0') == 2


def test_a_takedown_reaches_the_bucket_and_every_other_copy(
    url: str, archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    monkeypatch.setattr(settings, "NEWSCRAWL_SPOOL", str(other))
    invoke("extract", url, "-o", tmp_path / "before.jsonl", "--jobs", "1")
    monkeypatch.setattr(settings, "NEWSCRAWL_SPOOL", str(tmp_path / "spool"))
    invoke("takedown", "http://example.org/mill", "--erase", "--archives", url)
    storage = Storage.open(url)
    for outlet in ("a", "b"):
        manifest = (storage.read(f"{outlet}/{MANIFEST}") or b"").decode()
        for line in manifest.splitlines():
            digest, _, name = line.partition("  ")
            assert storage.digest(f"{outlet}/{name}") == digest
            if name.endswith(".jsonl") and ".rejected" not in name:
                assert b"example.org/mill" not in (storage.read(f"{outlet}/{name}") or b"")
    # The other machine still has the old files, and does not use them.
    monkeypatch.setattr(settings, "NEWSCRAWL_SPOOL", str(other))
    invoke("extract", url, "-o", tmp_path / "after.jsonl", "--jobs", "1")
    assert (tmp_path / "before.jsonl").read_bytes().count(b"/mill") > 0
    assert (tmp_path / "after.jsonl").read_bytes().count(b"/mill") == 0
    assert not OutletCopy.find(other / "a").list_waiting()  # type: ignore[union-attr]


def test_copies_are_bounded(url: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    invoke("extract", url, "-o", tmp_path / "out.jsonl", "--jobs", "1")
    warcs = list(spool.rglob("*.warc.gz"))
    assert len(warcs) == 2
    shutil.rmtree(spool / "a")
    with pytest.raises(NewscrawlError, match="NEWSCRAWL_SPOOL_MAX_BYTES is 10"):
        bring_outlets(spool, ["a"], (".warc.gz",), max_bytes=10)
    # What only the spool has is no copy.
    own = spool / "b" / "b-20260101000000000-1.jsonl"
    own.write_bytes(b"{}\n")
    trim_copies(spool, 0)
    assert not list(spool.rglob("*.warc.gz"))
    assert own.is_file()


def test_a_spool_belongs_to_a_single_bucket(url: str, tmp_path: Path) -> None:
    invoke("stats", "--archives", url)
    assert (tmp_path / "spool" / BUCKET_MARKER).read_text() == f"{url}\n"
    with pytest.raises(NewscrawlError, match=f"is the spool of {url}, not of file:///elsewhere"):
        invoke("stats", "--archives", "file:///elsewhere")
    with pytest.raises(NewscrawlError, match="come from the environment") as told:
        invoke("stats", "--archives", "s3://key:secret@news")
    assert "secret" not in str(told.value)


def test_a_file_that_is_damaged_there_is_no_copy(url: str, tmp_path: Path) -> None:
    storage = Storage.open(url)
    name = next(name for name in storage.list_sizes("a") if name.endswith(".warc.gz"))
    with (tmp_path / "noise").open("w+b") as noise:
        noise.write(b"noise")
        noise.seek(0)
        storage.put(f"a/{name}", noise)
    with pytest.raises(NewscrawlError, match=f"a/{name} differs from its manifest"):
        invoke("extract", f"{url}", "-o", tmp_path / "out.jsonl", "--jobs", "1")
    assert not (tmp_path / "spool" / "a" / name).exists()


def test_sync_sends_what_a_command_left(url: str, tmp_path: Path) -> None:
    invoke("stats", "--archives", url)
    extra = tmp_path / "spool" / "a" / "memory-0123456789abcdef.json.gz"
    extra.write_bytes(b"x")
    add_to_manifest(extra)
    sent = json.loads(invoke("sync", "--archives", url, "--json"))
    assert [(row["file"], row["outcome"]) for row in sent] == [(f"a/{extra.name}", "sent")]
    assert Storage.open(url).read(f"a/{extra.name}") == b"x"
    assert json.loads(invoke("sync", "--archives", url, "--json")) == []
    with pytest.raises(NewscrawlError, match="is no spool of a bucket"):
        invoke("sync", "--archives", tmp_path / "archives")
    with pytest.raises(NewscrawlError, match="copy that with its own tools"):
        invoke("sync", tmp_path / "copy", "--archives", url)


def test_one_file_is_sent_by_nobody_twice(url: str, archives: Path, tmp_path: Path) -> None:
    """A spool that has the very files of the bucket has nothing to send."""
    invoke("stats", "--archives", url)
    folder = tmp_path / "spool" / "a"
    for name in read_manifest(archives / "a"):
        shutil.copy(archives / "a" / name, folder / name)
    shutil.copy(archives / "a" / MANIFEST, folder / MANIFEST)
    copy = OutletCopy.find(folder)
    assert copy is not None
    assert not copy.list_waiting()
