"""The old names of renamed settings: they work with a warning, and the new name wins where both are set."""

from __future__ import annotations

import logging
import sys
from types import ModuleType
from typing import Any

import pytest
from scrapy.crawler import CrawlerRunner
from scrapy.settings import Settings
from scrapy.utils.misc import load_object

from newscrawl import settings as defaults
from newscrawl.extensions.renamed_settings import COMPONENTS, RENAMED, RenamedSettings
from newscrawl.spiders.run_context import recorded_settings


def read(
    project: dict[str, Any] | None = None, command_line: dict[str, str] | None = None
) -> tuple[Settings, str | None]:
    """Settings of a project's own module and of `-s`, after the add-on."""
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    settings.update(project or {}, priority="project")
    settings.update(command_line or {}, priority="cmdline")
    RenamedSettings.update_pre_crawler_settings(settings)
    return settings, recorded_settings(settings).get("NEWSCRAWL_DEDUP")


@pytest.mark.parametrize("given", ["project", "command_line"])
@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_works_with_a_warning_that_says_what_to_write(
    old: str, new: str, given: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, _ = read(**{given: {old: "0"}})  # type: ignore[arg-type]
    assert settings[new] == "0"
    assert old not in settings
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"{old} is now called {new}: write {new}=0")
    ]


@pytest.mark.parametrize(
    ("project", "command_line", "expected"),
    [
        ({}, {"NEWSCRAWL_CLUSTER": "0", "NEWSCRAWL_DEDUP": "1"}, "1"),
        ({"NEWSCRAWL_CLUSTER": False}, {"NEWSCRAWL_DEDUP": "1"}, "1"),
        ({"NEWSCRAWL_CLUSTER": True, "NEWSCRAWL_DEDUP": False}, {}, "False"),
    ],
)
def test_where_both_are_set_the_new_name_wins_with_a_warning(
    project: dict[str, Any], command_line: dict[str, str], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, recorded = read(project, command_line)
    assert recorded == expected
    assert "NEWSCRAWL_CLUSTER" not in settings
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "NEWSCRAWL_CLUSTER is ignored, because its new name NEWSCRAWL_DEDUP is set too: "
        "remove NEWSCRAWL_CLUSTER"
    )


def test_new_names_alone_need_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert read({}, {"NEWSCRAWL_DEDUP": "0"})[1] == "0"
    assert read()[1] == "True"
    assert not caplog.records


def test_scrapy_applies_it_to_a_module_that_builds_on_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project = ModuleType("project_settings")
    vars(project).update({name: value for name, value in vars(defaults).items() if name.isupper()})
    vars(project).update(NEWSCRAWL_LEARN=False)
    monkeypatch.setitem(sys.modules, project.__name__, project)
    settings = Settings()
    settings.setmodule(project.__name__)
    runner = CrawlerRunner(settings)
    assert runner.settings["NEWSCRAWL_SITE_MEMORY"] is False
    assert "NEWSCRAWL_LEARN is now called NEWSCRAWL_SITE_MEMORY" in caplog.text


def test_no_old_name_is_still_a_setting_and_each_new_name_is() -> None:
    assert not set(RENAMED) & set(dir(defaults))
    assert set(RENAMED.values()) <= set(dir(defaults))


def test_the_command_line_wins_over_a_module_under_either_name(caplog: pytest.LogCaptureFixture) -> None:
    assert read({"NEWSCRAWL_DEDUP": False}, {"NEWSCRAWL_CLUSTER": "1"})[1] == "1"
    assert "NEWSCRAWL_CLUSTER is now called NEWSCRAWL_DEDUP" in caplog.text


@pytest.mark.parametrize(("old", "new"), COMPONENTS.items())
def test_an_old_class_path_leads_to_the_class_with_a_warning(
    old: str, new: str, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = {"https": old, "ftp": None}
    settings, _ = read({"DOWNLOAD_HANDLERS": handlers, "EXTENSIONS": {old: None}})
    assert settings["DOWNLOAD_HANDLERS"] == {"https": new, "ftp": None}
    assert settings.getdict("EXTENSIONS")[new] is None
    assert old not in settings.getdict("EXTENSIONS")
    assert load_object(new)
    assert f"{old} is now called {new}" in caplog.text
