"""Files that tasks hand to each other are whole, whoever else still writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newscrawl.dedup.shuffle import Shuffle, replace_file

ROW = np.dtype([("value", "<i8")])


def make_rows(*values: int) -> np.ndarray:
    return np.array([(value,) for value in values], ROW)


def test_a_file_keeps_its_content_while_and_after_another_worker_fails_to_write_it(tmp_path: Path) -> None:
    shuffle = Shuffle(folder=tmp_path / "x", row=ROW, shards=2, tasks=2)
    for task in range(2):
        shuffle.write(task, make_rows(task, 10 + task), np.array([0, 1]))

    def assert_whole() -> None:
        assert [shuffle.read(shard)["value"].tolist() for shard in range(2)] == [[0, 1], [10, 11]]

    def write_half() -> None:
        with replace_file(tmp_path / "x" / "00000001") as file:
            file.write(b"half a")
            file.flush()
            assert_whole()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert_whole()
    assert len(list((tmp_path / "x").iterdir())) == 2


def test_a_task_that_is_missing_is_no_empty_one(tmp_path: Path) -> None:
    shuffle = Shuffle(folder=tmp_path / "x", row=ROW, shards=1, tasks=2)
    shuffle.write(0, make_rows(1), np.array([0]))
    with pytest.raises(FileNotFoundError, match="00000001"):
        shuffle.read(0)


def test_a_rebuild_that_has_ended_gets_no_files_any_more(tmp_path: Path) -> None:
    shuffle = Shuffle(folder=tmp_path / "ended" / "x", row=ROW, shards=1, tasks=1)
    with pytest.raises(FileNotFoundError):
        shuffle.write(0, make_rows(1), np.array([0]))
