"""Story files: what they may say, and what is said of broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from newscrawl.demo.stories import read_desk
from newscrawl.errors import NewscrawlError

STORY = '''
title = "T"
tagline = "t"
stray = []

[[story]]
id = 1
slug = "one"
title = "One"
lang = "en"
section = "s"
published = 2026-03-02T10:05:00+01:00
body = """
First.

## Second
- {fr} Third
{fr} > Quatre
"""
'''


def desk_file(folder: Path, text: str, name: str = "desk") -> Path:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_lines_become_parts(tmp_path: Path) -> None:
    (story,) = read_desk("desk", desk_file(tmp_path, STORY)).story
    assert [(part.kind, part.text, part.lang) for part in story.parts] == [
        ("p", "First.", "en"),
        ("h", "Second", "en"),
        ("li", "{fr} Third", "en"),
        ("quote", "Quatre", "fr"),
    ]


def test_a_copy_takes_the_original_s_words_and_keeps_its_own_facts(tmp_path: Path) -> None:
    copy = STORY[: STORY.index('title = "One"')].replace("id = 1", "id = 9") + (
        'copy_of = "desk/1"\nsection = "other"\npublished = 2026-03-03T10:05:00+01:00\n'
    )
    desk_file(tmp_path, STORY)
    (story,) = read_desk("second", desk_file(tmp_path, copy, "second")).story
    original = read_desk("desk", tmp_path).find(1)
    assert (story.title, story.body, story.section) == (original.title, original.body, "other")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('section = "s"', "", "section"),
        ("+01:00", "", "published"),
        ('slug = "one"', 'slug = "../one"', "slug"),
        ('lang = "en"', 'lang = "de"', "lang"),
        ("id = 1", 'id = 1\ncopy_of = "desk/77"', "no story desk/77"),
        ("id = 1", 'id = 1\ncopy_of = "absent/1"', "absent.toml"),
        ('title = "T"', "title", "desk.toml"),
    ],
)
def test_a_broken_file_is_named_with_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(NewscrawlError, match=said):
        read_desk("desk", desk_file(tmp_path, STORY.replace(old, new)))


def test_a_desk_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match=r"absent\.toml"):
        read_desk("absent", tmp_path)
