"""The metrics are what Prometheus reads, whatever they are labelled with."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from newscrawl.monitoring.agreement import Agreement
from newscrawl.monitoring.alarms import (
    NAMES,
    Alarm,
    AlarmState,
    dump_alarm_state,
    load_alarm_state,
    merge_alarms,
)
from newscrawl.monitoring.prometheus import RunSnapshot, render_metrics


def samples(run: RunSnapshot) -> dict[tuple[str, ...], float]:
    """By name and by the label besides the outlet."""
    families = text_string_to_metric_families(render_metrics(run).decode())
    found = [sample for family in families for sample in family.samples]
    assert {sample.labels.pop("outlet") for sample in found} == {run.outlet}
    return {(sample.name, *sample.labels.values()): sample.value for sample in found}


def test_every_value_is_a_sample() -> None:
    run = RunSnapshot(
        outlet="paper",
        finished=1_790_000_000.5,
        succeeded=False,
        last_success=None,
        next_due=1_790_000_900,
        seconds=12.5,
        articles=3,
        warc_bytes=10**12 + 1,
        waiting=7,
        pages={"article": 3, 'odd "reason"\\\n': 1},
        agreement=Agreement(whole=2, partial=1, common=90, extra={"p": 10}, missed={"li": 30}),
        alarms=["walls"],
    )
    found = samples(run)
    assert found.pop(("newscrawl_run_finished_timestamp_seconds",)) == 1_790_000_000.5
    assert found.pop(("newscrawl_run_success",)) == 0
    assert found.pop(("newscrawl_run_warc_bytes",)) == 10**12 + 1
    assert found.pop(("newscrawl_run_pages", 'odd "reason"\\\n')) == 1
    assert found.pop(("newscrawl_run_witness_precision",)) == 0.9
    assert found.pop(("newscrawl_run_witness_recall",)) == 0.75
    assert found.pop(("newscrawl_run_witnesses", "whole")) == 2
    assert found.pop(("newscrawl_run_witnesses", "partial")) == 1
    bare = samples(replace(run, agreement=Agreement()))
    assert ("newscrawl_run_witness_precision",) not in bare
    assert not [key for key in found if key[0] == "newscrawl_last_success_timestamp_seconds"]
    alarms = {key[1]: value for key, value in found.items() if key[0] == "newscrawl_alarm"}
    assert alarms == {name: float(name == "walls") for name in NAMES}


def test_alarms_of_the_same_name_are_merged() -> None:
    two = [Alarm("walls", "error", "a"), Alarm("no_articles", "error", "b"), Alarm("walls", "warning", "c")]
    assert merge_alarms(two) == [two[1], Alarm("walls", "error", "a; c")]


def test_the_alarm_state_is_read_back() -> None:
    state = AlarmState([Alarm("walls", "warning", "a")], {"webhook": ["walls", "blocked"], "mail": []})
    assert load_alarm_state(dump_alarm_state(state)) == state
    assert load_alarm_state(None) == AlarmState([], {})
    assert load_alarm_state('{"told": ["walls"]}').told == {"webhook": ["walls"]}, "of version 0.1"
