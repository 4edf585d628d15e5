"""The spool of a bucket: what waits, what arrives, which copy counts, whatever happens in between."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from newscrawl.archive.bucket import (
    AWAY_SECONDS,
    SUPERSEDED_SUFFIX,
    OutletCopy,
    Spool,
    is_stored,
    iter_copies,
    locate_archives,
    set_aside_given_up,
    trim_copies,
)
from newscrawl.archive.manifest import (
    ARRIVED,
    MANIFEST,
    add_to_manifest,
    file_sha256,
    format_manifest,
    read_manifest,
    remove_from_manifest,
    update_manifest,
)
from newscrawl.archive.memory_files import CURRENT, newest_memory, write_memory
from newscrawl.archive.repair import find_unlisted
from newscrawl.archive.takedown import block_replay, read_blocked_urls
from newscrawl.errors import StorageError
from newscrawl.state.database import Database
from newscrawl.state.runs import Holder, State
from newscrawl.storage import open_stored

WARC, LINES, REPORT = "a-20260101000000000-00000-host-1.warc.gz", "a-1.jsonl", "a-1.report.json"


class Machine:
    """The copy of outlet `a` on one machine."""

    def __init__(self, folder: Path, url: str) -> None:
        self.archives = locate_archives(url, str(folder))
        found = Spool.find(self.archives)
        assert found
        self.spool = found
        self.folder = self.archives / "a"
        self.folder.mkdir(parents=True)

    @property
    def copy(self) -> OutletCopy:
        return OutletCopy(folder=self.folder, storage=self.spool.storage)

    def write(self, name: str, data: bytes = b"x") -> None:
        path = self.folder / name
        is_new = not path.exists()
        path.write_bytes(data)
        (add_to_manifest if is_new else update_manifest)(path)

    def waiting(self) -> list[str]:
        return [file.path.name for file in self.copy.list_waiting()]

    def bring(self) -> OutletCopy:
        copy = self.copy
        copy.refresh()
        copy.bring(lambda name: name.endswith((".gz", ".jsonl", ".json")))
        return copy


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Machine, Machine]:
    url = f"file://{tmp_path}/far"
    return Machine(tmp_path / "one", url), Machine(tmp_path / "two", url)


def test_records_arrive_before_the_lines_that_point_at_them(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    for name in (LINES, REPORT, WARC):
        one.write(name)
    write_memory(one.folder, b'{"pages":[]}')
    add_to_manifest(newest_memory(one.folder) or Path())
    order = one.waiting()
    assert order.index(WARC) < order.index(LINES) < order.index(REPORT)
    assert order[-1] == CURRENT
    assert is_stored(one.copy.send())
    assert one.waiting() == []
    assert {path.name for path in iter_copies(one.folder)} == {WARC, LINES, REPORT}


def test_a_file_that_was_changed_elsewhere_replaces_the_copy_here(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    one.write(LINES, b"first\n")
    one.copy.send()
    two.bring()
    two.write(LINES, b"without the article\n")
    assert two.waiting() == [LINES]
    two.copy.send()
    # The machine that made the file must not send its old state, nor read it.
    assert one.waiting() == []
    assert is_stored(one.copy.send())
    one.bring()
    assert (one.folder / LINES).read_bytes() == b"without the article\n"
    assert (two.folder.parent.parent / "far" / "a" / LINES).read_bytes() == b"without the article\n"


def test_a_file_that_was_changed_back_is_sent_again(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    one, _ = machines
    for data in (b"a line\n", b"", b"a line\n"):
        one.write(LINES, data)
        assert one.waiting() == [LINES]
        assert not list(iter_copies(one.folder))
        one.copy.send()
        assert (tmp_path / "far" / "a" / LINES).read_bytes() == data
        assert one.waiting() == []
    assert list(iter_copies(one.folder))


def test_a_file_that_was_changed_here_waits_and_stays(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    one.write(LINES, b"first\n")
    one.copy.send()
    one.write(LINES, b"mended here\n")
    two.bring()
    one.copy.refresh()
    assert (one.folder / LINES).read_bytes() == b"mended here\n"
    assert one.waiting() == [LINES]


def test_what_the_bucket_has_lost_is_sent_again(machines: tuple[Machine, Machine], tmp_path: Path) -> None:
    one, _ = machines
    one.write(WARC)
    one.copy.send()
    (tmp_path / "far" / "a" / MANIFEST).write_bytes(b"")
    assert [result.outcome for result in one.copy.send()] == ["there"]
    assert read_manifest(tmp_path / "far" / "a") == {WARC: file_sha256(one.folder / WARC)}


def test_what_the_bucket_has_lost_is_no_copy_to_delete(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    one, _ = machines
    one.write(WARC)
    one.copy.send()
    (tmp_path / "far" / "a" / WARC).unlink()
    (tmp_path / "far" / "a" / MANIFEST).write_bytes(b"")
    one.copy.refresh()
    assert one.waiting() == [WARC]
    trim_copies(one.archives, 0)
    assert (one.folder / WARC).read_bytes() == b"x"
    assert [result.outcome for result in one.copy.send()] == ["sent"]
    trim_copies(one.archives, 0)
    assert not (one.folder / WARC).exists()


def test_a_file_that_is_being_replaced_is_no_copy_to_delete(machines: tuple[Machine, Machine]) -> None:
    """A process that is killed between the two steps leaves the new file without its line."""
    one, _ = machines
    one.write(LINES, b"with what was taken down\n")
    one.copy.send()
    remove_from_manifest(one.folder / LINES)
    (one.folder / LINES).write_bytes(b"without\n")
    trim_copies(one.archives, 0)
    assert (one.folder / LINES).read_bytes() == b"without\n"


def test_a_copy_is_no_file_that_the_manifest_lacks(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    one.write(WARC)
    one.copy.send()
    two.bring()
    assert (two.folder / WARC).is_file()
    assert find_unlisted(two.folder) == []
    assert two.waiting() == []


def test_a_single_record_is_read_without_its_copy(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    one.write(WARC, b"0123456789")
    one.copy.send()
    with open_stored(two.folder / WARC) as stream:
        stream.seek(5)
        assert stream.read() == b"56789"
    with pytest.raises(FileNotFoundError):
        open_stored(two.folder / "other.warc.gz")


def test_the_newest_memory_comes_along_unless_a_newer_one_waits(machines: tuple[Machine, Machine]) -> None:
    one, two = machines

    def learn(machine: Machine, data: bytes) -> str:
        path, _ = write_memory(machine.folder, data)
        add_to_manifest(path)
        return path.name

    def newest(machine: Machine) -> str:
        copy = machine.copy
        copy.refresh()
        copy.bring_memory()
        path = newest_memory(machine.folder)
        assert path
        return path.name

    first = learn(one, b'{"pages":[1]}')
    one.copy.send()
    assert newest(two) == first
    second = learn(two, b'{"pages":[2]}')  # the bucket was away when this run ended
    assert newest(two) == second
    two.copy.send()
    assert newest(one) == second


def test_takedowns_of_both_sides_hold(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    block_replay(one.folder, ["http://example.org/one"])
    one.copy.send()
    block_replay(two.folder, ["http://example.org/two"])
    copy = two.copy
    copy.refresh()
    copy.bring_block_list()
    copy.send()
    assert set(read_blocked_urls(two.folder)) == {"http://example.org/one", "http://example.org/two"}
    other = one.copy
    other.refresh()
    other.bring_block_list()
    assert read_blocked_urls(one.folder) == read_blocked_urls(two.folder)


def test_a_bucket_that_is_away_stops_the_sending_and_is_left_alone(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    one, _ = machines
    one.write(WARC)
    (tmp_path / "far").write_bytes(b"a file where the folder was")
    with pytest.raises(StorageError):
        one.copy.send()
    one.spool.note_away(1000)
    assert one.spool.is_away(1000 + AWAY_SECONDS - 1)
    assert not one.spool.is_away(1000 + AWAY_SECONDS)
    # A clock that was set back does not keep it away.
    assert not one.spool.is_away(900)
    one.spool.note_back()
    assert not one.spool.is_away(1000)


def test_marks_remember_since_when_files_wait(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    one.spool.mark("a", 100)
    one.spool.mark("b", 50)
    one.spool.mark("a", 200, 7)
    one.spool.mark("a", 300)
    assert [tuple(mark) for mark in one.spool.list_waiting()] == [("b", 50, 0), ("a", 100, 7)]
    one.spool.unmark("a")
    one.spool.unmark("a")
    assert [mark.outlet for mark in one.spool.list_waiting()] == ["b"]


def test_lines_of_a_run_that_was_given_up_are_kept_back(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    one, _ = machines
    state = State.open(f"sqlite:///{tmp_path}/state.sqlite", "a", Holder(host="h", pid=1))
    for run, pages in (("a-1", 0), ("a-2", 3), ("a-3", 0)):
        state.runs.begin(run, state.holder, 10)
        if run != "a-3":
            state.runs.end(run, 20, reason="killed", pages=pages)
        one.write(f"{run}.jsonl", b"{}\n")
    database: Database = state.database
    set_aside_given_up(one.copy, database)
    state.close()
    # The third has not ended: it is not known yet what becomes of it.
    assert one.waiting() == ["a-2.jsonl", "a-3.jsonl"]
    assert (one.folder / f"a-1.jsonl{SUPERSEDED_SUFFIX}").read_bytes() == b"{}\n"


def test_a_torn_journal_makes_files_wait_and_loses_none(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    one.write(WARC)
    one.copy.send()
    journal = one.folder / ARRIVED
    journal.write_bytes(journal.read_bytes()[:40])
    assert one.waiting() == [WARC]
    assert one.copy.send() == []
    assert one.waiting() == []


def test_a_copy_that_differs_from_the_manifest_is_none(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    one, two = machines
    one.write(WARC)
    one.copy.send()
    one.spool.storage.put(f"a/{MANIFEST}", BytesIO(format_manifest({WARC: "0" * 64})))
    with pytest.raises(StorageError, match="differs from its manifest"):
        two.bring()
    assert not (two.folder / WARC).exists()
