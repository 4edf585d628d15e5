"""Two JSONL files side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.archive.compare import MAX_WORDS, compare_articles, differing_fields, shared_words
from newscrawl.errors import ArchiveError


def line(url: str, text: str = "one two three", **more: Any) -> dict[str, Any]:
    return {"url_norm": url, "text": text, "title": "A", "extractor": {"version": "1"}, **more}


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def test_every_article_is_counted_once(tmp_path: Path) -> None:
    old = written(tmp_path / "old", [line("a"), line("b"), line("c"), line("d", title="old")])
    new = written(tmp_path / "new", [line("b", "one two four"), line("a"), line("d"), line("e")])
    found = compare_articles(old, new)
    assert (found.same, found.changed, found.new, found.gone) == (1, 2, 1, 1)
    assert found.fields == {"text": 1, "title": 1}
    assert (found.new_urls, found.gone_urls) == (["e"], ["c"])


def test_what_made_a_line_changes_no_article(tmp_path: Path) -> None:
    old = written(tmp_path / "old", [line("a", warc={"offset": 1}, fetched="x")])
    new = written(tmp_path / "new", [line("a", warc={"offset": 2}, fetched="y", extractor={"version": "2"})])
    assert compare_articles(old, new).same == 1


def test_the_least_alike_come_first_and_are_capped(tmp_path: Path) -> None:
    old = written(tmp_path / "old", [line(url, "a b c d") for url in "stuvw"])
    texts = {"s": "a b c x", "t": "x y z z", "u": "a b x y", "v": "x y z z", "w": "a b c y"}
    new = written(tmp_path / "new", [line(url, text) for url, text in texts.items()])
    found = compare_articles(old, new, worst=3)
    assert [(row.url, row.ratio) for row in found.worst] == [("t", 0.0), ("v", 0.0), ("u", 0.5)]
    assert found.changed == 5
    assert (found.worst[0].words_old, found.worst[0].fields) == (4, ("text",))


def test_lines_of_one_page_are_paired_in_their_order(tmp_path: Path) -> None:
    old = written(tmp_path / "old", [line("a", "first"), line("a", "second")])
    new = written(tmp_path / "new", [line("a", "first"), line("a", "changed"), line("a", "third")])
    found = compare_articles(old, new)
    assert (found.same, found.changed, found.new, found.gone) == (1, 1, 1, 0)


def test_a_field_that_one_side_lacks_differs() -> None:
    assert differing_fields({"a": 1, "b": None}, {"a": 1, "c": 2}) == ("c",)


def test_pages_are_the_same_wherever_their_records_are() -> None:
    old, new = ({"pages": [{"url": "a", "warc": {"offset": offset}}]} for offset in (1, 2))
    assert differing_fields(old, new) == differing_fields({"pages": ["a"]}, new) == ()
    assert differing_fields(old, {"pages": []}) == ("pages",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"url_norm": "a"}\n{"cut', "line 2: no article"),
        (b"[]\n", "line 1: no article"),
        (b'{"url_norm": 3}\n', "line 1: no article"),
        (b"[" * 200_000, "line 1: no article"),
    ],
)
def test_a_line_that_is_no_article_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "old").write_bytes(content)
    with pytest.raises(ArchiveError, match=f"old, {says}"):
        compare_articles(tmp_path / "old", written(tmp_path / "new", []))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cannot read .*none"):
        compare_articles(tmp_path / "none", tmp_path / "none")


def test_a_text_of_any_length_is_compared_by_its_first_words() -> None:
    ratio, before, after = shared_words("a " * (MAX_WORDS + 5), "a " * MAX_WORDS + "b c d")
    assert (ratio, before, after) == (1.0, MAX_WORDS, MAX_WORDS)


@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")))
def test_counts_add_up_whatever_the_files(
    tmp_path_factory: pytest.TempPathFactory, a: list[str], b: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    found = compare_articles(
        written(folder / "old", [line(url) for url in a]), written(folder / "new", [line(url) for url in b])
    )
    assert found.same + found.changed + found.gone == len(a)
    assert found.same + found.changed + found.new == len(b)
    assert found.changed == 0
