"""`newscrawl sync`: each finished file arrives once, whole, whatever happens in between."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from typer.testing import CliRunner, Result
from wire.archived import answer, archived_run, story
from wire.s3 import bucket

from newscrawl.archive.manifest import MANIFEST, add_to_manifest, file_sha256, read_manifest
from newscrawl.archive.sync import send_folder
from newscrawl.archive.takedown import BLOCK_LIST
from newscrawl.cli import app
from newscrawl.cli.sync import LOCK
from newscrawl.errors import ArchiveError, NewscrawlError, StorageError
from newscrawl.storage import Storage, try_lock


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    pages = {"http://example.org/pier": answer(story("pier"))}
    for name in ("a", "b"):
        archived_run(tmp_path / "archives", name, pages, pid=ord(name))
    return tmp_path / "archives"


def invoked(*args: str | Path) -> Result:
    result = CliRunner().invoke(app, ["sync", *map(str, args)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def outcomes(*args: str | Path) -> dict[str, str]:
    done = invoked(*args, "--json")
    return {one["file"]: one["outcome"] for one in json.loads(done.stdout)}


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_each_file_is_sent_once(archives: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    first = outcomes(there, "--archives", archives)
    assert set(first.values()) == {"sent"}
    assert {Path(name).name.partition(".")[2] for name in first} >= {"warc.gz", "jsonl", "report.json"}
    found = files_of(there)
    assert set(found) == {*first, f"a/{MANIFEST}", f"b/{MANIFEST}"}
    assert all(found[name] == (archives / name).read_bytes() for name in first)
    checked = subprocess.run(["sha256sum", "-c", "--strict", MANIFEST], cwd=there / "a", check=False)
    assert checked.returncode == 0

    assert set(outcomes(there, "--archives", archives).values()) == {"known"}
    assert files_of(there) == found


def test_a_trial_writes_nothing(archives: Path, tmp_path: Path) -> None:
    done = invoked(tmp_path / "there", "a", "--dry-run", "--archives", archives)
    assert "would send" in done.stderr
    assert not (tmp_path / "there").exists()


def test_what_was_sent_may_go_here_and_what_was_not_is_told(archives: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    outcomes(there, "--archives", archives)
    for path in (archives / "a").glob("*.warc.gz"):
        path.unlink()
    assert set(outcomes(there, "--archives", archives).values()) == {"known"}
    (archives / "a" / "late").write_bytes(b"x")
    add_to_manifest(archives / "a" / "late")
    (archives / "a" / "late").unlink()
    done = invoked(there, "--archives", archives)
    assert done.exit_code == 0
    assert "a/late: gone" in done.stderr


def test_a_damaged_file_replaces_no_whole_one(archives: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    outcomes(there, "--archives", archives)
    (there / "a" / MANIFEST).unlink()
    (warc,) = (archives / "a").glob("*.warc.gz")
    whole = warc.read_bytes()
    warc.write_bytes(whole[:-1])
    done = invoked(there, "--archives", archives)
    assert done.exit_code == 1
    assert f"a/{warc.name}: damaged" in done.stderr
    assert (there / "a" / warc.name).read_bytes() == whole
    # The others of that folder had arrived, and the next sync knows so again.
    assert warc.name not in read_manifest(there / "a")
    assert len(read_manifest(there / "a")) == len(read_manifest(archives / "a")) - 1


def test_a_rewritten_file_is_sent_again(archives: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    outcomes(there, "--archives", archives)
    lines = next(path for path in (archives / "a").glob("*.jsonl") if ".rejected" not in path.name)
    lines.write_bytes(b"")
    add_to_manifest(lines)
    changed = {name for name, how in outcomes(there, "--archives", archives).items() if how == "sent"}
    assert changed == {f"a/{lines.name}"}
    assert (there / "a" / lines.name).read_bytes() == b""


def test_what_was_taken_down_is_told_there_first(archives: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    outcomes(there, "--archives", archives)
    (archives / "a" / BLOCK_LIST).write_bytes(b"org,example)/pier - {}\n")
    done = json.loads(invoked(there, "--archives", archives, "--json").stdout)
    assert (done[0]["file"], done[0]["outcome"]) == (f"a/{BLOCK_LIST}", "sent")
    (archives / "a" / BLOCK_LIST).write_bytes(b"org,example)/wall - {}\n")
    assert outcomes(there, "--archives", archives)[f"a/{BLOCK_LIST}"] == "sent"
    assert (there / "a" / BLOCK_LIST).read_bytes() == b"org,example)/wall - {}\n"


def test_another_machine_s_files_stay_in_the_manifest_there(archives: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    (there / "a").mkdir(parents=True)
    (there / "a" / MANIFEST).write_text(f"{'0' * 64}  other.warc.gz\n")
    outcomes(there, "--archives", archives)
    assert read_manifest(there / "a")["other.warc.gz"] == "0" * 64


def test_a_killed_sync_leaves_no_half_file_and_goes_on(archives: Path, tmp_path: Path) -> None:
    there, dice = tmp_path / "there", random.Random(3)
    for number in range(40):
        path = archives / "a" / f"more-{number}"
        path.write_bytes(dice.randbytes(1 << 20))
        add_to_manifest(path)
    command = [sys.executable, "-c", "from newscrawl.cli import main; main()", "sync", str(there)]
    killed = 0
    for _ in range(6):
        process = subprocess.Popen(
            [*command, "--archives", str(archives)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before = len(list(there.glob("a/*")))
        while process.poll() is None and len(list(there.glob("a/*"))) < before + 3:
            time.sleep(0.001)
        time.sleep(dice.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        wanted = read_manifest(archives / "a")
        for path in (there / "a").iterdir():
            assert path.name == MANIFEST or path.suffix == ".part" or file_sha256(path) == wanted[path.name]
    assert killed >= 4
    done = outcomes(there, "--archives", archives)
    assert set(done.values()) <= {"sent", "there", "known"}
    assert "there" in done.values()
    # A draft that was left is written over when its file's turn comes.
    assert not [name for name in files_of(there) if name.endswith(".part")]


def test_an_object_store_is_a_place_too(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bucket(monkeypatch) as url:
        assert set(outcomes(f"{url}/deep", "--archives", archives).values()) == {"sent"}
        assert set(outcomes(f"{url}/deep", "--archives", archives).values()) == {"known"}
        done = invoked("s3://nowhere", "--archives", archives)
        assert done.exit_code == 1
        assert "failed: s3://nowhere/a/" in done.stderr


class Meddled(Storage):
    """A place whose files have changed while they were sent."""

    def put(self, name: str, source: BinaryIO) -> str:
        return super().put(name, BytesIO(source.read() + b"more"))


def test_a_file_that_changes_while_it_is_sent_is_not_noted(archives: Path, tmp_path: Path) -> None:
    done = send_folder(archives / "a", Meddled.open(str(tmp_path / "there")), reads_back=False)
    assert {one.outcome for one in done} == {"failed"}
    assert not (tmp_path / "there" / "a" / MANIFEST).exists()


def test_two_at_once_are_one_too_many(archives: Path, tmp_path: Path) -> None:
    with (archives / LOCK).open("wb") as held:
        assert try_lock(held.fileno())
        done = invoked(tmp_path / "there", "--archives", archives)
    assert done.exit_code == 75
    assert not (tmp_path / "there").exists()


def test_bad_input_is_named(archives: Path, tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="no finished files of none"):
        invoked(tmp_path / "there", "none", "--archives", archives)
    with pytest.raises(ArchiveError, match=r"no such folder: .*/nowhere"):
        invoked(tmp_path / "there", "--archives", tmp_path / "nowhere")
    with pytest.raises(StorageError, match="nonsense://x"):
        invoked("nonsense://x", "--archives", archives)
