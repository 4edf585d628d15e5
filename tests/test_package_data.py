"""Data files are found in the folder of their package, wherever it is installed."""

from __future__ import annotations

import pytest

from newscrawl.package_data import read_package_text, read_package_toml


def test_a_file_is_read_as_text_or_as_tables() -> None:
    assert read_package_text("newscrawl.extraction", "agencies.toml").startswith("# ")
    assert "AFP News" in read_package_toml("newscrawl.extraction", "agencies.toml")["AFP"]


def test_a_file_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        read_package_toml("newscrawl.extraction", "nowhere.toml")
