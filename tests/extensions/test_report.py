"""The report: what is read of those of earlier versions, and the digest of what bears on a run's lines."""

import json
from pathlib import Path

from scrapy.settings import Settings

from newscrawl.archive.report import Report, ReportedAlarm, read_report
from newscrawl.spiders.run_context import given_settings, settings_digest


def test_alarms_of_earlier_versions_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    values = {"run": "r", "outlet": "o", "started": "", "finished": "", "seconds": 1, "reason": "finished"}
    path.write_text(json.dumps(values | {"alarms": ["4 articles, at least 5 expected"]}), encoding="utf-8")
    [alarm] = read_report(path).alarms
    assert alarm == ReportedAlarm(
        name="expectation", level="warning", detail="4 articles, at least 5 expected"
    )
    again = Report.model_validate(read_report(path).model_dump(mode="json", by_alias=True))
    assert again.alarms == [alarm]


def digest(**changed: object) -> str:
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    settings.setdict(changed, priority="cmdline")
    return settings_digest(settings)


def test_the_digest_tells_settings_that_change_what_is_written() -> None:
    assert digest() == digest(NEWSCRAWL_ARCHIVES="/elsewhere", NEWSCRAWL_CONTACT="a@b.example")
    assert digest() == digest(NEWSCRAWL_WEBHOOK="https://hook.example/s3cret")
    different = [
        digest(),
        digest(NEWSCRAWL_BODY_MIN_CHARS=9000),
        digest(NEWSCRAWL_EXTRACT_SECONDS=1),
        digest(ITEM_PIPELINES={}),
        digest(RETRY_TIMES=9),
    ]
    assert len(set(different)) == len(different)


def test_the_address_of_a_webhook_is_told_nowhere() -> None:
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    settings.set("NEWSCRAWL_WEBHOOK", "https://hook.example/s3cret", priority="cmdline")
    assert "s3cret" not in json.dumps(given_settings(settings))
